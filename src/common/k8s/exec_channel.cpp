#include "common/k8s/exec_channel.hpp"

#include <charconv>

#include <nlohmann/json.hpp>

#include "common/base/json.hpp"
#include "common/http/url.hpp"
#include "common/k8s/json_text.hpp"
#include "common/k8s/resource.hpp"
#include "common/k8s/status_error.hpp"

namespace genesis::k8s {
namespace {

enum Channel : unsigned char {
  kStdin = 0,
  kStdout = 1,
  kStderr = 2,
  kError = 3,
  kResize = 4,
  kClose = 255,  // of v5
};

constexpr std::size_t kMaxStatus = 64 * 1024;

// The cause "ExitCode" of a Status with the reason NonZeroExitCode.
Result<int> exit_code(const Json& status) {
  for (const Json& cause : member(member(status, "details"), "causes")) {
    const std::string text = genesis::text_field(cause, "message");
    int code = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
    if (genesis::text_field(cause, "reason") == "ExitCode" && error == std::errc() &&
        end == text.data() + text.size()) {
      return code;
    }
  }
  return fail(Errc::kDataLoss, "the API server names no exit code");
}

}  // namespace

Result<std::string_view> ExecStream::feed(std::string_view message) {
  if (message.empty() || is_over_) {
    return fail(Errc::kDataLoss, "the API server has sent a message that belongs to no channel");
  }
  const auto channel = static_cast<unsigned char>(message.front());
  message.remove_prefix(1);
  switch (channel) {
    case kStdout:
      return message;
    case kStderr: {
      std::string& text = result_.error_text;
      text.append(message);
      if (text.size() > kMaxErrorText) {
        text.erase(0, text.size() - kMaxErrorText);
      }
      return std::string_view();
    }
    case kError:
      if (message.empty()) {  // a server opens each channel with nothing
        return message;
      }
      if (message.size() > kMaxStatus) {
        return fail(Errc::kDataLoss, "the API server has sent too long a status");
      }
      status_ = message;
      is_over_ = true;
      return std::string_view();
    case kStdin:
    case kResize:
    case kClose:
      return std::string_view();
    default:
      return fail(Errc::kDataLoss, "channel " + std::to_string(channel) + " is not known");
  }
}

Result<ExecResult> ExecStream::result() const {
  if (!is_over_) {
    return fail(Errc::kUnavailable, "the connection ended before the command did");
  }
  GENESIS_ASSIGN(const Json status, parse_json(std::string_view(status_), "status of the command"));
  ExecResult result = result_;
  if (genesis::text_field(status, "status") == "Success") {
    return result;
  }
  if (genesis::text_field(status, "reason") != "NonZeroExitCode") {
    return tl::unexpected(error_of_status(status));
  }
  GENESIS_ASSIGN(result.exit_code, exit_code(status));
  return result;
}

std::string exec_path(std::string_view ns,
                      std::string_view pod,
                      std::string_view container,
                      const std::vector<std::string>& command) {
  std::string path = object_path(kPods, ns, pod) +
                     "/exec?stdout=true&stderr=true&container=" + http::escape(container);
  for (const std::string& word : command) {
    path += "&command=" + http::escape(word);
  }
  return path;
}

}  // namespace genesis::k8s
