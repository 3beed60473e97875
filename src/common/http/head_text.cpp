#include "common/http/head_text.hpp"

#include <array>
#include <string_view>

#include <boost/beast/http/status.hpp>

namespace genesis::http {
namespace {

// A value is one line, whatever it holds: a line break in it would start another header.
void add(std::string& text, std::string_view name, std::string_view value) {
  text.append(name).append(": ");
  for (const char c : value) {
    const bool is_control = (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
    text.push_back(is_control ? ' ' : c);
  }
  text.append("\r\n");
}

std::string http_date(std::time_t now) {
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 40> text{};
  std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text.data();
}

}  // namespace

bool may_have_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

std::string response_head(const Response& response, After after, std::time_t now, Length length) {
  const auto reason = boost::beast::http::obsolete_reason(
      boost::beast::http::int_to_status(static_cast<unsigned>(response.status)));
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " ";
  text.append(reason.data(), reason.size()).append("\r\n");
  add(text, "Date", http_date(now));
  for (const Header& header : response.headers) {
    add(text, header.name, header.value);
  }
  const std::size_t size = response.bytes().size();
  if (size > 0) {
    add(text, "Content-Type", response.content_type);
  }
  if (may_have_body(response.status) && length == Length::kKnown) {
    add(text, "Content-Length", std::to_string(size));
  }
  add(text, "Connection", after == After::kKeep ? "keep-alive" : "close");
  return text + "\r\n";
}

std::string request_head(const ClientRequest& request, const Url& url, Continue go_ahead) {
  std::string text = request.method + " " + url.base_path + request.path + " HTTP/1.1\r\n";
  add(text, "Host", url.authority());
  add(text, "User-Agent", "genesis");
  for (const Header& header : request.headers) {
    add(text, header.name, header.value);
  }
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    add(text, "Content-Length", std::to_string(request.body.size()));
  }
  if (go_ahead == Continue::kExpected) {
    add(text, "Expect", "100-continue");
  }
  return text + "\r\n";
}

}  // namespace genesis::http
