#include "aggregator/summation.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "common/base/overloaded.hpp"
#include "common/wire/safetensors.hpp"

namespace genesis::aggregator {
namespace {

constexpr double kMiddle = 0.5;  // what a median leaves out at each end

Status check_counts(const rounds::Plain& plain, const method::SumOfCounts& expected) {
  const auto* counts = std::get_if<rounds::Counts>(&plain.values);
  if (counts == nullptr || counts->size() != expected.words) {
    return fail(Errc::kInvalidArgument,
                "is not the " + std::to_string(expected.words) + " counts that were asked for");
  }
  return {};
}

Status check_tensors(const rounds::Plain& plain, const method::MeanOfTensors& expected) {
  const auto* tensors = std::get_if<Tensors>(&plain.values);
  if (tensors == nullptr) {
    return fail(Errc::kInvalidArgument, "is counts; tensors were asked for");
  }
  GENESIS_RETURN_IF_ERROR(wire::check_matches(*tensors, expected.specs));
  GENESIS_RETURN_IF_ERROR(wire::check_finite(*tensors));
  const bool in_bounds = std::ranges::all_of(
      tensors->values, [](float x) { return std::fabs(x) <= aggregation::kMaxMagnitude; });
  if (!in_bounds) {
    return fail(Errc::kInvalidArgument, "a value is beyond 32768; the local training diverged");
  }
  return {};
}

}  // namespace

Status check_form(const rounds::Body& body, const method::Combine& combine) {
  const auto& plain = std::get<rounds::Plain>(body);
  return std::visit(
      Overloaded{
          [&](const method::SumOfCounts& expected) { return check_counts(plain, expected); },
          [&](const method::MeanOfTensors& expected) { return check_tensors(plain, expected); },
      },
      combine);
}

std::uint64_t max_body_bytes(const method::Combine& combine) {
  constexpr std::uint64_t kHeaderRoom = 1U << 20;
  return kHeaderRoom +
         std::visit(Overloaded{
                        [](const method::SumOfCounts& counts) {
                          return std::uint64_t{counts.words} * sizeof(std::uint64_t);
                        },
                        [](const method::MeanOfTensors& mean) {
                          return std::uint64_t{element_count(mean.specs)} * sizeof(float);
                        },
                    },
                    combine);
}

Result<Summation> Summation::start(const method::Combine& combine,
                                   const spec::Aggregation& aggregation,
                                   std::uint64_t max_clients,
                                   std::uint64_t max_weight) {
  aggregation::FoldBounds bounds;
  bounds.max_updates = max_clients;
  bounds.max_total_rows = max_weight;
  bounds.trimmed_share = aggregation.trimmed_share.value_or(bounds.trimmed_share);
  const auto strategy = spec::to_string(aggregation.strategy);
  if (const auto* counts = std::get_if<method::SumOfCounts>(&combine)) {
    if (!spec::is_robust(aggregation.strategy) || counts->distributions.empty()) {
      return Summation(aggregation::CountSum(counts->words));
    }
    const double aside =
        aggregation.strategy == spec::Strategy::kMedian ? kMiddle : bounds.trimmed_share;
    return Summation(aggregation::DistributionFold(counts->distributions, aside, max_weight));
  }
  bounds.size = element_count(std::get<method::MeanOfTensors>(combine).specs);
  GENESIS_ASSIGN(auto fold, aggregation::make_fold(strategy, bounds));
  return Summation(std::move(fold));
}

Status Summation::add(const rounds::Body& body, std::uint64_t weight) {
  const auto& values = std::get<rounds::Plain>(body).values;
  return std::visit(
      Overloaded{
          [&](aggregation::CountSum& sum) { return sum.add(std::get<rounds::Counts>(values)); },
          [&](aggregation::DistributionFold& fold) {
            return fold.add(std::get<rounds::Counts>(values), weight);
          },
          [&](std::unique_ptr<aggregation::Fold>& fold) {
            return fold->add(std::get<Tensors>(values).values, weight);
          },
      },
      state_);
}

Result<method::Sum> Summation::total() const {
  return std::visit(Overloaded{
                        [](const aggregation::CountSum& sum) -> Result<method::Sum> {
                          return method::Sum{sum.total()};
                        },
                        [](const aggregation::DistributionFold& fold) -> Result<method::Sum> {
                          GENESIS_ASSIGN(auto counts, fold.aggregate());
                          return method::Sum{std::move(counts)};
                        },
                        [](const std::unique_ptr<aggregation::Fold>& fold) -> Result<method::Sum> {
                          GENESIS_ASSIGN(auto mean, fold->aggregate());
                          return method::Sum{std::move(mean)};
                        },
                    },
                    state_);
}

}  // namespace genesis::aggregator
