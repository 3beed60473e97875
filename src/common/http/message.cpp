#include "common/http/message.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/fields.hpp"
#include "common/base/json.hpp"
#include "common/base/text.hpp"

namespace genesis::http {
namespace {

// Header names are ASCII (RFC 9110, 5.1); the locale has no say.
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

constexpr JsonLimits kErrorBody{.max_bytes = 64 * 1024, .max_depth = 8, .max_values = 1024};
constexpr std::size_t kMaxMessage = 4096;
constexpr std::size_t kMaxQuote = 200;

struct ErrorBody {
  std::string code;
  std::string message;
};

Result<ErrorBody> parse_error_body(std::string_view bytes) {
  GENESIS_ASSIGN(const auto json, parse_json(bytes, kErrorBody));
  GENESIS_ASSIGN(const auto fields, Fields::of(json, "error"));
  ErrorBody body;
  GENESIS_ASSIGN(body.code, fields.text("code"));
  GENESIS_ASSIGN(body.message, fields.text("message"));
  return body;
}

}  // namespace

std::string_view find_header(const Headers& headers, std::string_view name) {
  for (const Header& header : headers) {
    if (equals_ignoring_case(header.name, name)) {
      return header.value;
    }
  }
  return {};
}

std::optional<std::string_view> Request::bearer_token() const {
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view value = header("authorization");
  if (value.size() <= kScheme.size() ||
      !equals_ignoring_case(value.substr(0, kScheme.size()), kScheme)) {
    return std::nullopt;
  }
  const std::size_t begin = value.find_first_not_of(' ', kScheme.size());
  if (begin == std::string_view::npos) {
    return std::nullopt;
  }
  return value.substr(begin);
}

std::string_view Response::bytes() const {
  if (!body) {
    return {};
  }
  const std::size_t end = std::min(body_end, body->size());
  return std::string_view(*body).substr(std::min(body_begin, end), end - std::min(body_begin, end));
}

Response make_response(int status, std::string content_type, std::string body) {
  return shared_response(
      status, std::move(content_type), std::make_shared<const std::string>(std::move(body)));
}

Response shared_response(int status,
                         std::string content_type,
                         std::shared_ptr<const std::string> body) {
  Response response;
  response.status = status;
  response.content_type = std::move(content_type);
  response.body = std::move(body);
  return response;
}

Response json_response(int status, std::string json) {
  return make_response(status, "application/json", std::move(json));
}

Response error_response(const Error& error) {
  return error_response(status_of(error.code), error);
}

Response error_response(int status, const Error& error) {
  const nlohmann::json json{{"code", to_string(error.code)}, {"message", error.message}};
  // Messages quote what a peer sent, which need not be UTF-8.
  return json_response(status, dump_json(json));
}

int status_of(Errc code) {
  switch (code) {
    case Errc::kInvalidArgument:
      return 400;
    case Errc::kNotFound:
      return 404;
    case Errc::kAlreadyExists:
      return 409;
    case Errc::kFailedPrecondition:
      return 412;
    case Errc::kUnauthenticated:
      return 401;
    case Errc::kPermissionDenied:
      return 403;
    case Errc::kConflict:
      return 409;
    case Errc::kResourceExhausted:
      return 413;
    case Errc::kDeadlineExceeded:
      return 408;
    case Errc::kUnavailable:
      return 503;
    case Errc::kDataLoss:
      return 422;
    case Errc::kIo:
      return 500;
    case Errc::kInternal:
      return 500;
  }
  return 500;
}

Errc errc_of(int status) {
  switch (status) {
    case 401:
      return Errc::kUnauthenticated;
    case 403:
      return Errc::kPermissionDenied;
    case 404:
      return Errc::kNotFound;
    case 408:
      return Errc::kDeadlineExceeded;
    case 409:
      return Errc::kConflict;
    case 412:
      return Errc::kFailedPrecondition;
    case 413:
    case 431:
      return Errc::kResourceExhausted;
    case 422:
      return Errc::kDataLoss;
    case 429:
    case 502:
    case 503:
    case 504:
      return Errc::kUnavailable;
    default:
      return status >= 400 && status < 500 ? Errc::kInvalidArgument : Errc::kInternal;
  }
}

Error error_of(const ClientResponse& response) {
  const auto setting = response.status == 401 ? Setting::kAuthToken : Setting::kNone;
  if (const auto body = parse_error_body(response.body)) {
    Error error{errc_of(response.status), printable(body->message, kMaxMessage), setting};
    // The name is finer than the status (two codes share 409), but may not contradict it.
    const auto named = genesis::errc_of(body->code);
    if (named && status_of(*named) == response.status) {
      error.code = *named;
    }
    return error;
  }
  std::string message = "the server answered with status " + std::to_string(response.status);
  if (!response.body.empty()) {
    message += ": " + printable(response.body, kMaxQuote);
  }
  return Error{errc_of(response.status), std::move(message), setting};
}

}  // namespace genesis::http
