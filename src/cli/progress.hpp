#pragma once
// Live progress of a training on a terminal, plain lines elsewhere.
#include <cstdint>
#include <string>

#include "common/wire/messages.hpp"

namespace genesis::cli {

/// What the method calls a loss, by name: "discriminator 0.123 generator -0.456"; "" without any.
[[nodiscard]] std::string losses_text(const rounds::Telemetry& telemetry);

class ProgressPrinter {
 public:
  ProgressPrinter();
  void operator()(const wire::StatusReport& report);
  /// Leaves the live line behind.
  void finish();

 private:
  bool is_terminal_;
  bool has_line_ = false;
  std::uint32_t last_printed_ = 0;
  wire::Phase last_phase_ = wire::Phase::kJoining;
  bool is_first_ = true;
};

}  // namespace genesis::cli
