#include <algorithm>
#include <string>

#include "common/wire/messages.hpp"
#include "tests/support/catch.hpp"

namespace genesis::wire {
namespace {

// The longest that each field can be. Ids are in order.
StatusReport a_large_report(std::size_t clients) {
  StatusReport report;
  report.run = std::string(32, 'r');
  report.name = std::string(253, 'n');
  report.reason = std::string(100'000, '"');
  report.model_sha256 = std::string(64, 'a');
  report.warnings.assign(1'000, std::string(10'000, '"'));
  for (std::size_t i = 0; i < clients; ++i) {
    auto id = std::to_string(i);
    id = std::string(63 - id.size(), '0') + id;
    report.clients.push_back({.id = std::move(id),
                              .state = "training",
                              .rows = std::uint64_t{1} << 29U,
                              .last_round = RoundId{4'000'000'000},
                              .telemetry = {{"generator_loss", 0.25}},
                              .reason = std::string(500, '"'),
                              .late_updates = 1,
                              .invalid_updates = 1,
                              .scaled_updates = 1});
  }
  report.joined = static_cast<std::uint32_t>(clients);
  return report;
}

}  // namespace

TEST_CASE("wire: a summary fits its bound, however many clients there are", "[wire]") {
  for (const std::size_t clients : {0U, 1U, 1'000U, 1'001U, 10'000U}) {
    CAPTURE(clients);
    const auto summary = summary_of(a_large_report(clients));
    CHECK(summary.clients.size() == std::min<std::size_t>(clients, kMostSummaryClients));
    CHECK(summary.joined == clients);
    const auto bytes = encode(summary);
    CHECK(bytes.size() <= kMaxSummaryBytes);
    CHECK(decode_status_report(bytes) == summary);
  }
}

TEST_CASE("wire: a summary has those first that need attention, with their reasons", "[wire]") {
  auto report = a_large_report(5'000);
  for (auto& client : report.clients) {
    client.reason.clear();
  }
  for (const std::size_t i : {2'000U, 3'000U, 4'000U}) {
    report.clients[i].state = i == 4'000U ? "quarantined" : "lost";
    report.clients[i].reason = "why " + std::to_string(i);
  }
  const auto summary = summary_of(report);
  REQUIRE(summary.clients.size() == kMostSummaryClients);
  CHECK(std::ranges::is_sorted(summary.clients, {}, &ClientReport::id));
  for (const std::size_t i : {2'000U, 3'000U, 4'000U}) {
    const auto found = std::ranges::find(summary.clients, report.clients[i].id, &ClientReport::id);
    REQUIRE(found != summary.clients.end());
    CHECK(found->reason == report.clients[i].reason);
    CHECK(found->rows == report.clients[i].rows);
    CHECK(found->telemetry.empty());
    CHECK_FALSE(found->late_updates);
  }
}

TEST_CASE("wire: a summary of few clients has all that it says of them", "[wire]") {
  auto report = a_large_report(3);
  report.clients[1].reason = "silent for 60 s";
  const auto summary = summary_of(report);
  CHECK(summary.clients[1].reason == "silent for 60 s");
  CHECK(summary.clients[0].reason.size() <= 500);
  CHECK(summary.warnings.size() == 10);
}

}  // namespace genesis::wire
