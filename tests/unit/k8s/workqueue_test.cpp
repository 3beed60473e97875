#include "common/k8s/workqueue.hpp"

#include <map>

#include <rapidcheck.h>

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::k8s;
using namespace std::chrono_literals;

namespace {

const ObjectKey kA("ns", "a");
const ObjectKey kB("ns", "b");

Instant at(Milliseconds time) {
  return Instant(time);
}

}  // namespace

TEST_CASE("k8s: a key that waits is queued once", "[k8s]") {
  Workqueue queue;
  queue.add(kA, at(0ms));
  queue.add(kB, at(1ms));
  queue.add(kA, at(2ms));
  CHECK(queue.depth() == 2);
  CHECK(queue.counters().adds == 2);
  const auto first = queue.take(at(5ms));
  REQUIRE(first);
  CHECK(first->key == kA);
  CHECK(first->waited == 5ms);
  CHECK(queue.take(at(5ms))->key == kB);
  CHECK_FALSE(queue.take(at(5ms)));
}

TEST_CASE("k8s: a key that changes while it is worked on comes back once, after that", "[k8s]") {
  Workqueue queue;
  queue.add(kA, at(0ms));
  REQUIRE(queue.take(at(0ms)));
  queue.add(kA, at(1ms));
  queue.add(kA, at(2ms));
  CHECK_FALSE(queue.take(at(2ms)));
  queue.done(kA, at(10ms));
  const auto again = queue.take(at(12ms));
  REQUIRE(again);
  CHECK(again->waited == 2ms);
  queue.done(kA, at(13ms));
  CHECK_FALSE(queue.take(at(13ms)));
}

TEST_CASE("k8s: a delayed key is due at the earliest of its times", "[k8s]") {
  Workqueue queue;
  queue.add_after(kA, 100ms, at(0ms));
  queue.add_after(kA, 50ms, at(10ms));
  queue.add_after(kA, 500ms, at(20ms));
  CHECK(queue.next_due(at(20ms)) == at(60ms));
  CHECK_FALSE(queue.take(at(59ms)));
  const auto item = queue.take(at(70ms));
  REQUIRE(item);
  CHECK(item->waited == 10ms);
  queue.done(kA, at(70ms));
  CHECK_FALSE(queue.next_due(at(70ms)));
  queue.add_after(kB, 0ms, at(80ms));
  CHECK(queue.next_due(at(80ms)) == at(80ms));
}

TEST_CASE("k8s: each failure doubles a key's delay up to the ceiling, and success forgets them",
          "[k8s]") {
  Workqueue queue(
      RateLimits{.first = 5ms, .ceiling = 1'000'000ms, .per_second = 1e9, .burst = 1e9});
  Instant now = at(0ms);
  Milliseconds expected{5};
  for (int failure = 0; failure < 25; ++failure) {
    queue.add_rate_limited(kA, now);
    CHECK(queue.next_due(now) == now + expected);
    now += expected;
    REQUIRE(queue.take(now));
    queue.done(kA, now);
    expected = std::min<Milliseconds>(expected * 2, 1'000'000ms);
  }
  CHECK(queue.failures(kA) == 25);
  queue.forget(kA);
  CHECK(queue.failures(kA) == 0);
  queue.add_rate_limited(kA, now);
  CHECK(queue.next_due(now) == now + 5ms);
}

TEST_CASE("k8s: retries of all keys together keep to the bucket", "[k8s]") {
  Workqueue queue(RateLimits{.first = 5ms, .ceiling = 1s, .per_second = 10.0, .burst = 100.0});
  for (int i = 0; i < 150; ++i) {
    queue.add_rate_limited(ObjectKey("ns", std::to_string(i)), at(0ms));
  }
  std::size_t due_at_once = 0;
  while (queue.take(at(5ms))) {
    ++due_at_once;
  }
  CHECK(due_at_once == 100);
  std::size_t due_later = 0;
  while (queue.take(at(1000ms))) {
    ++due_later;
  }
  CHECK(due_later == 10);
  CHECK(queue.delayed() == 40);
}

TEST_CASE("k8s: no key is worked on twice at a time, and none is lost", "[k8s][property]") {
  using Step =
      std::tuple<std::uint8_t, std::uint8_t, std::uint8_t>;  // what, which key, time before
  REQUIRE(rc::check("laws of the queue", [](const std::vector<Step>& script) {
    Workqueue queue;
    Instant now = at(0ms);
    std::set<ObjectKey> in_work;
    std::set<ObjectKey> owed;  // added since they were last taken
    for (const auto& [what, which, passed] : script) {
      now += Milliseconds(passed);
      const ObjectKey key("ns", std::to_string(which % 4));
      switch (what % 5) {
        case 0:
          queue.add(key, now);
          owed.insert(key);
          break;
        case 1:
          queue.add_after(key, Milliseconds(which), now);
          owed.insert(key);
          break;
        case 2:
          queue.add_rate_limited(key, now);
          owed.insert(key);
          break;
        case 3:
          if (const auto item = queue.take(now)) {
            RC_ASSERT(in_work.insert(item->key).second);
            RC_ASSERT(item->waited >= 0ms);
            owed.erase(item->key);
          }
          break;
        default:
          if (in_work.erase(key) == 1) {
            queue.done(key, now);
          }
      }
      RC_ASSERT(queue.in_work() == in_work.size());
    }
    for (const ObjectKey& key : in_work) {
      queue.done(key, now);
    }
    // From here on what is owed comes, each key at most twice (at once and delayed).
    std::map<ObjectKey, int> taken;
    for (auto due = queue.next_due(now); due; due = queue.next_due(now)) {
      RC_ASSERT(*due >= now);
      now = *due;
      const auto item = queue.take(now);
      RC_ASSERT(item.has_value());
      RC_ASSERT(++taken[item->key] <= 2);
      owed.erase(item->key);
      queue.done(item->key, now);
    }
    RC_ASSERT(owed.empty());
    RC_ASSERT(queue.depth() + queue.delayed() + queue.in_work() == 0U);
  }));
}
