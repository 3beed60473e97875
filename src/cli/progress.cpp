#include "cli/progress.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>

#include <unistd.h>

#include "common/base/text.hpp"

namespace genesis::cli {
namespace {

std::string duration(double seconds) {
  std::array<char, 32> text{};
  const auto whole = static_cast<long>(std::lround(seconds));
  std::snprintf(text.data(), text.size(), "%ld:%02ld", whole / 60, whole % 60);
  return text.data();
}

std::string mean_loss(const wire::StatusReport& report,
                      std::optional<double> wire::ClientReport::*loss) {
  double sum = 0.0;
  int count = 0;
  for (const auto& client : report.clients) {
    if ((client.*loss).has_value()) {
      sum += *(client.*loss);
      ++count;
    }
  }
  if (count == 0) {
    return "-";
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f", sum / count);
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
                     std::to_string(report.total_rounds) + "  clients " + std::to_string(reported) +
                     "/" + std::to_string(report.clients.size()) + " reported  loss G " +
                     mean_loss(report, &wire::ClientReport::generator_loss) + " D " +
                     mean_loss(report, &wire::ClientReport::discriminator_loss);
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
