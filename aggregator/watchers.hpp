#pragma once
// Who looks on: connections over which the status is asked again and again, as `status --watch`, a
// page and the operator do. A training that is over waits a moment for them, so that they hear how
// it ended instead of a refused connection. On the service's executor.
#include <atomic>
#include <map>
#include <memory>

#include "common/base/clock.hpp"
#include "common/http/message.hpp"

namespace genesis::aggregator {

class Watchers {
 public:
  using Connection = std::shared_ptr<const std::atomic<http::ConnectionState>>;

  /// The longest that a training which is over waits for one of them, and for so long after a
  /// question another one is expected.
  static constexpr Milliseconds kPatience{3000};

  /// The status of a training that goes on has been told over `connection`.
  void told(Connection connection, Instant now);

  /// How the training ended has been told over `connection`.
  void told_the_end(const Connection& connection) { last_.erase(connection); }

  /// Whether somebody has yet to hear of the end, which was at `over`.
  [[nodiscard]] bool is_awaited(Instant over, Instant now) const;

 private:
  std::map<Connection, Instant> last_;  // of open connections, and a few that have just been closed
};

}  // namespace genesis::aggregator
