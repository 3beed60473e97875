#include "common/http/request_head.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/field.hpp>

#include "common/http/url.hpp"

namespace genesis::http {
namespace {

namespace beast = boost::beast;
namespace bhttp = boost::beast::http;

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

Status check_head(const bhttp::request_header<>& head) {
  if (head.version() != 10 && head.version() != 11) {
    return fail(Errc::kInvalidArgument, "request: only HTTP/1.0 and HTTP/1.1 are spoken here");
  }
  if (head.version() == 11 && head.count(bhttp::field::host) != 1) {
    return fail(Errc::kInvalidArgument, "request: HTTP/1.1 needs exactly one Host header");
  }
  // Anything but a lone "chunked" would leave the end of the body to guesswork (RFC 9112, 6.1).
  const bool has_coding = head.count(bhttp::field::transfer_encoding) > 0;
  if (has_coding && (head.count(bhttp::field::transfer_encoding) != 1 ||
                     !beast::iequals(head[bhttp::field::transfer_encoding], "chunked"))) {
    return fail(Errc::kInvalidArgument, "request: the only transfer coding is \"chunked\"");
  }
  if (has_coding && head.version() == 10) {
    return fail(Errc::kInvalidArgument, "request: HTTP/1.0 has no transfer codings");
  }
  return {};
}

}  // namespace

Result<Request> to_request(const bhttp::request_header<>& head) {
  GENESIS_RETURN_IF_ERROR(check_head(head));
  GENESIS_ASSIGN(Target target, parse_target(view(head.target())));
  Request request;
  request.method = head.method() == bhttp::verb::head ? "GET" : view(head.method_string());
  request.path = std::move(target.path);
  request.query = std::move(target.query);
  for (const auto& field : head) {
    request.headers.push_back(
        Header{std::string(view(field.name_string())), std::string(view(field.value()))});
  }
  return request;
}

}  // namespace genesis::http
