#include "cli/progress.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>

#include <unistd.h>

#include "common/base/text.hpp"
#include "common/wire/status_means.hpp"

namespace genesis::cli {
namespace {

std::string duration(double seconds) {
  std::array<char, 32> text{};
  const auto whole = static_cast<long>(std::lround(seconds));
  std::snprintf(text.data(), text.size(), "%ld:%02ld", whole / 60, whole % 60);
  return text.data();
}

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f", value);
  return text.data();
}

std::string line(const wire::StatusReport& report) {
  if (report.phase == wire::Phase::kJoining || report.phase == wire::Phase::kSummarizing) {
    return std::string(to_string(report.phase)) + ": " + std::to_string(report.clients.size()) +
           " clients";
  }
  const auto reported = std::ranges::count_if(
      report.clients, [](const auto& client) { return client.state == "reported"; });
  std::string text = "round " + std::to_string(report.current_round.value) + "/" +
                     std::to_string(report.total_rounds) + "  " +
                     (reported > 0 ? std::to_string(reported) + " of " : "") +
                     std::to_string(report.clients.size()) + " clients" +
                     (reported > 0 ? " reported" : "");
  const auto losses = losses_text(wire::mean_telemetry(report));
  text += losses.empty() ? "" : "  loss " + losses;
  if (report.bytes_received > 0) {
    text += "  in " + human_bytes(static_cast<double>(report.bytes_received)) + " out " +
            human_bytes(static_cast<double>(report.bytes_sent));
  }
  text += "  elapsed " + duration(report.elapsed_seconds);
  if (report.estimated_remaining_seconds) {
    text += "  left " + duration(*report.estimated_remaining_seconds);
  }
  return text;
}

}  // namespace

std::string losses_text(const rounds::Telemetry& telemetry) {
  std::string text;
  for (const auto& [name, value] : wire::losses_of(telemetry)) {
    text += (text.empty() ? "" : " ") + name + " " + number(value);
  }
  return text;
}

ProgressPrinter::ProgressPrinter() : is_terminal_(::isatty(STDERR_FILENO) == 1) {}

void ProgressPrinter::operator()(const wire::StatusReport& report) {
  if (is_terminal_) {
    std::fprintf(stderr, "\r\033[K%s", line(report).c_str());
    std::fflush(stderr);
    has_line_ = true;
    return;
  }
  // About twenty plain lines a training, and one for each phase.
  const std::uint32_t every = std::max(1U, report.total_rounds / 20);
  const bool is_due = is_first_ || report.phase != last_phase_ ||
                      report.current_round.value >= last_printed_ + every;
  if (is_due) {
    std::fprintf(stderr, "%s\n", line(report).c_str());
    is_first_ = false;
    last_phase_ = report.phase;
    last_printed_ = report.current_round.value;
  }
}

void ProgressPrinter::finish() {
  if (has_line_) {
    std::fprintf(stderr, "\n");
    has_line_ = false;
  }
}

}  // namespace genesis::cli
