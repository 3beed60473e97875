#include "common/k8s/status_error.hpp"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/k8s/json_text.hpp"

namespace genesis::k8s {
namespace {

constexpr std::size_t kMaxMessage = 2048;
constexpr std::size_t kMaxQuote = 256;  // of a body that is no Status
constexpr int kMaxRetryAfterSeconds = 120;
constexpr std::size_t kMaxCauses = 8;

Errc code_of(std::string_view reason, int status) {
  if (reason == "AlreadyExists") {
    return Errc::kAlreadyExists;  // shares 409 with Conflict
  }
  switch (status) {
    case 400:
    case 405:
    case 406:
    case 415:
    case 422:
      return Errc::kInvalidArgument;
    case 401:
      return Errc::kUnauthenticated;
    case 403:
      return Errc::kPermissionDenied;
    case 404:
      return Errc::kNotFound;
    case 409:
      return Errc::kConflict;
    case 410:
      return Errc::kDataLoss;
    case 413:
      return Errc::kResourceExhausted;
    default:
      return status == 429 || status >= 500 ? Errc::kUnavailable : Errc::kInternal;
  }
}

// Admission and schema name the fields one by one: "spec.rounds: must be at least 1".
std::string causes_of(const Json& status) {
  const auto details = status.find("details");
  if (details == status.end() || !details->is_object()) {
    return {};
  }
  const auto causes = details->find("causes");
  if (causes == details->end() || !causes->is_array()) {
    return {};
  }
  std::string text;
  for (std::size_t i = 0; i < std::min(causes->size(), kMaxCauses); ++i) {
    const std::string field = text_field((*causes)[i], "field");
    const std::string message = text_field((*causes)[i], "message");
    if (field.empty() || message.empty()) {
      return {};  // the whole message says more
    }
    text += (text.empty() ? "" : "; ") + field + ": " + message;
  }
  return text;
}

}  // namespace

Error error_of_status(const Json& status) {
  const std::string reason = text_field(status, "reason");
  const auto code =
      static_cast<int>(std::clamp<std::int64_t>(integer_field(status, "code"), 0, 999));
  Error error{code_of(reason, code), text_field(status, "message")};
  if (error.code == Errc::kInvalidArgument) {
    if (std::string causes = causes_of(status); !causes.empty()) {
      error.message = std::move(causes);
    }
  }
  if (error.message.empty()) {
    error.message = "status " + std::to_string(code) + " " + reason;
  }
  error.message = printable(error.message, kMaxMessage);
  return error;
}

Error error_of_answer(const http::ClientResponse& answer) {
  if (answer.body.starts_with('{')) {
    if (auto json = parse_json(answer.body, "answer");
        json && text_field(*json, "kind") == "Status") {
      (*json)["code"] = answer.status;
      return error_of_status(*json);
    }
  }
  std::string message = "the API server answered with status " + std::to_string(answer.status);
  if (!answer.body.empty()) {
    message += ": " + answer.body;
  }
  return Error{code_of({}, answer.status), printable(message, kMaxQuote)};
}

std::optional<Milliseconds> retry_after(const http::ClientResponse& answer) {
  const std::string_view text = answer.header("retry-after");
  if (answer.status != 429 && (answer.status < 500 || text.empty())) {
    return std::nullopt;
  }
  int seconds = 1;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, seconds);
  if (error != std::errc{} || stop != end || seconds < 0) {
    seconds = 1;
  }
  return std::chrono::seconds(std::min(seconds, kMaxRetryAfterSeconds));
}

}  // namespace genesis::k8s
