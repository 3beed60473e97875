#include "common/k8s/leader_election.hpp"

#include <rapidcheck.h>

#include "common/k8s/lease.hpp"
#include "tests/unit/k8s/fake_api.hpp"

using namespace genesis;
using namespace genesis::k8s;
using namespace genesis::k8s::test;

namespace {

const ObjectKey kLease("system", "genesis-operator");

ElectionOptions options_of(const std::string& identity) {
  ElectionOptions options;
  options.identity = identity;
  return options;
}

Instant at(Milliseconds time) {
  return Instant(time);
}

LeaseRecord held_by(const std::string& holder, int renewal = 0) {
  LeaseRecord record;
  record.holder = holder;
  record.duration = 15s;
  record.renew_time = std::to_string(renewal);
  record.resource_version = std::to_string(renewal + 1);
  return record;
}

}  // namespace

TEST_CASE("k8s: a candidate waits for a holder that renews, however wrong its clock", "[k8s]") {
  ElectionState state;
  Instant now = at(0ms);
  for (int renewal = 0; renewal < 20; ++renewal) {
    observe(state, held_by("other", renewal), now);
    now += 14s;
    CHECK(decide(state, options_of("me"), now) == ElectionMove::kWait);
  }
  // The same record again is no renewal.
  observe(state, held_by("other", 19), now);
  CHECK(decide(state, options_of("me"), now + 1s) == ElectionMove::kTake);
}

TEST_CASE("k8s: a free or missing Lease is taken at once", "[k8s]") {
  ElectionState state;
  CHECK(decide(state, options_of("me"), at(0ms)) == ElectionMove::kCreate);
  observe(state, held_by(""), at(0ms));
  CHECK(decide(state, options_of("me"), at(0ms)) == ElectionMove::kTake);
}

TEST_CASE("k8s: a leader renews, and steps down before another may take over", "[k8s]") {
  ElectionState state;
  state.led_since = at(0ms);
  state.renewed_at = at(0ms);
  observe(state, held_by("me"), at(0ms));
  CHECK(decide(state, options_of("me"), at(9'999ms)) == ElectionMove::kRenew);
  CHECK(decide(state, options_of("me"), at(10'000ms)) == ElectionMove::kStepDown);
  observe(state, held_by("other"), at(1s));
  CHECK(decide(state, options_of("me"), at(1s)) == ElectionMove::kStepDown);
  observe(state, std::nullopt, at(1s));
  CHECK(decide(state, options_of("me"), at(1s)) == ElectionMove::kCreate);
}

TEST_CASE("k8s: durations that could make two leaders are refused", "[k8s]") {
  CHECK(options_of("me").check());
  CHECK_THAT(options_of("").check().error().message, ContainsSubstring("identity"));
  ElectionOptions options = options_of("me");
  options.lease_duration = options.renew_deadline;
  CHECK_THAT(options.check().error().message, ContainsSubstring("leaseDuration"));
  options = options_of("me");
  options.retry_period = 9s;
  CHECK_THAT(options.check().error().message, ContainsSubstring("renewDeadline"));
  options.retry_period = 0s;
  CHECK_THAT(options.check().error().message, ContainsSubstring("retryPeriod"));
}

TEST_CASE("k8s: taking counts a transition, renewing does not", "[k8s]") {
  const auto wall = std::chrono::system_clock::time_point(1'767'225'600s);
  const LeaseRecord created = claim(std::nullopt, options_of("me"), wall);
  CHECK(created.transitions == 0);
  CHECK(created.acquire_time == "2026-01-01T00:00:00.000000Z");
  const LeaseRecord renewed = claim(created, options_of("me"), wall + 2s);
  CHECK(renewed.transitions == 0);
  CHECK(renewed.acquire_time == created.acquire_time);
  CHECK(renewed.renew_time == "2026-01-01T00:00:02.000000Z");
  const LeaseRecord taken = claim(renewed, options_of("other"), wall + 20s);
  CHECK(taken.transitions == 1);
  CHECK(taken.acquire_time == taken.renew_time);
  const LeaseRecord free = release(taken, wall + 30s);
  CHECK(free.holder.empty());
  CHECK(free.duration == 1s);
  const Json lease = lease_with(nullptr, kLease, taken);
  CHECK(parse_lease(lease) == taken);
}

TEST_CASE("k8s: a Lease of any shape is read without harm", "[k8s]") {
  for (const char* text : {"{}",
                           "[]",
                           R"({"spec":3})",
                           R"({"spec":{"leaseDurationSeconds":-5}})",
                           R"({"spec":{"leaseDurationSeconds":99999999999}})",
                           R"({"spec":{"holderIdentity":7,"leaseTransitions":"x"}})"}) {
    const LeaseRecord record = parse_lease(Json::parse(text));
    CHECK(record.duration >= 1s);
    CHECK(record.duration <= 1h);
    CHECK(record.holder.empty());
  }
}

// Candidates that see every write late or not at all, on one Lease that only takes writes over the
// version they read. Time passes in steps below the margin between renewDeadline and leaseDuration.
TEST_CASE("k8s: never two leaders, whatever is lost and delayed", "[k8s][property]") {
  REQUIRE(rc::check(
      "one leader", [](const std::vector<std::tuple<std::uint8_t, bool, std::uint16_t>>& script) {
        std::vector<ElectionState> states(3);
        std::optional<LeaseRecord> lease;
        Instant now = at(0ms);
        int version = 0;
        const auto leads = [&](std::size_t i) {
          // What a candidate believes between its tries: it may write until renewDeadline.
          return states[i].led_since && now - states[i].renewed_at < 10s;
        };
        for (const auto& [who, is_lost, passed] : script) {
          now += Milliseconds(passed % 4'000);
          const std::size_t i = who % 3;
          ElectionState& state = states[i];
          const ElectionOptions options = options_of("candidate-" + std::to_string(i));
          if (!is_lost && !state.led_since) {
            observe(state, lease, now);
          }
          switch (decide(state, options, now)) {
            case ElectionMove::kWait:
              break;
            case ElectionMove::kStepDown:
              state.led_since.reset();
              break;
            default: {
              const std::string seen = state.seen ? state.seen->resource_version : "";
              const std::string held = lease ? lease->resource_version : "";
              if (seen == held && !is_lost) {
                LeaseRecord record =
                    claim(state.seen,
                          options,
                          std::chrono::system_clock::time_point(now.time_since_epoch()));
                record.resource_version = std::to_string(++version);
                lease = record;
                observe(state, record, now);
                state.renewed_at = now;
                state.led_since = state.led_since.value_or(now);
              } else if (!is_lost) {
                observe(state, lease, now);  // a conflict makes it read
              }
            }
          }
          RC_ASSERT(leads(0) + leads(1) + leads(2) <= 1);
        }
      }));
}

namespace {

struct Candidate {
  Candidate(asio::io_context& io,
            Api& api,
            const std::string& identity,
            ElectionOptions options = {}) {
    options.identity = identity;
    LeaderElector::Callbacks callbacks;
    callbacks.on_started = [this] { told.push_back("leads"); };
    callbacks.on_stopped = [this] { told.push_back("stopped"); };
    callbacks.on_observed = [this](const std::string& holder) { told.push_back("sees " + holder); };
    callbacks.on_error = [this](const Error&) { ++errors; };
    elector.emplace(io.get_executor(), api, kLease, options, std::move(callbacks));
    asio::co_spawn(io, elector->run(), [this](const std::exception_ptr& failure) {
      CHECK(failure == nullptr);
      has_ended = true;
    });
  }
  std::optional<LeaderElector> elector;
  std::vector<std::string> told;
  int errors = 0;
  bool has_ended = false;
};

using Told = std::vector<std::string>;

ElectionOptions quick() {
  ElectionOptions options;
  options.lease_duration = 60s;
  options.renew_deadline = 30s;
  options.retry_period = 5ms;
  return options;
}

const std::string kLeasePath =
    "/apis/coordination.k8s.io/v1/namespaces/system/leases/genesis-operator";

std::string holder(FakeApi& api) {
  return api.objects[kLeasePath]["spec"]["holderIdentity"];
}

}  // namespace

TEST_CASE("k8s: of two candidates one leads; when it leaves, the other follows at once", "[k8s]") {
  asio::io_context io(1);
  FakeApi api(io);
  Candidate first(io, api, "first", quick());
  REQUIRE(run_until(io, [&] { return first.elector->is_leader(); }));
  Candidate second(io, api, "second", quick());
  REQUIRE(run_until(io, [&] { return second.told == Told{"sees first"}; }));
  first.elector->stop();
  REQUIRE(run_until(io, [&] { return second.elector->is_leader(); }));
  CHECK(first.has_ended);
  CHECK(first.told == Told{"leads", "stopped"});
  CHECK(holder(api) == "second");
  CHECK(api.objects[kLeasePath]["spec"]["leaseTransitions"] == 1);
  second.elector->stop();
  REQUIRE(run_until(io, [&] { return second.has_ended; }));
  CHECK(holder(api).empty());
}

TEST_CASE("k8s: a leader whose Lease another took steps down", "[k8s]") {
  asio::io_context io(1);
  FakeApi api(io);
  Candidate leader(io, api, "me", quick());
  REQUIRE(run_until(io, [&] { return leader.elector->is_leader(); }));
  Json lease = api.objects[kLeasePath];
  lease["spec"]["holderIdentity"] = "other";
  api.put(kLeases, lease);
  REQUIRE(run_until(io, [&] { return leader.has_ended; }));
  CHECK(leader.told == Told{"leads", "stopped"});
  CHECK(holder(api) == "other");  // and does not free what is not its own
}

TEST_CASE("k8s: a leader that cannot renew steps down at its deadline", "[k8s]") {
  asio::io_context io(1);
  FakeApi api(io);
  ElectionOptions options = quick();
  options.renew_deadline = 100ms;
  Candidate leader(io, api, "me", options);
  REQUIRE(run_until(io, [&] { return leader.elector->is_leader(); }));
  api.fault = [](const std::string&) { return Error{Errc::kUnavailable, "refused"}; };
  REQUIRE(run_until(io, [&] { return leader.has_ended; }));
  CHECK(leader.told == Told{"leads", "stopped"});
  CHECK(leader.errors > 0);
}

TEST_CASE("k8s: a leader gets over lost answers and a deleted Lease", "[k8s]") {
  asio::io_context io(1);
  FakeApi api(io);
  Candidate leader(io, api, "me", quick());
  REQUIRE(run_until(io, [&] { return leader.elector->is_leader(); }));
  int calls = 0;
  api.fault = [&](const std::string&) -> std::optional<Error> {
    return ++calls % 3 == 0 ? std::optional(Error{Errc::kUnavailable, "lost"}) : std::nullopt;
  };
  REQUIRE(run_until(io, [&] { return calls > 20; }));
  api.objects.clear();
  REQUIRE(run_until(io, [&] { return api.objects.contains(kLeasePath); }));
  CHECK(leader.elector->is_leader());
  CHECK(leader.told == Told{"leads"});
  api.fault = nullptr;
  leader.elector->stop();
  REQUIRE(run_until(io, [&] { return leader.has_ended; }));
}
