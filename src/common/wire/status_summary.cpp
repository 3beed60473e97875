// A bounded report for whoever asks often and about many trainings.
#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/json.hpp"
#include "common/base/text.hpp"
#include "common/wire/messages.hpp"

namespace genesis::wire {
namespace {

// With 1,000 clients of 162 bytes each, their reasons and the rest, a summary is below 256 KiB.
constexpr std::size_t kRoomForReasons = std::size_t{48} << 10;  // as JSON, of all clients
constexpr std::size_t kLongestReason = 500;                     // of a client
constexpr std::size_t kLongestFailure = 4'000;                  // of the training
constexpr std::size_t kMostWarnings = 10;
constexpr std::size_t kLongestWarning = 500;

bool needs_attention(const ClientReport& client) {
  return !is_joined(client) || client.state == "quarantined";
}

// Those that need attention first, else by id as before.
void keep_the_first(std::vector<ClientReport>& clients) {
  if (clients.size() > kMostSummaryClients) {
    std::ranges::stable_partition(clients, needs_attention);
    clients.resize(kMostSummaryClients);
    std::ranges::stable_sort(clients, {}, &ClientReport::id);
  }
}

}  // namespace

StatusReport summary_of(StatusReport report) {
  keep_the_first(report.clients);
  std::size_t room = kRoomForReasons;
  for (auto& client : report.clients) {
    client.telemetry.clear();
    client.late_updates.reset();
    client.invalid_updates.reset();
    client.scaled_updates.reset();
    client.reason = printable(client.reason, kLongestReason);
    const auto size = dump_json(client.reason).size() + std::string_view(R"("reason":,)").size();
    if (size > room) {
      client.reason.clear();
    } else if (!client.reason.empty()) {
      room -= size;
    }
  }
  report.reason = printable(report.reason, kLongestFailure);
  report.warnings.resize(std::min(report.warnings.size(), kMostWarnings));
  for (auto& warning : report.warnings) {
    warning = printable(warning, kLongestWarning);
  }
  return report;
}

}  // namespace genesis::wire
