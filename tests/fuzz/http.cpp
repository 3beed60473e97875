// What we make of a request's head after Beast has parsed it, and of addresses and error bodies.
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "common/http/message.hpp"
#include "common/http/request_head.hpp"
#include "common/http/url.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace genesis;

namespace {

void head(std::string_view bytes) {
  boost::beast::http::request_parser<boost::beast::http::string_body> parser;
  parser.header_limit(16 * 1024);
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (error || !parser.is_header_done()) {
    return;
  }
  if (const auto request = http::to_request(parser.get())) {
    fuzz::holds(request->path.starts_with('/'), "a path is absolute");
    fuzz::holds(request->path.find('\0') == std::string::npos, "a path holds no NUL");
    static_cast<void>(request->bearer_token());
    static_cast<void>(request->content_encoding());
  }
}

void addresses(std::string_view bytes) {
  if (const auto url = http::parse_url(bytes)) {
    const auto again = http::parse_url(url->str());
    fuzz::holds(again && *again == *url, "an address reads back");
  }
  static_cast<void>(http::parse_target(bytes));
  const auto target = http::parse_target("/" + http::escape(bytes));
  fuzz::holds(bytes.find('\0') != std::string_view::npos ||
                  (target && target->path == "/" + std::string(bytes)),
              "what is escaped comes back");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::text(data, size);
  head(bytes);
  addresses(bytes);
  http::ClientResponse response;
  response.status = 400 + static_cast<int>(size % 200);
  response.body = std::string(bytes);
  const auto error = http::error_of(response);
  for (const char c : error.message) {
    fuzz::holds(static_cast<unsigned char>(c) >= ' ', "a peer's message has no control characters");
  }
  return 0;
}
