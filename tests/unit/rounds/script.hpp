#pragma once
// A training told as a script of events and the effects that each must have.
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
          if constexpr (requires { e.round; }) {
            text += " round " + std::to_string(e.round.value);
          }
          if constexpr (requires { e.current; }) {
            text += " current " + std::to_string(e.current.value);
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

class Script {
 public:
  explicit Script(Config config) : config_(std::move(config)), state_(start(config_, now_)) {}

  Script& on(const Event& event, const std::vector<Effect>& expected = {}) {
    auto next = step(config_, std::move(state_), event, now_);
    state_ = std::move(next.state);
    CAPTURE(events_++);
    CHECK(told(next.effects) == told(expected));
    return *this;
  }
  Script& after(Milliseconds time, const std::vector<Effect>& expected = {}) {
    now_ += time;
    return on(Tick{}, expected);
  }
  /// Each asks for a task and is told nothing new.
  Script& all_ask(const std::vector<const char*>& clients) {
    for (const char* client : clients) {
      on(TaskAsked{id(client)});
    }
    return *this;
  }
  /// They join and count, the last of them last: round 1 opens.
  Script& start_with(const std::vector<const char*>& clients) {
    for (const char* client : clients) {
      std::vector<Effect> expected{AdmitClient{id(client)}};
      if (client == clients.back()) {
        expected.emplace_back(RequestSummaries{});
      }
      on(ClientJoined{id(client)}, expected);
    }
    for (const char* client : clients) {
      std::vector<Effect> expected{AddSummary{id(client)}};
      if (client == clients.back()) {
        expected.insert(expected.end(), {FitEncoder{}, OpenRound{RoundId{1}}});
      }
      on(SummaryReceived{id(client)}, expected);
    }
    return *this;
  }
  [[nodiscard]] const State& state() const { return state_; }
  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] const Standing& standing(const char* client) const {
    return state_.members.at(id(client)).standing;
  }

 private:
  Config config_;
  Instant now_{};
  State state_;
  int events_ = 0;
};

}  // namespace genesis::rounds
