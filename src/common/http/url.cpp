#include "common/http/url.hpp"

#include <charconv>

namespace genesis::http {
namespace {

constexpr std::size_t kMaxUrlBytes = 2048;

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// The value of a hexadecimal digit, or -1.
int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return -1;
}

enum class PlusSign { kPlus, kSpace };

Result<std::string> unescape(std::string_view text, PlusSign plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return fail(Errc::kInvalidArgument,
                    "target: '%' must be followed by two hexadecimal digits");
      }
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus == PlusSign::kSpace) {
      c = ' ';
    }
    if (c == '\0') {
      return fail(Errc::kInvalidArgument, "target: a NUL is not allowed");
    }
    out.push_back(c);
  }
  return out;
}

tl::unexpected<Error> bad_url(std::string_view text, std::string_view why) {
  std::string message = "url \"";
  message.append(text.substr(0, 200)).append("\": ").append(why);
  return fail(Errc::kInvalidArgument, std::move(message));
}

struct HostPort {
  std::string_view host;
  std::string_view port;  // "" when none is given
  bool has_port = false;
};

Result<HostPort> split_authority(std::string_view url, std::string_view authority) {
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) {
      return bad_url(url, "the IPv6 address lacks its closing ']'");
    }
    const std::string_view rest = authority.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') {
      return bad_url(url, "only a port may follow ']'");
    }
    return HostPort{
        authority.substr(1, close - 1), rest.empty() ? rest : rest.substr(1), !rest.empty()};
  }
  const std::size_t colon = authority.find(':');
  if (colon == std::string_view::npos) {
    return HostPort{authority, {}, false};
  }
  if (authority.find(':', colon + 1) != std::string_view::npos) {
    return bad_url(url, "put an IPv6 address in brackets, as in https://[::1]:8443");
  }
  return HostPort{authority.substr(0, colon), authority.substr(colon + 1), true};
}

bool is_host_character(char c) {
  return is_unreserved(c) || c == ':' || c == '%';
}

}  // namespace

std::string Url::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return name + ":" + std::to_string(port);
}

std::string Url::str() const {
  return (scheme == Scheme::kHttps ? "https://" : "http://") + authority() + base_path;
}

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kMaxUrlBytes) {
    return bad_url(text, "is longer than 2048 bytes");
  }
  Url url;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    url.scheme = Scheme::kHttp;
    url.port = 80;
  } else {
    return bad_url(text, "must begin with https:// or http://");
  }
  if (rest.find_first_of("?#") != std::string_view::npos) {
    return bad_url(text, "may not have a query or a fragment");
  }
  const std::size_t slash = rest.find('/');
  const std::string_view authority = rest.substr(0, slash);
  if (authority.find('@') != std::string_view::npos) {
    return bad_url(text, "may not hold a user name; use a token file");
  }
  GENESIS_ASSIGN(const HostPort parts, split_authority(text, authority));
  if (parts.host.empty()) {
    return bad_url(text, "has no host");
  }
  for (const char c : parts.host) {
    if (!is_host_character(c)) {
      return bad_url(text, "has a host with a character that no host name may have");
    }
  }
  if (parts.has_port) {
    unsigned port = 0;
    const char* end = parts.port.data() + parts.port.size();
    const auto [stop, error] = std::from_chars(parts.port.data(), end, port);
    if (error != std::errc{} || stop != end || port == 0 || port > 65535) {
      return bad_url(text, "the port must be a number from 1 to 65535");
    }
    url.port = static_cast<std::uint16_t>(port);
  }
  url.host = parts.host;
  if (slash != std::string_view::npos) {
    std::string_view path = rest.substr(slash);
    while (path.ends_with('/')) {
      path.remove_suffix(1);
    }
    for (const char c : path) {
      if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f) {
        return bad_url(text, "write spaces and other letters of the path as %XX");
      }
    }
    url.base_path = path;
  }
  return url;
}

Result<Target> parse_target(std::string_view text) {
  if (!text.starts_with('/')) {
    return fail(Errc::kInvalidArgument, "target: must start with '/'");
  }
  Target target;
  const std::size_t mark = text.find('?');
  GENESIS_ASSIGN(target.path, unescape(text.substr(0, mark), PlusSign::kPlus));
  if (mark == std::string_view::npos) {
    return target;
  }
  std::string_view rest = text.substr(mark + 1);
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (pair.empty()) {
      continue;
    }
    const std::size_t equals = pair.find('=');
    GENESIS_ASSIGN(std::string name, unescape(pair.substr(0, equals), PlusSign::kSpace));
    std::string value;
    if (equals != std::string_view::npos) {
      GENESIS_ASSIGN(value, unescape(pair.substr(equals + 1), PlusSign::kSpace));
    }
    target.query.insert_or_assign(std::move(name), std::move(value));
  }
  return target;
}

Result<std::string> unescape(std::string_view text) {
  return unescape(text, PlusSign::kPlus);
}

std::string escape(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15U]);
  }
  return out;
}

}  // namespace genesis::http
