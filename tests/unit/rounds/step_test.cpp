#include "common/rounds/step.hpp"

#include "tests/unit/rounds/script.hpp"

using namespace genesis;
using namespace genesis::rounds;
using namespace std::chrono_literals;

namespace {

Config two_clients() {
  Config config;
  config.total_rounds = 2;
  config.min_clients = 1;
  config.max_clients = 3;
  config.expected_clients = 2;
  config.round_deadline = 10s;
  config.start_deadline = 60s;
  config.retries = 1;
  return config;
}

Script training() {
  Script script(two_clients());
  script.start_with({"a", "b"});
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

TEST_CASE("rounds: an update of another round is refused with the current round", "[rounds]") {
  auto script = training();
  script
      .on(UpdateReceived{id("a"), RoundId{2}},
          {RejectStale{id("a"), RoundId{1}, "of a round that has not opened"}})
      .on(UpdateReceived{id("a"), RoundId{0}},
          {RejectStale{id("a"), RoundId{1}, "too late: round 0 closed before"}});
  CHECK(script.standing("a").late_updates == 1);
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
      .all_ask({"a", "b"})
      .after(1s, {CloseRound{RoundId{1}}, OpenRound{RoundId{2}}})
      .on(UpdateReceived{id("b"), RoundId{1}},
          {RejectStale{id("b"), RoundId{2}, "too late: round 1 closed at its deadline"}});
  CHECK(script.standing("b").failures == 1);
  CHECK(script.standing("b").late_updates == 1);
  CHECK(script.standing("b").reason == "sent no update of round 1 within rounds.deadlineSeconds");
}

TEST_CASE(
    "rounds: without a quorum a round is tried again, then the training fails and names who "
    "was missing",
    "[rounds]") {
  auto config = two_clients();
  config.min_clients = 2;
  Script script(config);
  script.start_with({"a", "b"})
      .on(UpdateReceived{id("a"), RoundId{1}}, {FoldUpdate{id("a")}})
      .after(9s)
      .all_ask({"a", "b"})
      .after(1s, {ExtendRound{RoundId{1}, 2}})
      .all_ask({"a"})
      .after(10s,
             {LoseClient{id("a"),
                         "silent for 10 s, rounds.deadlineSeconds or more; drawn again once it "
                         "asks for a task"},
              LoseClient{id("b"),
                         "silent for 11 s, rounds.deadlineSeconds or more; drawn again once it "
                         "asks for a task"},
              FailTraining{"round 1: only 1 of the 2 clients that rounds.minClients asks for "
                           "reported within 2 times rounds.deadlineSeconds; missing: b (lost: "
                           "silent for 11 s, rounds.deadlineSeconds or more; drawn again once it "
                           "asks for a task)"}});
  CHECK(script.state().phase == Phase::kFailed);
  script.after(100s);
}

TEST_CASE("rounds: an update that comes in a further attempt still counts", "[rounds]") {
  auto config = two_clients();
  config.min_clients = 2;
  Script script(config);
  script.start_with({"a", "b"})
      .on(UpdateReceived{id("a"), RoundId{1}}, {FoldUpdate{id("a")}})
      .after(9s)
      .all_ask({"a", "b"})
      .after(1s, {ExtendRound{RoundId{1}, 2}})
      .on(UpdateReceived{id("b"), RoundId{1}},
          {FoldUpdate{id("b")}, CloseRound{RoundId{1}}, OpenRound{RoundId{2}}});
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

TEST_CASE("rounds: a client that joins after the start takes part from the next round",
          "[rounds]") {
  auto script = training();
  script.on(ClientJoined{id("c")}, {AdmitClient{id("c")}})
      .all_ask({"c"})
      .on(UpdateReceived{id("c"), RoundId{1}},
          {RejectStale{id("c"), RoundId{1}, "not drawn for this round"}})
      .on(ClientJoined{id("d")},
          {RefuseClient{id("d"), "rounds.maxClients: all 3 places are taken"}})
      .on(UpdateReceived{id("a"), RoundId{1}}, {FoldUpdate{id("a")}})
      .on(UpdateReceived{id("b"), RoundId{1}},
          {FoldUpdate{id("b")}, CloseRound{RoundId{1}}, OpenRound{RoundId{2}}});
  CHECK(script.state().selected.contains(id("c")));
  CHECK(script.state().needed == 3);
}

TEST_CASE("rounds: who may not join is told why", "[rounds]") {
  Script script(two_clients());
  script.on(ClientJoined{id("a")}, {AdmitClient{id("a")}})
      .on(ClientJoined{id("b")}, {AdmitClient{id("b")}, RequestSummaries{}})
      .on(ClientJoined{id("c")},
          {DeferClient{id("c"),
                       "the sites are agreeing on an encoding; it may join once they "
                       "have"}})
      .on(ClientJoined{id("a")}, {AdmitClient{id("a")}})
      .on(TaskAsked{id("c")}, {RefuseClient{id("c"), "join first"}})
      .on(UpdateReceived{id("c"), RoundId{1}}, {RefuseClient{id("c"), "join first"}});
  auto config = two_clients();
  config.total_rounds = 1;
  Script over(config);
  over.start_with({"a", "b"})
      .on(UpdateReceived{id("a"), RoundId{1}}, {FoldUpdate{id("a")}})
      .on(UpdateReceived{id("b"), RoundId{1}},
          {FoldUpdate{id("b")}, CloseRound{RoundId{1}}, FinishTraining{}})
      .on(ClientJoined{id("c")}, {RefuseClient{id("c"), "the training is over"}})
      .on(UpdateReceived{id("b"), RoundId{1}}, {IgnoreDuplicate{id("b")}});
}
