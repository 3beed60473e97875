#include "common/http/proxy.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <utility>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include "common/base/base64.hpp"

namespace genesis::http {
namespace {

namespace ip = boost::asio::ip;
using ErrorCode = boost::system::error_code;

struct Variable {
  std::string name;
  std::string value;
};

// Lower case first, as curl does; an empty value counts as unset.
std::optional<Variable> find(const Environment& environment, const char* lower, const char* upper) {
  for (const char* name : {lower, upper}) {
    if (auto value = environment(name); value && !value->empty()) {
      return Variable{name, std::move(*value)};
    }
  }
  return std::nullopt;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(
      lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_in_network(std::string_view network, const ip::address& host) {
  const std::string text(network);
  ErrorCode error;
  if (host.is_v4()) {
    const auto range = ip::make_network_v4(text, error);
    return !error &&
           range.canonical() == ip::network_v4(host.to_v4(), range.prefix_length()).canonical();
  }
  const auto range = ip::make_network_v6(text, error);
  return !error &&
         range.canonical() == ip::network_v6(host.to_v6(), range.prefix_length()).canonical();
}

// Takes ":port" off an entry; false where it is another port than the server's. What has several
// colons is a bare IPv6 address.
bool match_port(std::string_view& entry, std::uint16_t port) {
  if (entry.starts_with('[')) {
    const auto close = entry.find(']');
    const auto rest = close == std::string_view::npos ? "" : entry.substr(close + 1);
    entry = entry.substr(1, close == std::string_view::npos ? close : close - 1);
    return rest.empty() || rest == ":" + std::to_string(port);
  }
  const auto colon = entry.find(':');
  if (colon == std::string_view::npos || entry.find(':', colon + 1) != std::string_view::npos) {
    return true;
  }
  const bool is_same = entry.substr(colon + 1) == std::to_string(port);
  entry = entry.substr(0, colon);
  return is_same;
}

bool is_excepted(std::string_view entry, const Url& server) {
  if (entry == "*") {
    return true;
  }
  if (entry.empty() || !match_port(entry, server.port)) {
    return false;
  }
  ErrorCode no_address;
  const auto address = ip::make_address(server.host, no_address);
  if (!no_address) {
    ErrorCode error;
    return (ip::make_address(std::string(entry), error) == address && !error) ||
           is_in_network(entry, address);
  }
  while (entry.starts_with('.') || entry.starts_with('*')) {
    entry.remove_prefix(1);
  }
  const std::string name = lower_case(entry);
  const std::string host = lower_case(server.host);
  return !name.empty() && (host == name || host.ends_with("." + name));
}

bool is_excepted_by_list(std::string_view list, const Url& server) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (is_excepted(trimmed(list.substr(0, comma)), server)) {
      return true;
    }
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return false;
}

tl::unexpected<Error> refuse(const Variable& variable, const std::string& what) {
  return fail(Errc::kInvalidArgument,
              variable.name + ": " + what +
                  "; expected http://HOST:PORT or "
                  "http://USER:PASSWORD@HOST:PORT");
}

Result<Proxy> parse_proxy(const Variable& variable) {
  std::string_view text = trimmed(variable.value);
  if (const auto scheme = text.find("://"); scheme != std::string_view::npos) {
    if (lower_case(text.substr(0, scheme)) != "http") {
      return refuse(variable, "a proxy that is not http:// cannot be used");
    }
    text.remove_prefix(scheme + 3);
  }
  Proxy proxy;
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    const auto user = unescape(text.substr(0, at));
    if (!user) {
      return refuse(variable, "write signs of user name and password as %XX");
    }
    proxy.authorization = "Basic " + base64_encode(*user);
    text.remove_prefix(at + 1);
  }
  auto url = parse_url("http://" + std::string(text.substr(0, text.find('/'))));
  if (!url) {
    return refuse(variable, "has no valid host and port");
  }
  proxy.url = std::move(*url);
  return proxy;
}

}  // namespace

Result<std::optional<Proxy>> proxy_for(const Url& server, const Environment& environment) {
  if (server.scheme != Scheme::kHttps) {
    return std::nullopt;
  }
  const auto variable = find(environment, "https_proxy", "HTTPS_PROXY");
  if (!variable) {
    return std::nullopt;
  }
  const auto excepted = find(environment, "no_proxy", "NO_PROXY");
  if (excepted && is_excepted_by_list(excepted->value, server)) {
    return std::nullopt;
  }
  GENESIS_ASSIGN(auto proxy, parse_proxy(*variable));
  return proxy;
}

Result<std::optional<Proxy>> proxy_for(std::string_view url) {
  GENESIS_ASSIGN(const Url server, parse_url(url));
  return proxy_for(server, [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  });
}

}  // namespace genesis::http
