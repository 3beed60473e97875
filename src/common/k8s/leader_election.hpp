#pragma once
// Elects one of several replicas as leader: it holds a Lease (coordination.k8s.io/v1) and renews
// it. After client-go's leaderelection: a candidate takes over when it has seen no change of the
// Lease for lease_duration by its own clock, so that the clocks of replicas need not agree; writes
// carry the resourceVersion, so that only one of two candidates succeeds. decide() is pure;
// LeaderElector carries it out.
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "common/k8s/api.hpp"
#include "common/k8s/json.hpp"
#include "common/k8s/object.hpp"

namespace genesis::k8s {

struct ElectionOptions {
  std::string identity;  // unique per process: "POD_UUID"
  /// How long candidates wait after the last renewal that they have seen. Longer: slower failover.
  /// Shorter: more API writes, and changes of leader when the API server is slow.
  Milliseconds lease_duration{15'000};
  Milliseconds renew_deadline{10'000};  // a leader that cannot renew for this long steps down
  Milliseconds retry_period{2'000};     // between tries and between renewals

  /// lease_duration > renew_deadline > 1.2 * retry_period > 0, and an identity. Errors:
  /// kInvalidArgument names the field.
  [[nodiscard]] Status check() const;
};

/// The Lease's spec, as far as an election reads it, and the version that it was read at.
struct LeaseRecord {
  std::string holder;  // "" is free
  std::chrono::seconds duration{0};
  std::string acquire_time;  // as written by the holder: compared, never computed with
  std::string renew_time;
  std::int64_t transitions = 0;
  std::string resource_version;
  bool operator==(const LeaseRecord&) const = default;
};

/// What one candidate knows.
struct ElectionState {
  std::optional<LeaseRecord> seen;  // nullopt: there is no Lease, or it was not read yet
  Instant seen_at{};                // when `seen` changed last, by our clock
  std::optional<Instant> led_since;
  Instant renewed_at{};  // start of our last write that succeeded
};

/// `record` has been read (nullopt: there is none).
void observe(ElectionState& state, std::optional<LeaseRecord> record, Instant now);

enum class ElectionMove {
  kWait,      // another replica holds the Lease
  kCreate,    // there is no Lease
  kTake,      // the Lease is free or has expired
  kRenew,     // we hold the Lease
  kStepDown,  // we have lost the Lease, or will before we can renew it
};

/// What to do now. Pure.
[[nodiscard]] ElectionMove decide(const ElectionState& state,
                                  const ElectionOptions& options,
                                  Instant now);

class LeaderElector {
 public:
  struct Callbacks {
    std::function<void()> on_started;  // we are the leader now
    std::function<void()> on_stopped;  // we are not the leader any more: stop all writes
    std::function<void(const std::string& holder)> on_observed;  // another replica is the leader
    std::function<void(const Error&)> on_error;                  // a request failed; it is retried
  };

  /// `lease` names the Lease; `api` must outlive it. `options` have passed check().
  LeaderElector(boost::asio::any_io_executor executor,
                Api& api,
                ObjectKey lease,
                ElectionOptions options,
                Callbacks callbacks);
  ~LeaderElector();
  LeaderElector(const LeaderElector&) = delete;
  LeaderElector& operator=(const LeaderElector&) = delete;

  /// Runs until stop(), or until leadership is lost (after on_stopped). The caller then usually
  /// ends the process.
  [[nodiscard]] boost::asio::awaitable<void> run();
  /// Ends run(), which first releases the Lease (holderIdentity "") if we hold it, so that another
  /// replica takes over at its next try. Stop all work of the leader before.
  void stop();
  [[nodiscard]] bool is_leader() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace genesis::k8s
