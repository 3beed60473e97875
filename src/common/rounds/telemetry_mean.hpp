#pragma once
// What the clients of a round tell beside their updates, as one: the mean by rows, which is the
// only one that is shown anywhere. Pure.
#include <cstdint>
#include <map>
#include <string>

#include "common/rounds/contribution.hpp"

namespace genesis::rounds {

class TelemetryMean {
 public:
  void add(const Telemetry& telemetry, std::uint64_t rows);
  /// Of each name over those who told it.
  [[nodiscard]] Telemetry mean() const;

 private:
  struct Sum {
    double weighted = 0.0;
    double rows = 0.0;
  };
  std::map<std::string, Sum> sums_;
};

}  // namespace genesis::rounds
