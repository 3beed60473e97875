#pragma once
// The numbers that a method's sites tell beside their answers, as metrics show them: the site's own
// as genesis_local_NAME, the round's mean by rows as genesis_NAME.
#include <string_view>

namespace genesis::method {

struct TelemetryName {
  std::string_view name;  // as in rounds::Telemetry, with its unit where it has one
  std::string_view help;
};

}  // namespace genesis::method
