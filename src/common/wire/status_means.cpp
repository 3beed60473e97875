#include "common/wire/status_means.hpp"

#include "common/rounds/telemetry_mean.hpp"

namespace genesis::wire {

rounds::Telemetry mean_telemetry(const StatusReport& report) {
  rounds::TelemetryMean mean;
  for (const auto& client : report.clients) {
    mean.add(client.telemetry, client.rows.value_or(0));
  }
  return mean.mean();
}

rounds::Telemetry losses_of(const rounds::Telemetry& telemetry) {
  constexpr std::string_view kLoss = "_loss";
  rounds::Telemetry losses;
  for (const auto& [name, value] : telemetry) {
    if (name.ends_with(kLoss)) {
      losses.emplace(name.substr(0, name.size() - kLoss.size()), value);
    }
  }
  return losses;
}

}  // namespace genesis::wire
