#include "common/rounds/step.hpp"

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::rounds;
using namespace std::chrono_literals;

namespace {

ClientId id(const char* name) {
  return *ClientId::parse(name);
}

// A training told as a script of events and the effects that each must have.
class Script {
 public:
  explicit Script(Config config) : config_(std::move(config)), state_(start(config_, now_)) {}

  Script& on(const Event& event, std::vector<Effect> expected = {}) {
    auto next = step(config_, std::move(state_), event, now_);
    state_ = std::move(next.state);
    CHECK(next.effects == expected);
    return *this;
  }
  Script& after(Milliseconds time, std::vector<Effect> expected = {}) {
    now_ += time;
    return on(Tick{}, std::move(expected));
  }
  [[nodiscard]] const State& state() const { return state_; }

 private:
  Config config_;
  Instant now_{};
  State state_;
};

Config two_clients() {
  Config config;
  config.total_rounds = 2;
  config.min_clients = 1;
  config.max_clients = 3;
  config.expected_clients = 2;
  config.round_deadline = 10s;
  config.start_deadline = 60s;
  config.round_attempts = 2;
  return config;
}

Script training() {
  Script script(two_clients());
  script.on(ClientJoined{id("a")}, {AdmitClient{id("a")}})
      .on(ClientJoined{id("b")}, {AdmitClient{id("b")}, RequestSummaries{}})
      .on(SummaryReceived{id("a")}, {AddSummary{id("a")}})
      .on(SummaryReceived{id("b")}, {AddSummary{id("b")}, FitEncoder{}, OpenRound{RoundId{1}}});
  return script;
}

}  // namespace

TEST_CASE("rounds: a training runs from joining to its last round", "[rounds]") {
  auto script = training();
  script.on(UpdateReceived{id("a"), RoundId{1}}, {FoldUpdate{id("a")}})
      .on(UpdateReceived{id("b"), RoundId{1}},
          {FoldUpdate{id("b")}, CloseRound{RoundId{1}}, OpenRound{RoundId{2}}})
      .on(UpdateReceived{id("b"), RoundId{2}}, {FoldUpdate{id("b")}})
      .on(UpdateReceived{id("a"), RoundId{2}},
          {FoldUpdate{id("a")}, CloseRound{RoundId{2}}, FinishTraining{}});
  CHECK(script.state().phase == Phase::kComplete);
}

TEST_CASE("rounds: a stale update is refused with the current round", "[rounds]") {
  auto script = training();
  script.on(UpdateReceived{id("a"), RoundId{2}}, {RejectStale{id("a"), RoundId{1}}})
      .on(UpdateReceived{id("a"), RoundId{0}}, {RejectStale{id("a"), RoundId{1}}});
}

TEST_CASE("rounds: the same update twice is folded once", "[rounds]") {
  auto script = training();
  script.on(UpdateReceived{id("a"), RoundId{1}}, {FoldUpdate{id("a")}})
      .on(UpdateReceived{id("a"), RoundId{1}}, {IgnoreDuplicate{id("a")}});
}

TEST_CASE("rounds: the deadline closes a round that has its quorum", "[rounds]") {
  auto script = training();
  script.on(UpdateReceived{id("a"), RoundId{1}}, {FoldUpdate{id("a")}})
      .after(9s)
      .after(1s, {CloseRound{RoundId{1}}, OpenRound{RoundId{2}}})
      .on(UpdateReceived{id("b"), RoundId{1}}, {RejectStale{id("b"), RoundId{2}}});
}

TEST_CASE("rounds: without a quorum a round is extended, then the training fails", "[rounds]") {
  auto script = training();
  script.after(10s, {ExtendRound{RoundId{1}, 2}})
      .after(10s,
             {FailTraining{"round 1: only 0 of the 1 clients that rounds.minClients asks for "
                           "reported within 2 times rounds.deadlineSeconds"}});
  CHECK(script.state().phase == Phase::kFailed);
  script.after(100s);
}

TEST_CASE("rounds: the start deadline starts with the quorum or fails", "[rounds]") {
  Script with_one(two_clients());
  with_one.on(ClientJoined{id("a")}, {AdmitClient{id("a")}}).after(60s, {RequestSummaries{}});
  Script with_none(two_clients());
  with_none.after(60s,
                  {FailTraining{"only 0 of the 1 clients that rounds.minClients asks for joined "
                                "within rounds.startDeadlineSeconds"}});
}

TEST_CASE("rounds: a client whose summary is missing at the deadline is left out", "[rounds]") {
  Script script(two_clients());
  script.on(ClientJoined{id("a")}, {AdmitClient{id("a")}})
      .on(ClientJoined{id("b")}, {AdmitClient{id("b")}, RequestSummaries{}})
      .on(SummaryReceived{id("b")}, {AddSummary{id("b")}})
      .after(10s, {FitEncoder{}, OpenRound{RoundId{1}}})
      .on(UpdateReceived{id("b"), RoundId{1}},
          {FoldUpdate{id("b")}, CloseRound{RoundId{1}}, OpenRound{RoundId{2}}});
  CHECK(script.state().members.size() == 1);
}

TEST_CASE("rounds: strangers are refused once the training has started", "[rounds]") {
  auto script = training();
  script
      .on(ClientJoined{id("c")},
          {RefuseClient{id("c"), "the training has started without this client"}})
      .on(ClientJoined{id("a")}, {AdmitClient{id("a")}})
      .on(UpdateReceived{id("c"), RoundId{1}}, {RefuseClient{id("c"), "join first"}});
}

TEST_CASE("rounds: selection depends on seed and round alone and keeps the quorum", "[rounds]") {
  auto config = two_clients();
  config.client_fraction = 0.5;
  config.min_clients = 2;
  std::map<ClientId, Member> members;
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
    members.try_emplace(id(name));
  }
  const auto first = select_clients(config, members, RoundId{1});
  CHECK(first.size() == 3);
  CHECK(first == select_clients(config, members, RoundId{1}));
  bool differs = false;
  for (std::uint32_t round = 2; round < 10; ++round) {
    differs = differs || select_clients(config, members, RoundId{round}) != first;
  }
  CHECK(differs);
  config.client_fraction = 0.01;
  CHECK(select_clients(config, members, RoundId{1}).size() == 2);
}
