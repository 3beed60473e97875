// What the page of a training draws over rounds.
#include "common/status_page/round_history.hpp"

#include <nlohmann/json.hpp>

#include "tests/support/catch.hpp"

namespace genesis::status_page {
namespace {

wire::StatusReport at_round(std::uint32_t round, double loss = 0.5) {
  wire::StatusReport report;
  report.elapsed_seconds = round;
  wire::ClientReport client;
  client.id = "north";
  client.rows = 10;
  client.last_round = RoundId{round};
  client.telemetry = {{"generator_loss", loss}, {"steps", 3.0}};
  report.clients = {client};
  return report;
}

}  // namespace

TEST_CASE("status_page: a round is told as it stood last, and of many rounds some",
          "[status_page]") {
  RoundHistory history;
  history.add(at_round(0));
  CHECK(history.json() == "[]");
  history.add(at_round(1, 0.25));
  history.add(at_round(1, 0.75));
  history.add(at_round(2, 0.5));
  const auto few = nlohmann::json::parse(history.json());
  REQUIRE(few.size() == 2);
  CHECK(few[0].at("losses").at("generator") == 0.75);
  for (std::uint32_t round = 3; round <= 10000; ++round) {
    history.add(at_round(round));
  }
  const auto many = nlohmann::json::parse(history.json());
  CHECK(many.size() <= RoundHistory::kMostRounds);
  CHECK(many.size() > RoundHistory::kMostRounds / 4);
  CHECK(many.back().at("round").get<std::uint32_t>() > 9900);
}

TEST_CASE("status_page: rounds that were rolled back are forgotten", "[status_page]") {
  RoundHistory history;
  for (const std::uint32_t round : {1U, 2U, 3U}) {
    history.add(at_round(round, 0.25));
  }
  history.add(at_round(2, 0.75));
  const auto left = nlohmann::json::parse(history.json());
  REQUIRE(left.size() == 2);
  CHECK(left[1].at("round") == 2);
  CHECK(left[1].at("losses").at("generator") == 0.75);
}

TEST_CASE("status_page: rounds are read as they were told, and nothing else is", "[status_page]") {
  RoundHistory history;
  history.add(at_round(1, 0.25));
  history.add(at_round(4, -3.5));
  const auto told = R"({"status":null,"rounds":)" + history.json() + "}";
  const auto read = RoundHistory::parse(told);
  REQUIRE(read);
  CHECK(read->json() == history.json());
  for (
      const char* wrong :
      {"",
       "[]",
       "{}",
       R"({"rounds":{}})",
       R"({"rounds":[1]})",
       R"({"rounds":[{"round":1}]})",
       R"({"rounds":[{"round":1,"elapsed_seconds":-1,"losses":{}}]})",
       R"({"rounds":[{"round":0,"elapsed_seconds":1,"losses":{}}]})",
       R"({"rounds":[{"round":1,"elapsed_seconds":1,"losses":{"a":"b"}}]})",
       R"({"rounds":[{"round":2,"elapsed_seconds":1,"losses":{}},{"round":2,"elapsed_seconds":1,"losses":{}}]})"}) {
    CAPTURE(wrong);
    const auto refused = RoundHistory::parse(wrong);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::kInvalidArgument);
  }
}

}  // namespace genesis::status_page
