#pragma once
// Messages of a command that runs in a container, as the API server's WebSockets carry them
// (subprotocols v4.channel.k8s.io and v5.channel.k8s.io,
// k8s.io/apimachinery/pkg/util/remotecommand; they differ in the end of stdin alone, which we do
// not send). Pure.
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace genesis::k8s {

/// What a command has come to.
struct ExecResult {
  int exit_code = 0;
  std::string error_text;  // the end of its stderr, at most kMaxErrorText
};

inline constexpr std::size_t kMaxErrorText = 4096;

/// Takes the messages of one command in their order: each is a channel and its bytes.
class ExecStream {
 public:
  /// The bytes of stdout in this message, which refer into it; "" for other channels. Errors:
  /// kDataLoss for a channel that is none, or for a message after the end.
  [[nodiscard]] Result<std::string_view> feed(std::string_view message);

  /// Whether the server has said how the command ended. What comes after that counts no more.
  [[nodiscard]] bool is_over() const { return is_over_; }

  /// How the command ended. Errors: kUnavailable where the connection was lost before that was
  /// said, and what the server says where the command could not be run.
  [[nodiscard]] Result<ExecResult> result() const;

 private:
  ExecResult result_;
  std::string status_;  // JSON
  bool is_over_ = false;
};

/// "/api/v1/namespaces/NS/pods/NAME/exec?container=…&command=…". Escaped.
[[nodiscard]] std::string exec_path(std::string_view ns,
                                    std::string_view pod,
                                    std::string_view container,
                                    const std::vector<std::string>& command);

}  // namespace genesis::k8s
