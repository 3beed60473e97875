#pragma once
// The keys that are due to be reconciled. De-duplicating: a key that waits is not queued twice, and
// one that is added while a worker has it is queued again after done(), so that no two workers have
// the same key. Rate limited: each failure of a key doubles its delay, and a token bucket limits
// the retries of all keys together. Pure: time is an argument. Semantics after client-go's
// util/workqueue.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "common/base/clock.hpp"
#include "common/k8s/object.hpp"

namespace genesis::k8s {

struct RateLimits {
  Milliseconds first{5};            // delay after a key's first failure; doubles with each
  Milliseconds ceiling{1'000'000};  // of that delay
  double per_second = 10.0;         // rate-limited adds of all keys together
  double burst = 100.0;
};

/// Totals since the start, for workqueue_adds_total and workqueue_retries_total.
struct WorkqueueCounters {
  std::uint64_t adds = 0;
  std::uint64_t retries = 0;
};

class Workqueue {
 public:
  struct Item {
    ObjectKey key;
    Milliseconds waited;  // from when it was due
  };

  explicit Workqueue(RateLimits limits = {}) : limits_(limits), tokens_(limits.burst) {}

  /// Due now.
  void add(const ObjectKey& key, Instant now);
  /// Due after `delay`; the earliest of several calls counts. add() does not cancel it: the key is
  /// then reconciled twice.
  void add_after(const ObjectKey& key, Milliseconds delay, Instant now);
  /// After a failure: due after the key's back-off and when the bucket has a token.
  void add_rate_limited(const ObjectKey& key, Instant now);
  /// After a success: resets the key's back-off.
  void forget(const ObjectKey& key);
  [[nodiscard]] unsigned failures(const ObjectKey& key) const;

  /// The key that has been due for the longest time; done() has to follow. nullopt: none is due.
  [[nodiscard]] std::optional<Item> take(Instant now);
  /// Ends the work on a key that take() gave.
  void done(const ObjectKey& key, Instant now);

  /// When the next key is due without another add: `now` if one is due already, nullopt if none is
  /// delayed.
  [[nodiscard]] std::optional<Instant> next_due(Instant now) const;
  /// Keys that are due, without delayed ones.
  [[nodiscard]] std::size_t depth() const { return queue_.size(); }
  [[nodiscard]] std::size_t in_work() const { return processing_.size(); }
  [[nodiscard]] std::size_t delayed() const { return delayed_.size(); }
  [[nodiscard]] const WorkqueueCounters& counters() const { return counters_; }

 private:
  struct Queued {
    ObjectKey key;
    Instant since;
  };

  void move_due(Instant now);
  Milliseconds backoff(const ObjectKey& key);
  Milliseconds reserve_token(Instant now);

  RateLimits limits_;
  std::deque<Queued> queue_;
  std::unordered_map<ObjectKey, Instant> dirty_;  // to be worked on, since when
  std::unordered_set<ObjectKey> processing_;
  std::set<std::pair<Instant, ObjectKey>> delayed_;
  std::unordered_map<ObjectKey, Instant> due_;  // the delayed keys' times
  std::unordered_map<ObjectKey, unsigned> failures_;
  double tokens_;  // negative while delayed keys have reserved future tokens
  Instant refilled_{};
  WorkqueueCounters counters_;
};

}  // namespace genesis::k8s
