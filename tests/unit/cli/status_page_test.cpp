// The page that follows a training.
#include "cli/status_page.hpp"

#include <nlohmann/json.hpp>

#include "common/http/client.hpp"
#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::cli;

namespace {

wire::StatusReport at_round(std::uint32_t round, double loss = 0.5) {
  wire::StatusReport report;
  report.name = "</script><b>wards";
  report.phase = wire::Phase::kTraining;
  report.current_round = RoundId{round};
  report.total_rounds = 10;
  report.elapsed_seconds = round;
  wire::ClientReport client;
  client.id = "north";
  client.state = "reported";
  client.rows = 10;
  client.last_round = RoundId{round};
  client.telemetry = {{"generator_loss", loss}, {"steps", 3.0}};
  report.clients = {client};
  return report;
}

http::ClientResponse get(const StatusPage& page, const std::string& path) {
  const auto url = page.url();
  const auto begin = url.find('/', std::string("http://").size());
  auto client = http::Client::create(url.substr(0, begin), std::nullopt, std::nullopt);
  REQUIRE(client);
  http::ClientRequest request;
  request.method = "GET";
  request.path = path.starts_with("/") ? path : url.substr(begin) + path;
  auto response = client->request(request);
  REQUIRE(response);
  return std::move(*response);
}

}  // namespace

TEST_CASE("cli: the page is served to who knows its address, and its numbers are the status",
          "[cli]") {
  const auto page = StatusPage::start(0);
  REQUIRE(page);
  CHECK((*page)->url().starts_with("http://127.0.0.1:"));
  CHECK(get(**page, "rounds").body == R"({"status":null,"rounds":[]})");
  auto earlier = status_page::RoundHistory::parse(
      R"({"rounds":[{"round":1,"elapsed_seconds":1.5,"losses":{"generator":0.75}}]})");
  REQUIRE(earlier);
  (*page)->begin(std::move(*earlier));
  (*page)->show(at_round(3));
  const auto json = nlohmann::json::parse(get(**page, "rounds").body);
  CHECK(json.at("status").at("name") == "</script><b>wards");
  CHECK(json.at("rounds") ==
        nlohmann::json::parse(
            R"([{"round": 1, "elapsed_seconds": 1.5, "losses": {"generator": 0.75}},
                {"round": 3, "elapsed_seconds": 3.0, "losses": {"generator": 0.5}}])"));

  const auto html = get(**page, "");
  CHECK(html.status == 200);
  CHECK(html.header("content-type") == "text/html; charset=utf-8");
  const auto policy = std::string(html.header("content-security-policy"));
  CHECK(policy.find("default-src 'none'") != std::string::npos);
  const auto nonce = policy.substr(policy.find("nonce-") + 6, 32);
  CHECK(html.body.find("<script nonce=\"" + nonce + "\">") != std::string::npos);
  CHECK(html.body.find("NONCE") == std::string::npos);
  CHECK(html.body.find("wards") == std::string::npos);  // what others wrote is no part of it
  CHECK(html.body.find("http://www.w3.org/2000/svg") != std::string::npos);
  CHECK(html.body.find("src=") == std::string::npos);  // nothing is loaded from elsewhere

  CHECK(get(**page, "/").status == 404);
  CHECK(get(**page, "/rounds").status == 404);
  CHECK(get(**page, "/0123456789abcdef0123456789abcdef/rounds").status == 404);
  CHECK(get(**page, "other").status == 404);
}
