#pragma once
// A server with a thread of its own, which answers while the process does something else.
#include <cstdint>
#include <memory>
#include <string>

#include "common/base/error.hpp"
#include "common/http/server.hpp"

namespace genesis::http {

class BackgroundServer {
 public:
  /// Serves plain HTTP until it is destroyed. Its thread takes no signals; the handler runs on it.
  /// Errors: as Server::start.
  [[nodiscard]] static Result<std::unique_ptr<BackgroundServer>> start(const ListenAddress& address,
                                                                       const Limits& limits,
                                                                       Handler handler);
  /// Lets answers under way finish for a moment, then joins the thread.
  ~BackgroundServer();
  BackgroundServer(const BackgroundServer&) = delete;
  BackgroundServer& operator=(const BackgroundServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string url() const;

 private:
  struct Impl;
  explicit BackgroundServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// For somebody who sends short requests and few of them.
[[nodiscard]] Limits few_requests();

}  // namespace genesis::http
