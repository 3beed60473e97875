#include "common/model/training_state.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <utility>

namespace genesis::model {
namespace {

constexpr float kMaxSteps = 16777216.0F;  // the largest count that a float holds exactly

std::vector<TensorSpec> state_specs(const Network& network) {
  std::vector<TensorSpec> specs;
  for (const char* prefix : {"adam.m.", "adam.v."}) {
    for (std::size_t i = 0; i < network.specs.size(); ++i) {
      if (network.placements[i].area != Placement::Area::kStatistics) {
        specs.push_back({prefix + network.specs[i].name, network.specs[i].shape});
      }
    }
  }
  specs.push_back({"adam.steps", {2}});  // generator, discriminator
  return specs;
}

}  // namespace

std::vector<Extent> extents_of(const Network& network, Placement::Area area) {
  std::vector<Extent> extents;
  for (const auto& placement : network.placements) {
    if (placement.area == area) {
      extents.push_back({placement.offset, placement.count});
    }
  }
  return extents;
}

TrainingState TrainingState::of(const Network& network) {
  const auto none = [](std::size_t size) {
    return Moments{std::vector<float>(size), std::vector<float>(size), 0};
  };
  return {none(network.generator_size), none(network.discriminator_size)};
}

Tensors TrainingState::tensors(const Network& network) const {
  Tensors state;
  state.specs = state_specs(network);
  std::vector<float> whole(element_count(network.specs));
  for (const auto moment : {&Moments::first, &Moments::second}) {
    const Weights weights{
        generator.*moment, discriminator.*moment, std::vector<float>(network.statistics_size)};
    store(network, weights, whole);
    const float* values = whole.data();
    for (const auto& placement : network.placements) {
      if (placement.area != Placement::Area::kStatistics) {
        state.values.insert(state.values.end(), values, values + placement.count);
      }
      values += placement.count;
    }
  }
  // Counts stop at 2^24, where the bias corrections have long been 1.
  for (const auto steps : {generator.steps, discriminator.steps}) {
    state.values.push_back(std::min(static_cast<float>(steps), kMaxSteps));
  }
  return state;
}

Result<TrainingState> TrainingState::parse(const Network& network, const Tensors& tensors) {
  GENESIS_RETURN_IF_ERROR(check_tensors(state_specs(network), tensors));
  const float* steps = tensors.values.data() + tensors.values.size() - 2;
  for (const float count : {steps[0], steps[1]}) {
    if (count < 0.0F || count > kMaxSteps || count != std::floor(count)) {
      return fail(Errc::kInvalidArgument, "[model] adam.steps: not a count");
    }
  }
  std::array<Weights, 2> moments;
  const float* values = tensors.values.data();
  for (auto& moment : moments) {
    std::vector<float> whole;
    for (const auto& placement : network.placements) {
      if (placement.area == Placement::Area::kStatistics) {
        whole.resize(whole.size() + placement.count);
      } else {
        whole.insert(whole.end(), values, values + placement.count);
        values += placement.count;
      }
    }
    load(network, whole, moment);
  }
  for (const auto* second : {&moments[1].generator, &moments[1].discriminator}) {
    if (std::ranges::any_of(*second, [](float v) { return v < 0.0F; })) {
      return fail(Errc::kInvalidArgument, "[model] adam.v: a second moment is negative");
    }
  }
  return TrainingState{{std::move(moments[0].generator),
                        std::move(moments[1].generator),
                        static_cast<std::uint64_t>(steps[0])},
                       {std::move(moments[0].discriminator),
                        std::move(moments[1].discriminator),
                        static_cast<std::uint64_t>(steps[1])}};
}

double distance(std::span<const float> a, std::span<const float> b) {
  double squares = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double change = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    squares += change * change;
  }
  return std::sqrt(squares);
}

Result<TrainResult> judged(const Network& network,
                           TrainingState& state,
                           double learning_rate,
                           const std::function<std::optional<TrainResult>()>& train) {
  if (!std::isfinite(learning_rate) || learning_rate < 0.0) {
    return fail(Errc::kInvalidArgument, "local.learningRate: must be finite and not negative");
  }
  try {
    auto result = train();
    if (!result) {
      return fail(Errc::kUnavailable, "stopped before the training was over");
    }
    if (!std::isfinite(result->metrics.update_norm)) {
      state = TrainingState::of(network);  // the moments are no longer finite either
      return fail(Errc::kFailedPrecondition,
                  "[model] training diverged: a weight is no longer finite; lower "
                  "local.learningRate or set privacy.maxGradNorm");
    }
    return *std::move(result);
  } catch (const std::exception& error) {  // LibTorch's errors and memory that ran out
    return fail(Errc::kInternal, std::string("[model] training failed: ") + error.what());
  }
}

}  // namespace genesis::model
