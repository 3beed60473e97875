#include "common/rounds/telemetry_mean.hpp"

namespace genesis::rounds {

void TelemetryMean::add(const Telemetry& telemetry, std::uint64_t rows) {
  const auto weight = static_cast<double>(rows);
  for (const auto& [name, value] : telemetry) {
    auto& sum = sums_[name];
    sum.weighted += weight * value;
    sum.rows += weight;
  }
}

Telemetry TelemetryMean::mean() const {
  Telemetry mean;
  for (const auto& [name, sum] : sums_) {
    mean[name] = sum.rows > 0.0 ? sum.weighted / sum.rows : 0.0;
  }
  return mean;
}

}  // namespace genesis::rounds
