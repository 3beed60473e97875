#pragma once
// A training told as a script of events, and the effects and the reply that each must have. The
// method that the script stands for asks everyone for summaries (collection 1), then for
// config.total_rounds rounds of updates (collection r + 1 is round r), then it releases its model.
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/rounds/step.hpp"
#include "tests/support/catch.hpp"

namespace genesis::rounds {

inline ClientId id(const char* name) {
  return *ClientId::parse(name);
}
inline CollectionId of_round(std::uint32_t round) {
  return CollectionId{round + 1};
}
constexpr CollectionId kSummaries{1};

inline std::shared_ptr<const Contribution> contribution(const ClientId& client,
                                                        CollectionId collection) {
  return std::make_shared<const Contribution>(Contribution{
      .run = "run", .collection = collection, .client = client, .body = Plain{Counts{1}}});
}

// Events.
inline ClientJoined joins(const char* client) {
  return {{id(client)}};
}
inline TaskAsked asks(const char* client) {
  return {{id(client)}};
}
inline ContributionReceived summary(const char* client) {
  return {{id(client)}, contribution(id(client), kSummaries)};
}
inline ContributionReceived update(const char* client, std::uint32_t round) {
  return {{id(client)}, contribution(id(client), of_round(round))};
}

// Effects and replies.
inline Fold folded(const char* client) {
  return {contribution(id(client), {})};
}
inline OpenCollection opens(std::uint32_t round) {
  return {of_round(round)};
}
inline Reply refused(Errc code, const std::string& message) {
  return Refused{code, message};
}
/// Not awaited, while `round` is open.
inline Reply stale(const char* client, std::uint32_t round, const std::string& why) {
  return Refused{Errc::kConflict,
                 std::string("client ") + client + ": " + why + "; the current round is " +
                     std::to_string(round) + ", collection " + std::to_string(round + 1)};
}

/// Effects as text, so that a failure shows which differ.
inline std::vector<std::string> told(const std::vector<Effect>& effects) {
  std::vector<std::string> lines;
  for (const auto& effect : effects) {
    lines.push_back(std::visit(
        [&]<typename E>(const E& e) {
          std::string text = std::to_string(effect.index());
          if constexpr (requires { e.client; }) {
            text += " client " + e.client.str();
          }
          if constexpr (requires { e.contribution; }) {
            text += " of " + e.contribution->client.str();
          }
          if constexpr (requires { e.collection; }) {
            text += " collection " + std::to_string(e.collection.value);
          }
          if constexpr (requires { e.attempt; }) {
            text += " attempt " + std::to_string(e.attempt);
          }
          if constexpr (requires { e.reason; }) {
            text += ": " + e.reason;
          }
          return text;
        },
        effect));
  }
  return lines;
}

inline std::string told(const Reply& reply) {
  if (const auto* no = std::get_if<Refused>(&reply)) {
    return std::string(to_string(no->code)) + ": " + no->message;
  }
  return std::holds_alternative<Duplicate>(reply) ? "duplicate" : "accepted";
}

/// What the method answers to an Advance, as an event.
inline Event next_of(const State& closed, std::uint32_t total_rounds) {
  if (closed.open.id.value == 0) {
    return NextRequested{{"summaries", Roster::kEveryone, RoundId{0}}};
  }
  const RoundId next{closed.open.id.value};
  if (next.value > total_rounds) {
    return ModelReleased{};
  }
  return NextRequested{{"updates", Roster::kDrawn, next}};
}

/// `event` and all that the method does upon it.
inline Step step_through(const Config& config,
                         std::uint32_t total_rounds,
                         State state,
                         const Event& event,
                         Instant now) {
  auto out = step(config, std::move(state), event, now);
  while (out.state.phase == Phase::kAdvancing) {
    auto next = step(config, out.state, next_of(out.state, total_rounds), now);
    out.state = std::move(next.state);
    out.effects.insert(out.effects.end(), next.effects.begin(), next.effects.end());
  }
  return out;
}

class Script {
 public:
  explicit Script(Config config, std::uint32_t total_rounds = 2)
      : config_(std::move(config)),
        total_rounds_(total_rounds),
        state_(rounds::start(config_, now_)) {}

  Script& on(const Event& event,
             const std::vector<Effect>& effects = {},
             const Reply& reply = Accepted{}) {
    auto next = step_through(config_, total_rounds_, std::move(state_), event, now_);
    state_ = std::move(next.state);
    CAPTURE(events_++);
    CHECK(told(next.effects) == told(effects));
    CHECK(told(next.reply) == told(reply));
    return *this;
  }
  Script& after(Milliseconds time, const std::vector<Effect>& expected = {}) {
    now_ += time;
    return on(Tick{}, expected);
  }
  /// Each asks for a task, which changes nothing.
  Script& all_ask(const std::vector<const char*>& clients) {
    for (const char* client : clients) {
      on(asks(client));
    }
    return *this;
  }
  /// They join and count, the last of them last: round 1 opens.
  Script& start_with(const std::vector<const char*>& clients) {
    for (const char* client : clients) {
      std::vector<Effect> expected;
      if (client == clients.back()) {
        expected = {Advance{}, OpenCollection{kSummaries}};
      }
      on(joins(client), expected);
    }
    for (const char* client : clients) {
      std::vector<Effect> expected{folded(client)};
      if (client == clients.back()) {
        expected.insert(expected.end(), {Advance{}, opens(1)});
      }
      on(summary(client), expected);
    }
    return *this;
  }
  [[nodiscard]] const State& state() const { return state_; }
  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] const Standing& standing(const char* client) const {
    return state_.members.at(id(client)).standing;
  }
  [[nodiscard]] bool is_drawn(const char* client) const {
    return state_.open.roster.contains(id(client));
  }
  [[nodiscard]] Todo todo(const char* client) const {
    return rounds::todo(state_, id(client), now_);
  }

 private:
  Config config_;
  std::uint32_t total_rounds_;
  Instant now_{};
  State state_;
  int events_ = 0;
};

}  // namespace genesis::rounds
