#include "common/status_page/round_history.hpp"

#include <algorithm>
#include <limits>

#include <nlohmann/json.hpp>

#include "common/base/fields.hpp"
#include "common/base/json.hpp"
#include "common/wire/status_means.hpp"

namespace genesis::status_page {

void RoundHistory::add(const wire::StatusReport& report) {
  std::uint32_t number = 0;  // losses are those of the clients' last round
  for (const auto& client : report.clients) {
    number = std::max(number, client.last_round.value);
  }
  const bool is_drawn = number > 0 && number % every_ == 0;
  if (!is_drawn) {
    return;
  }
  std::erase_if(rounds_, [&](const Round& round) { return round.number >= number; });
  rounds_.push_back(
      {number, report.elapsed_seconds, wire::losses_of(wire::mean_telemetry(report))});
  thin();
}

void RoundHistory::thin() {
  while (rounds_.size() > kMostRounds) {
    every_ *= 2;
    std::erase_if(rounds_, [&](const Round& round) { return round.number % every_ != 0; });
  }
}

std::string RoundHistory::json() const {
  auto all = nlohmann::json::array();
  for (const auto& round : rounds_) {
    all.push_back({{"round", round.number},
                   {"elapsed_seconds", round.elapsed_seconds},
                   {"losses", round.losses}});
  }
  return dump_json(all);
}

Result<RoundHistory> RoundHistory::parse(const std::string& answer) {
  GENESIS_ASSIGN(const auto json, parse_json(answer));
  GENESIS_ASSIGN(const auto fields, Fields::of(json, "rounds"));
  GENESIS_ASSIGN(const auto rounds, fields.objects("rounds"));
  RoundHistory history;
  for (const auto& one : rounds) {
    Round round;
    GENESIS_ASSIGN(const auto number, one.round("round"));
    round.number = number.value;
    const auto earlier = history.rounds_.empty() ? 0 : history.rounds_.back().number;
    if (round.number <= earlier || history.rounds_.size() == kMostRounds) {
      return one.wrong("round", "a round after the one before, of at most 1000");
    }
    GENESIS_ASSIGN(round.elapsed_seconds,
                   one.number_within("elapsed_seconds", 0.0, std::numeric_limits<double>::max()));
    GENESIS_ASSIGN(round.losses, one.numbers("losses", rounds::kLargestTelemetry));
    history.rounds_.push_back(std::move(round));
  }
  return history;
}

}  // namespace genesis::status_page
