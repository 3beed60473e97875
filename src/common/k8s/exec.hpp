#pragma once
// Runs a command in a container and reads what it writes, over a WebSocket to the API server, which
// passes it on to the node's kubelet (pods/exec). The user needs the verbs `get` and `create` on
// pods/exec: which of them is asked for depends on the server's version.
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "common/k8s/config.hpp"
#include "common/k8s/exec_channel.hpp"
#include "common/k8s/object.hpp"

namespace genesis::k8s {

struct ExecRequest {
  ObjectKey pod;
  std::string container;
  std::vector<std::string> command;  // without a shell
  Milliseconds silence{60'000};      // without a byte or an answer to a ping: the link is lost
  std::stop_token stop;              // ends the call; request it on the executor
};

/// Takes stdout part by part, as it comes. An error ends the call with it.
using ExecSink = std::function<Status(std::string_view part)>;

/// A command that ends with an exit code of its own is a success here. Errors: those of Api with
/// the pod's path in the message; kUnavailable where the connection is lost, so that what stdout
/// has given so far may be a part; kInvalidArgument for a server at http://.
[[nodiscard]] boost::asio::awaitable<Result<ExecResult>> exec(boost::asio::any_io_executor executor,
                                                              Config config,
                                                              ExecRequest request,
                                                              ExecSink sink);

}  // namespace genesis::k8s
