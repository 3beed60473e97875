// One training, replayed with one fault at each of its moments: whatever happens, it ends, and
// every round that closes has its quorum.
#include <map>
#include <optional>

#include "tests/unit/rounds/script.hpp"

using namespace genesis;
using namespace genesis::rounds;
using namespace std::chrono_literals;

namespace {

enum class Fault {
  kNone,
  kServerRestart,  // back to the last round that closed
  kShortSilence,   // one client, shorter than a deadline
  kLongSilence,    // longer than one
  kDeath,          // for good
  kEviction,       // likewise, and by who administers the training
  kGarbage,        // invalid updates until it is quarantined
  kRepeat,         // everything that it says is said twice
};

Config config_of(std::size_t min_clients) {
  Config config;
  config.min_clients = min_clients;
  config.max_clients = 3;
  config.expected_clients = 3;
  config.round_deadline = 10s;
  config.start_deadline = 20s;
  return config;
}

constexpr std::uint32_t kRounds = 4;

struct Outcome {
  Phase phase = Phase::kJoining;
  std::string reason;
  std::map<RoundId, std::set<ClientId>> folds;  // of the rounds that closed
};

// Three clients that each say one thing a second; one of them meets the fault at second `at`.
class World {
 public:
  World(Config config, Fault fault, int at) : config_(config), fault_(fault), at_(at) {
    state_ = rounds::start(config_, now_);
  }

  Outcome run() {
    for (second_ = 0; second_ < 300 && !is_over(); ++second_) {
      if (fault_ == Fault::kServerRestart && second_ == at_ && closed_) {
        open_folds_.clear();
        absorb(go_on(resume(config_, state_.members, *closed_, RoundId{closed_->value - 1}, now_)));
      }
      if (fault_ == Fault::kEviction && second_ == at_) {
        say(ClientEvicted{id("b")});
      }
      for (const char* name : {"a", "b", "c"}) {
        const bool is_faulty = *name == 'b' && second_ >= at_;
        speak(id(name), is_faulty);
        if (is_faulty && fault_ == Fault::kRepeat) {
          speak(id(name), is_faulty);
        }
      }
      now_ += 1s;
      say(Tick{});
    }
    outcome_.phase = state_.phase;
    outcome_.reason = state_.reason;
    return outcome_;
  }

 private:
  [[nodiscard]] bool is_over() const {
    return state_.phase == Phase::kComplete || state_.phase == Phase::kFailed;
  }

  void speak(const ClientId& client, bool is_faulty) {
    const int since = second_ - at_;
    const bool is_silent = is_faulty && (fault_ == Fault::kDeath || fault_ == Fault::kEviction ||
                                         (fault_ == Fault::kShortSilence && since < 5) ||
                                         (fault_ == Fault::kLongSilence && since < 17));
    if (is_silent || is_over()) {
      return;
    }
    const Speaker speaker{client};
    if (!state_.members.contains(client)) {
      say(ClientJoined{speaker});
      return;
    }
    const auto next = todo(state_, client, now_);
    const auto* asked = std::get_if<Contribute>(&next);
    if (asked == nullptr) {
      say(TaskAsked{speaker});
    } else if (is_faulty && fault_ == Fault::kGarbage && state_.open.request.round.value > 0) {
      say(ContributionRefused{client, "garbage"});
    } else {
      say(ContributionReceived{speaker, contribution(client, asked->collection)});
    }
  }

  void say(const Event& event) { absorb(go_on(step(config_, std::move(state_), event, now_))); }

  // All that the method does upon a step.
  Step go_on(Step out) {
    while (out.state.phase == Phase::kAdvancing) {
      auto next = step(config_, out.state, next_of(out.state, kRounds), now_);
      out.state = std::move(next.state);
      out.effects.insert(out.effects.end(), next.effects.begin(), next.effects.end());
    }
    return out;
  }

  void absorb(Step next) {
    state_ = std::move(next.state);
    for (const auto& effect : next.effects) {
      if (const auto* fold = std::get_if<Fold>(&effect)) {
        CHECK(open_folds_.insert(fold->contribution->client).second);  // never twice
        open_ = fold->contribution->collection;
      } else if (std::holds_alternative<RestartCollection>(effect)) {
        open_folds_.clear();
      } else if (std::holds_alternative<Advance>(effect) && !open_folds_.empty()) {
        CHECK(open_folds_.size() >= config_.min_clients);
        auto folds = std::exchange(open_folds_, {});
        if (open_ > kSummaries) {
          outcome_.folds[RoundId{open_.value - 1}] = std::move(folds);
        }
        closed_ = open_;
      }
    }
  }

  Config config_;
  Fault fault_;
  int at_;
  int second_ = 0;
  Instant now_{};
  State state_;
  std::optional<CollectionId> closed_;
  CollectionId open_;
  std::set<ClientId> open_folds_;
  Outcome outcome_;
};

}  // namespace

TEST_CASE("rounds: a fault at any moment ends no training that keeps its quorum", "[rounds]") {
  const auto undisturbed = World(config_of(2), Fault::kNone, 0).run();
  REQUIRE(undisturbed.phase == Phase::kComplete);
  for (const auto fault : {Fault::kServerRestart,
                           Fault::kShortSilence,
                           Fault::kLongSilence,
                           Fault::kDeath,
                           Fault::kEviction,
                           Fault::kGarbage,
                           Fault::kRepeat}) {
    for (int at = 0; at < 8; ++at) {
      CAPTURE(static_cast<int>(fault), at);
      const auto outcome = World(config_of(2), fault, at).run();
      CHECK(outcome.phase == Phase::kComplete);
      CHECK(outcome.folds.size() == kRounds);
      const bool leaves_no_trace = fault == Fault::kServerRestart ||
                                   fault == Fault::kShortSilence || fault == Fault::kRepeat;
      if (leaves_no_trace) {
        CHECK(outcome.folds == undisturbed.folds);
      }
    }
  }
}

TEST_CASE("rounds: where everyone is needed, a death ends the training with a reason", "[rounds]") {
  for (int at = 2; at < 5; ++at) {
    CAPTURE(at);
    CHECK(World(config_of(3), Fault::kLongSilence, at).run().phase == Phase::kComplete);
    const auto dead = World(config_of(3), Fault::kDeath, at).run();
    CHECK(dead.phase == Phase::kFailed);
    CHECK_THAT(dead.reason, ContainsSubstring("missing: b (lost: silent for"));
    const auto hostile = World(config_of(3), Fault::kGarbage, at).run();
    CHECK(hostile.phase == Phase::kFailed);
    CHECK_THAT(hostile.reason, ContainsSubstring("missing: b (quarantined: "));
  }
}
