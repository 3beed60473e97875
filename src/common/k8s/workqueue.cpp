#include "common/k8s/workqueue.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/check.hpp"

namespace genesis::k8s {

void Workqueue::add(const ObjectKey& key, Instant now) {
  const bool is_new = dirty_.emplace(key, now).second;
  if (!is_new) {
    return;
  }
  ++counters_.adds;
  if (!processing_.contains(key)) {
    queue_.push_back(Queued{key, now});
  }
}

void Workqueue::add_after(const ObjectKey& key, Milliseconds delay, Instant now) {
  if (delay <= Milliseconds::zero()) {
    add(key, now);
    return;
  }
  const Instant due = now + delay;
  const auto [known, is_new] = due_.emplace(key, due);
  if (!is_new) {
    if (known->second <= due) {
      return;
    }
    delayed_.erase({known->second, key});
    known->second = due;
  }
  delayed_.emplace(due, key);
}

void Workqueue::add_rate_limited(const ObjectKey& key, Instant now) {
  ++counters_.retries;
  const Milliseconds own = backoff(key);
  const Milliseconds shared = reserve_token(now);
  add_after(key, std::max(own, shared), now);
}

void Workqueue::forget(const ObjectKey& key) {
  failures_.erase(key);
}

unsigned Workqueue::failures(const ObjectKey& key) const {
  const auto found = failures_.find(key);
  return found == failures_.end() ? 0 : found->second;
}

std::optional<Workqueue::Item> Workqueue::take(Instant now) {
  move_due(now);
  if (queue_.empty()) {
    return std::nullopt;
  }
  Queued next = std::move(queue_.front());
  queue_.pop_front();
  dirty_.erase(next.key);
  processing_.insert(next.key);
  return Item{std::move(next.key), now - next.since};
}

void Workqueue::done(const ObjectKey& key, Instant now) {
  GENESIS_CHECK(processing_.erase(key) == 1, "[workqueue] done() without take()");
  const auto again = dirty_.find(key);
  if (again != dirty_.end()) {
    again->second = now;
    queue_.push_back(Queued{key, now});
  }
}

std::optional<Instant> Workqueue::next_due(Instant now) const {
  if (!queue_.empty()) {
    return now;
  }
  if (delayed_.empty()) {
    return std::nullopt;
  }
  return std::max(now, delayed_.begin()->first);
}

void Workqueue::move_due(Instant now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    const auto node = delayed_.extract(delayed_.begin());
    due_.erase(node.value().second);
    add(node.value().second, node.value().first);
  }
}

// first * 2^failures, at most the ceiling.
Milliseconds Workqueue::backoff(const ObjectKey& key) {
  unsigned& failures = failures_[key];
  Milliseconds delay = std::min(limits_.first, limits_.ceiling);
  for (unsigned i = 0; i < failures && delay < limits_.ceiling; ++i) {
    delay = delay > limits_.ceiling / 2 ? limits_.ceiling : delay * 2;
  }
  ++failures;
  return delay;
}

// Reserves a token and returns how long it takes until that token is available.
Milliseconds Workqueue::reserve_token(Instant now) {
  const std::chrono::duration<double> passed = now - refilled_;
  tokens_ = std::min(limits_.burst, tokens_ + std::max(0.0, passed.count()) * limits_.per_second);
  refilled_ = std::max(refilled_, now);
  tokens_ -= 1.0;
  if (tokens_ >= 0.0) {
    return Milliseconds::zero();
  }
  return Milliseconds(static_cast<std::int64_t>(std::ceil(-tokens_ / limits_.per_second * 1000.0)));
}

}  // namespace genesis::k8s
