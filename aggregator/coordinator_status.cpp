// How a training stands, for people and dashboards: Coordinator::status.
#include <algorithm>
#include <cmath>
#include <utility>

#include "aggregator/coordinator.hpp"
#include "common/privacy/gaussian.hpp"
#include "common/rounds/view.hpp"

namespace genesis::aggregator {
namespace {

wire::Phase phase_of(const rounds::State& state) {
  switch (state.phase) {
    case rounds::Phase::kJoining:
      return wire::Phase::kJoining;
    case rounds::Phase::kCollecting:
    case rounds::Phase::kAdvancing:
      return state.open.request.round.value == 0 ? wire::Phase::kSummarizing
                                                 : wire::Phase::kTraining;
    case rounds::Phase::kComplete:
      return wire::Phase::kComplete;
    case rounds::Phase::kFailed:
      return wire::Phase::kFailed;
  }
  return wire::Phase::kFailed;
}

}  // namespace

// Where each site's own noise suffices, no others who collude learn more than is claimed. Of noise
// that sites share, the worst case is that of a site's own part alone.
std::optional<wire::PrivacyReport> Coordinator::privacy() const {
  const auto& asked = training_.privacy.differential_privacy;
  if (!asked) {
    return std::nullopt;
  }
  wire::PrivacyReport report{asked->epsilon, asked->epsilon, asked->delta};
  const auto shares = spec::noise_shares_of(training_);
  const auto guarantee =
      privacy::Guarantee::of(privacy::Epsilon{asked->epsilon}, privacy::Delta{asked->delta});
  if (shares > 1 && guarantee) {
    const privacy::GaussianPrivacy alone{privacy::calibrate(*guarantee).mu *
                                         std::sqrt(static_cast<double>(shares))};
    report.worst_epsilon = privacy::epsilon_of(alone, guarantee->delta()).value;
  }
  return report;
}

wire::StatusReport Coordinator::status(Instant now) const {
  const auto seconds = [](auto span) {
    return std::chrono::duration_cast<std::chrono::duration<double>>(span).count();
  };
  wire::StatusReport report;
  report.run = run_;
  report.name = training_.name;
  report.phase = phase_of(state_);
  const RoundId round = state_.open.request.round;
  report.current_round = round;
  report.total_rounds = total_rounds();
  report.model_sha256 = model_sha256_;
  report.reason = state_.reason;
  report.elapsed_seconds = seconds(now - started_);
  if (rounds_started_ && report.phase == wire::Phase::kTraining &&
      round.value > resumed_after_.value + 1) {
    const double since = seconds(now - *rounds_started_);
    const double per_round = since / (round.value - resumed_after_.value - 1);
    const std::uint32_t to_do = report.total_rounds - resumed_after_.value;
    report.estimated_remaining_seconds = std::max(0.0, per_round * to_do - since);
  }
  for (const auto& [id, site] : sites_) {
    wire::ClientReport client;
    client.id = id.str();
    if (!is_protected()) {
      client.rows = site.rows;
    }
    auto seen = rounds::view(state_, id);
    client.state = seen.state;
    client.reason = std::move(seen.reason);
    client.late_updates = 0;
    client.invalid_updates = 0;
    if (const auto member = state_.members.find(id); member != state_.members.end()) {
      client.last_round = member->second.last_round;
      client.late_updates = member->second.standing.late_updates;
      client.invalid_updates = member->second.standing.invalid_updates;
    }
    client.scaled_updates = site.scaled_updates;
    client.telemetry = site.telemetry;
    report.joined += wire::is_joined(client) ? 1 : 0;
    report.clients.push_back(std::move(client));
  }
  report.privacy = privacy();
  report.warnings = method_->notes();
  const auto& secure = training_.privacy.secure_aggregation;
  if (secure && secure->encryption == spec::Encryption::kNone) {
    report.warnings.emplace_back(
        "privacy.secureAggregation.encryption: none is for tests; this server reads every site's "
        "values");
  }
  for (const auto* warning : {&limits_.dominance, &limits_.divergence}) {
    if (!warning->empty()) {
      report.warnings.push_back(*warning);
    }
  }
  return report;
}

}  // namespace genesis::aggregator
