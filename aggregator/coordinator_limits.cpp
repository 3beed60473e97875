// What keeps one client from deciding a sum alone: how much it weighs, and how long its update may
// be. Fixed when a collection opens, so that nothing depends on the order of arrival.
#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "aggregator/coordinator.hpp"
#include "aggregator/metrics.hpp"
#include "common/aggregation/direction.hpp"
#include "common/aggregation/norm_bound.hpp"
#include "common/aggregation/weights.hpp"

namespace genesis::aggregator {
namespace {

// Above this share of a sum a client is said to dominate it. Of two, one always has half or more.
constexpr double kDominantShare = 0.5;
constexpr double kDominantShareOfTwo = 0.9;

double dominant_share(std::size_t clients) {
  return clients < aggregation::kFewestForShares ? kDominantShareOfTwo : kDominantShare;
}

}  // namespace

std::optional<std::uint64_t> Coordinator::max_rows(const ClientId& client) const {
  const auto participant =
      std::ranges::find(training_.participants, client.str(), &spec::Participant::name);
  if (participant == training_.participants.end() || !participant->max_rows) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(*participant->max_rows);
}

std::uint64_t Coordinator::weight_of(const ClientId& client) const {
  const auto rows = sites_.at(client).rows;
  return max_rows(client) ? rows : std::min(rows, limits_.weight_cap);
}

void Coordinator::fix_limits() {
  std::vector<std::uint64_t> rows;
  std::vector<std::uint64_t> declared;
  for (const auto& id : state_.open.roster) {
    (max_rows(id) ? declared : rows).push_back(sites_.at(id).rows);
  }
  limits_.weight_cap = aggregation::weight_cap(rows, declared, training_.aggregation.max_share);
  limits_.norms.clear();
  limits_.scaled = 0;
  limits_.refused.clear();
  const auto* mean = std::get_if<method::MeanOfTensors>(&ask_.combine);
  if (mean != nullptr && limits_.norm == 0.0) {
    limits_.norm = training_.aggregation.max_update_norm.value_or(
        aggregation::first_norm_bound(element_count(mean->specs)));
  }
  watch_shares();
}

void Coordinator::watch_shares() {
  double all = 0.0;
  double claimed = 0.0;
  for (const auto& id : state_.open.roster) {
    all += static_cast<double>(weight_of(id));
    claimed += static_cast<double>(sites_.at(id).rows);
  }
  const double most = dominant_share(state_.open.roster.size());
  std::string dominance;
  for (const auto& id : state_.open.roster) {
    // Nobody says how many rows there are under differential privacy.
    const double share = all > 0.0 ? static_cast<double>(weight_of(id)) / all : 0.0;
    const double claim = claimed > 0.0 ? static_cast<double>(sites_.at(id).rows) / claimed : 0.0;
    if (metrics_ != nullptr) {
      metrics_->weighs(id, share);
    }
    if (state_.open.roster.size() > 1 && claim > most) {
      dominance = fmt::format(
          "client {} claims {:.1f}% of all rows and weighs {:.1f}% of the sum; declare "
          "participants.maxRows, or lower aggregation.maxShare",
          id.str(),
          100.0 * claim,
          100.0 * share);
    }
  }
  if (!dominance.empty() && dominance != limits_.dominance) {
    spdlog::warn("dominance: {}", dominance);
  }
  limits_.dominance = std::move(dominance);
}

std::optional<rounds::Body> Coordinator::limit(const rounds::Contribution& contribution) {
  auto& site = sites_.at(contribution.client);
  const auto& values = std::get<rounds::Plain>(contribution.body).values;
  if (const auto* counts = std::get_if<rounds::Counts>(&values)) {
    const auto weight = weight_of(contribution.client);
    if (weight == site.rows) {
      return std::nullopt;
    }
    return rounds::Plain{method_->weighed(*counts, site.rows, weight)};
  }
  const auto& update = std::get<Tensors>(values);
  const double norm = aggregation::norm(update.values);
  limits_.norms.push_back(std::min(norm, limits_.norm));
  if (norm <= limits_.norm) {
    return std::nullopt;
  }
  ++limits_.scaled;
  ++site.scaled_updates;
  if (metrics_ != nullptr) {
    metrics_->scaled(contribution.client);
  }
  spdlog::warn("client={} round={} update scaled down: its norm {:.6g} is above the bound {:.6g}",
               contribution.client.str(),
               state_.open.request.round.value,
               norm,
               limits_.norm);
  return rounds::Plain{
      Tensors{update.specs, aggregation::scaled_to(update.values, norm, limits_.norm)}};
}

void Coordinator::close_limits() {
  // More than half of the sites on a way that the bound or the checks had to stop: it is the model
  // that is going astray, not a site.
  const auto odd = limits_.scaled + limits_.refused.size();
  const auto all = limits_.norms.size() + limits_.refused.size();
  const bool diverges = 2 * odd > all;
  std::string divergence;
  if (diverges) {
    divergence = fmt::format(
        "the training may diverge: of {} updates of round {}, {} were scaled down and {} refused; "
        "see genesis federated rollback",
        all,
        state_.open.request.round.value,
        limits_.scaled,
        limits_.refused.size());
    spdlog::warn("divergence: {}", divergence);
  }
  if (metrics_ != nullptr) {
    metrics_->diverges(diverges);
  }
  limits_.divergence = std::move(divergence);
  limits_.norm = aggregation::next_norm_bound(std::move(limits_.norms), limits_.norm);
  limits_.norms.clear();
}

Status Coordinator::roll_back(wire::Checkpoint checkpoint, Instant now) {
  if (checkpoint.run != run_) {
    return fail(Errc::kFailedPrecondition, "rollback: the checkpoint is of another run");
  }
  if (is_protected()) {
    return fail(Errc::kFailedPrecondition,
                "rollback: not with privacy.secureAggregation: a site gives its values to one sum "
                "only, because two could be compared");
  }
  const auto reply = rounds::step(config_, state_, rounds::RolledBack{checkpoint.round}, now).reply;
  if (const auto* refused = std::get_if<rounds::Refused>(&reply)) {
    return fail(refused->code, refused->message);
  }
  // The method's state first: what comes next is asked of it.
  GENESIS_RETURN_IF_ERROR(method_->restore(std::move(checkpoint.method), checkpoint.round));
  sum_.reset();
  limits_.norm = checkpoint.norm_bound;
  limits_.divergence.clear();
  spdlog::warn("rollback from-round={} to-round={}",
               state_.open.request.round.value,
               checkpoint.round.value);
  resumed_after_ = std::min(resumed_after_, checkpoint.round);
  if (save_) {
    // Under the open collection, which closes with it: after a restart nothing is asked for under
    // an id that a site has answered.
    save_(this->checkpoint(checkpoint.round));
  }
  apply(rounds::RolledBack{checkpoint.round}, now);
  return {};
}

}  // namespace genesis::aggregator
