#include "common/k8s/event_recorder.hpp"

#include <set>

#include "tests/unit/k8s/fake_api.hpp"

using namespace genesis;
using namespace genesis::k8s;
using namespace genesis::k8s::test;

namespace {

Event an_event(const std::string& reason, const std::string& uid = "u1") {
  Event event;
  event.about = {kFederatedTrainings, ObjectKey("ns", "t-" + uid), uid, "5"};
  event.reason = reason;
  event.message = "round 3 of 10";
  return event;
}

const SystemTime kWall{1'767'225'600s};

Instant at(Milliseconds time) {
  return Instant(time);
}

}  // namespace

TEST_CASE("k8s: the same event again counts up, another or a late one is new", "[k8s]") {
  EventCorrelator correlator;
  const auto first = correlator.correlate(an_event("Started"), at(0s), kWall);
  REQUIRE(first);
  CHECK(first->kind == EventWrite::Kind::kCreate);
  const auto again = correlator.correlate(an_event("Started"), at(60s), kWall + 60s);
  REQUIRE(again);
  CHECK(again->kind == EventWrite::Kind::kCount);
  CHECK(again->name == first->name);
  CHECK(again->count == 2);
  CHECK(again->first == kWall);
  CHECK(again->last == kWall + 60s);
  CHECK(correlator.correlate(an_event("Ended"), at(60s), kWall)->kind == EventWrite::Kind::kCreate);
  CHECK(correlator.correlate(an_event("Started", "u2"), at(60s), kWall)->count == 1);
  const auto late = correlator.correlate(an_event("Started"), at(700s), kWall + 700s);
  CHECK(late->kind == EventWrite::Kind::kCreate);
  CHECK(late->count == 1);
}

TEST_CASE("k8s: names of events are unique, also within one tick of the clock", "[k8s]") {
  EventCorrelator correlator(EventLimits{.burst = 1000.0});
  std::set<std::string> names;
  for (int i = 0; i < 500; ++i) {
    names.insert(correlator.correlate(an_event(std::to_string(i)), at(0s), kWall)->name);
  }
  CHECK(names.size() == 500);
  Event long_name = an_event("x");
  long_name.about.key.name = std::string(253, 'n');
  CHECK(correlator.correlate(long_name, at(0s), kWall)->name.size() <= 253);
}

TEST_CASE("k8s: an object that raises events without end is held back, others are not", "[k8s]") {
  EventCorrelator correlator;
  int written = 0;
  for (int i = 0; i < 100; ++i) {
    written += correlator.correlate(an_event(std::to_string(i)), at(0s), kWall) ? 1 : 0;
  }
  CHECK(written == 25);
  CHECK(correlator.correlate(an_event("x", "u2"), at(0s), kWall));
  CHECK_FALSE(correlator.correlate(an_event("x"), at(59s), kWall));
  CHECK(correlator.correlate(an_event("x"), at(121s), kWall));
}

TEST_CASE("k8s: what is remembered of events is bounded", "[k8s]") {
  EventCorrelator correlator(EventLimits{.remembered = 2});
  for (const char* uid : {"a", "b", "c"}) {
    REQUIRE(correlator.correlate(an_event("x", uid), at(0s), kWall));
  }
  CHECK(correlator.correlate(an_event("x", "c"), at(1s), kWall)->count == 2);
  CHECK(correlator.correlate(an_event("x", "a"), at(1s), kWall)->count == 1);
}

namespace {

struct Rig {
  Rig() {
    recorder.on_error([this](const Error&) { ++errors; });
    asio::co_spawn(io, recorder.run(), [this](const std::exception_ptr& failure) {
      CHECK(failure == nullptr);
      has_ended = true;
    });
  }
  void finish() {
    recorder.stop(10s);
    CHECK(run_until(io, [this] { return has_ended; }));
  }
  asio::io_context io{1};
  FakeApi api{io};
  EventRecorder recorder{io.get_executor(), api, "genesis-operator", "pod-1"};
  int errors = 0;
  bool has_ended = false;
};

}  // namespace

TEST_CASE("k8s: events are written as kubectl shows them", "[k8s]") {
  Rig rig;
  rig.recorder.record(an_event("RoundClosed"));
  rig.recorder.record(an_event("RoundClosed"));
  rig.finish();
  REQUIRE(rig.api.objects.size() == 1);
  const Json& event = rig.api.objects.begin()->second;
  CHECK(event["involvedObject"]["kind"] == "FederatedTraining");
  CHECK(event["involvedObject"]["apiVersion"] == "federated.genesis.dev/v1alpha1");
  CHECK(event["involvedObject"]["uid"] == "u1");
  CHECK(event["metadata"]["namespace"] == "ns");
  CHECK(event["reason"] == "RoundClosed");
  CHECK(event["type"] == "Normal");
  CHECK(event["count"] == 2);
  CHECK(event["source"]["component"] == "genesis-operator");
  CHECK(rig.errors == 0);
}

TEST_CASE("k8s: an event that ran out in the cluster is made anew", "[k8s]") {
  Rig rig;
  rig.recorder.record(an_event("RoundClosed"));
  CHECK(run_until(rig.io, [&] { return rig.api.objects.size() == 1; }));
  rig.api.objects.clear();
  rig.recorder.record(an_event("RoundClosed"));
  rig.finish();
  REQUIRE(rig.api.objects.size() == 1);
  CHECK(rig.api.objects.begin()->second["count"] == 1);
}

TEST_CASE("k8s: an event outlives an outage, and one that is refused is dropped", "[k8s]") {
  Rig rig;
  int calls = 0;
  rig.api.fault = [&](const std::string&) -> std::optional<Error> {
    ++calls;
    if (calls <= 2) {
      return Error{Errc::kUnavailable, "refused"};
    }
    if (calls == 4) {
      return Error{Errc::kPermissionDenied, "the namespace is being terminated"};
    }
    return std::nullopt;
  };
  rig.recorder.record(an_event("Started"));
  rig.recorder.record(an_event("Refused"));
  rig.recorder.record(an_event("Ended"));
  CHECK(run_until(rig.io, [&] { return calls == 5; }));
  rig.finish();
  CHECK(rig.api.objects.size() == 2);
  CHECK(rig.errors == 1);
}

TEST_CASE("k8s: a long message is cut between characters", "[k8s]") {
  Rig rig;
  Event event = an_event("x");
  event.message = "x";
  for (int i = 0; i < 800; ++i) {
    event.message += "\xc3\xa9";
  }
  rig.recorder.record(event);
  rig.finish();
  const std::string message = rig.api.objects.begin()->second["message"];
  CHECK(message.size() == 1023);
}
