#pragma once
// What machines that watch a process ask it: GET /metrics, /healthz (does it live) and /readyz
// (does it serve). One plain-HTTP listener that offers nothing else, on a thread of its own, so
// that it answers while the process computes. For aggregator, worker and operator alike.
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "common/http/background_server.hpp"
#include "common/metrics/registry.hpp"

namespace genesis::http {

/// Each returns why not, or nothing where all is well. Called on the listener's thread: what they
/// read must be safe to read there, and they must not block. Null stands for "all is well".
struct HealthChecks {
  std::function<std::optional<std::string>()> why_not_alive;
  std::function<std::optional<std::string>()> why_not_ready;
};

/// 200 "ok", or 503 with the reason, in plain text; 404 elsewhere, 405 for other methods. The
/// registry outlives the handler.
[[nodiscard]] Handler health_handler(metrics::Registry& registry, HealthChecks checks);

/// Readiness as a value that one thread sets and the listener's thread reads.
class Readiness {
 public:
  explicit Readiness(std::string why_not) : why_not_(std::move(why_not)) {}
  void set_ready();
  void set_not_ready(std::string why);
  [[nodiscard]] std::optional<std::string> why_not() const;

 private:
  mutable std::mutex mutex_;
  std::optional<std::string> why_not_;  // guarded by mutex_
};

/// A main loop's sign of life: one thread beats, the listener's asks whether it still does.
class Heartbeat {
 public:
  /// "`what` has been blocked for 61 s" once nothing was heard for `patience`, counted from here.
  Heartbeat(std::string what, Milliseconds patience);
  void beat();
  [[nodiscard]] std::optional<std::string> why_not() const;

 private:
  std::string what_;
  Milliseconds patience_;
  std::atomic<Instant> last_;
};

class HealthServer {
 public:
  /// Serves until it is destroyed. Its thread takes no signals. Errors: as Server::start, but the
  /// setting is kMetricsHost or kMetricsPort.
  [[nodiscard]] static Result<std::unique_ptr<HealthServer>> start(const ListenAddress& address,
                                                                   metrics::Registry& registry,
                                                                   HealthChecks checks);
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string url() const;

 private:
  explicit HealthServer(std::unique_ptr<BackgroundServer> server);
  std::unique_ptr<BackgroundServer> server_;
};

}  // namespace genesis::http
