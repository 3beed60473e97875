#include "common/method/learning_rate.hpp"

#include <cmath>
#include <numbers>
#include <optional>

#include <nlohmann/json.hpp>

#include "common/base/json.hpp"

namespace genesis::method {
namespace {

constexpr const char* kLearningRate = "learning_rate";

double scheduled(const spec::Local& local, RoundId closed, std::uint32_t rounds) {
  switch (local.lr_schedule) {
    case spec::LrSchedule::kConstant:
      return local.learning_rate;
    case spec::LrSchedule::kCosine: {
      const double progress = static_cast<double>(closed.value) / static_cast<double>(rounds);
      return local.learning_rate * 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
    }
  }
  return local.learning_rate;
}

}  // namespace

std::string learning_rate_parameters(const spec::Local& local,
                                     RoundId closed,
                                     std::uint32_t rounds) {
  return nlohmann::json{{kLearningRate, scheduled(local, closed, rounds)}}.dump();
}

Result<double> learning_rate_of(const Assignment& assignment, const SiteSetup& setup) {
  GENESIS_ASSIGN(const auto parameters, parse_json(assignment.parameters));
  const auto member = parameters.root().find(kLearningRate);
  const auto rate = member ? member->number() : std::nullopt;
  if (!rate) {
    return fail(Errc::kInvalidArgument,
                assignment.purpose + ": its parameters lack \"" + kLearningRate + "\"");
  }
  const double learning_rate = *rate * setup.learning_rate_scale;
  constexpr double kRounding = 1.0 + 1e-9;
  if (!(learning_rate >= 0.0 && learning_rate <= setup.training.local.learning_rate * kRounding)) {
    return fail(Errc::kInvalidArgument,
                assignment.purpose + ": the server asks for a learning rate above the spec's");
  }
  return learning_rate;
}

}  // namespace genesis::method
