#pragma once
// Which process takes part as a client, as far as its connections tell: so that a second one of the
// same name is told from a restart of the first. On the service's executor.
#include <atomic>
#include <map>
#include <memory>

#include "common/base/clock.hpp"
#include "common/base/ids.hpp"
#include "common/http/message.hpp"

namespace genesis::aggregator {

class Presence {
 public:
  using Connection = std::shared_ptr<const std::atomic<http::ConnectionState>>;

  /// `reclaim`: after a restart of the server, so long do the processes that took part before have
  /// to show up again; then their names are free.
  Presence(Instant started, Milliseconds reclaim) : started_(started), reclaim_(reclaim) {}

  /// The process that holds the client's name has spoken over `connection`.
  void seen(const ClientId& client, Connection connection);

  /// The process that held the name has ended: its end of the connection was closed. That the
  /// server closed an idle connection says nothing of the process; silence is rounds' to judge.
  [[nodiscard]] bool is_gone(const ClientId& client, Instant now) const;

 private:
  Instant started_;
  Milliseconds reclaim_;
  std::map<ClientId, Connection> last_;
};

}  // namespace genesis::aggregator
