#include "cli/privacy_report.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

#include "tests/support/catch.hpp"

using namespace genesis;

namespace {

const privacy::QueryPlan kQueries{
    {{"fine", 15, 2'000, 0.08}, {"zoom", 4, 24'000, 0.04}, {"tables", 91, 26'000, 0.88}}};

spec::FederatedTraining a_training(double epsilon, double delta = 1e-5) {
  spec::FederatedTraining training;
  training.participants.resize(4);
  training.privacy.differential_privacy = {.epsilon = epsilon, .delta = delta};
  return training;
}

nlohmann::json json_of(const cli::PrivacyPlan& plan) {
  const auto text = cli::to_json(plan);
  REQUIRE(text.has_value());
  return nlohmann::json::parse(*text);
}

}  // namespace

TEST_CASE("cli: a plan says what each table's noise is, and for whom", "[cli]") {
  const auto plan = cli::plan_privacy(a_training(3), kQueries, 26'048);
  REQUIRE(plan);
  const auto text = cli::to_text(*plan);
  REQUIRE(text);
  CHECK_THAT(*text, ContainsSubstring("epsilon 3, delta 1e-05, for one row of a site"));
  CHECK_THAT(*text, ContainsSubstring("each site's own noise suffices"));
  CHECK_THAT(*text, ContainsSubstring("tables"));
  CHECK_THAT(*text, ContainsSubstring("a person with rows at 2 sites"));
  const auto json = json_of(*plan);
  CHECK(json["accountedEpsilon"].get<double>() <= 3);
  CHECK_THAT(json["queries"][2]["sigma"].get<double>(), WithinAbs(14.1, 0.1));
  CHECK_THAT(json["queries"][2]["sigmaOfSum"].get<double>(), WithinAbs(28.3, 0.1));
  CHECK(json["groups"][0]["rows"] == 2);
  CHECK(json["groups"][0]["epsilon"].get<double>() > 6);
  CHECK(json["epsilonAtTwoSites"].get<double>() > 4);
  CHECK(json["epsilonAtTwoSites"].get<double>() < 6);
  CHECK(json["notes"].empty());
}

TEST_CASE("cli: a plan of masked sums says what is claimed, and what is left if all others collude",
          "[cli]") {
  auto training = a_training(3);
  training.privacy.secure_aggregation =
      spec::SecureAggregation{.min_survivors = 4, .max_colluding = 1};
  const auto plan = cli::plan_privacy(training, kQueries, 26'048);
  REQUIRE(plan);
  const auto text = cli::to_text(*plan);
  REQUIRE(text);
  CHECK_THAT(*text, ContainsSubstring("at most 1 other sites"));
  CHECK_THAT(*text, ContainsSubstring("the noise of at least 4 sites"));
  CHECK_THAT(*text, ContainsSubstring("worst       epsilon 5.6"));
  const auto json = json_of(*plan);
  CHECK(json["accountedEpsilon"].get<double>() <= 3);
  CHECK(json["noiseShares"] == 3);
  CHECK_THAT(json["worstEpsilon"].get<double>(), WithinAbs(5.66, 0.1));
  // 2 / sqrt(3) of the noise that one site would add to all rows.
  CHECK_THAT(json["queries"][2]["sigmaOfSum"].get<double>(), WithinAbs(16.3, 0.1));
}

TEST_CASE("cli: a plan says what declaring would save", "[cli]") {
  const privacy::QueryPlan open{
      {{"fine", 15, 2'000, 0.08},
       {"names", 8, std::uint64_t{8} << 31U, 0.05, std::uint64_t{1} << 40U},
       {"tables", 91, 26'000, 0.87}}};
  const privacy::QueryPlan closed{{{"fine", 15, 1'500, 0.08}, {"tables", 91, 26'000, 0.92}}};
  const auto plan =
      cli::plan_privacy(a_training(3), open, 26'048, {{"categories of 8 columns", closed}});
  REQUIRE(plan);
  const auto& other = plan->if_declared.at(0);
  const double now = std::sqrt(plan->noise.costs[2].variance.value());
  const double then = std::sqrt(other.noise.costs[1].variance.value());
  // By the shares alone; the names' part of delta makes it a little more.
  CHECK(then < now * std::sqrt(0.87 / 0.92));
  CHECK(then > 0.95 * now);
  CHECK_THAT(*cli::to_text(*plan),
             ContainsSubstring(
                 "if declared: categories of 8 columns: tables with sigma 13.83 instead of 14."));
  CHECK_THAT(*cli::to_text(*plan), ContainsSubstring("1500 cells instead of 2000 before them"));
  const auto told = json_of(*plan)["ifDeclared"].at(0);
  CHECK(told["declared"] == "categories of 8 columns");
  CHECK_THAT(told["queries"][1]["sigma"].get<double>(), WithinRel(then, 1e-9));
  const auto nothing = cli::plan_privacy(a_training(3), closed, 26'048);
  REQUIRE(nothing);
  CHECK_FALSE(json_of(*nothing).contains("ifDeclared"));
}

TEST_CASE("cli: a plan warns where the rows are too few, or epsilon promises nothing", "[cli]") {
  const auto few = cli::plan_privacy(a_training(1), kQueries, 1'000);
  REQUIRE(few);
  const auto notes = json_of(*few)["notes"];
  REQUIRE(notes.size() == 1);
  CHECK_THAT(notes[0].get<std::string>(), ContainsSubstring("fewer columns, bins or categories"));
  const auto meaningless = cli::plan_privacy(a_training(1e6), kQueries, 26'048);
  if (meaningless) {
    CHECK_THAT(json_of(*meaningless)["notes"][0].get<std::string>(),
               ContainsSubstring("promises next to nothing"));
  } else {
    CHECK_THAT(meaningless.error().message, ContainsSubstring("noise"));
  }
}

TEST_CASE("cli: a plan with room for some pairs names them, or those without", "[cli]") {
  auto queries = kQueries;
  queries.pairs = {{"age", "sex"}};
  queries.left_out = {{"age", "town"}, {"sex", "town"}};
  const auto few = cli::plan_privacy(a_training(3), queries, 26'048);
  REQUIRE(few);
  const auto text = cli::to_text(*few);
  REQUIRE(text);
  CHECK_THAT(*text, ContainsSubstring("1 of 3 pairs of columns have a table"));
  CHECK_THAT(*text, ContainsSubstring("Taken:\n    age + sex\n"));
  CHECK(json_of(*few)["pairs"] == nlohmann::json::parse(R"([["age","sex"]])"));
  CHECK(json_of(*few)["pairsLeftOut"].size() == 2);
  std::swap(queries.pairs, queries.left_out);
  const auto most = cli::plan_privacy(a_training(3), queries, 26'048);
  CHECK_THAT(*cli::to_text(*most),
             ContainsSubstring("Taken are all but (--json names them):\n    age + sex\n"));
  const auto all = cli::plan_privacy(a_training(3), kQueries, 26'048);
  CHECK_THAT(*cli::to_text(*all), !ContainsSubstring("pairs of columns"));
}

TEST_CASE("cli: a unit of several rows is named, and its noise planned", "[cli]") {
  auto training = a_training(3);
  training.privacy.unit_column = "patient";
  training.privacy.max_rows_per_unit = 4;
  const auto plan = cli::plan_privacy(training, kQueries, {});
  REQUIRE(plan);
  CHECK_THAT(*cli::to_text(*plan),
             ContainsSubstring("for all rows of one value of patient at a site (at most 4)"));
  const auto json = json_of(*plan);
  CHECK_THAT(json["queries"][2]["sigma"].get<double>(), WithinAbs(4 * 14.1, 0.4));
  CHECK(json["groups"].empty());
}

TEST_CASE("cli: a plan is refused without a guarantee, and where delta allows to publish rows",
          "[cli]") {
  CHECK_THAT(cli::plan_privacy({}, kQueries, {}).error().message,
             ContainsSubstring("spec.privacy.differentialPrivacy: is absent"));
  CHECK_THAT(cli::plan_privacy(a_training(1, 1e-3), kQueries, 1000).error().message,
             ContainsSubstring("is not below 1 / rows"));
  CHECK_FALSE(cli::plan_privacy(a_training(0), kQueries, {}));
}

TEST_CASE("cli: a ledger is shown with what was spent and each of its lines", "[cli]") {
  auto ledger = privacy::Ledger::empty();
  const auto write = [&](privacy::Event event) {
    REQUIRE(ledger.append(ledger.next(std::move(event), "2026-03-01T12:00:00Z")));
  };
  write(privacy::Opened{"patients", std::string(32, '1'), std::string(64, '2')});
  const auto plan = cli::plan_privacy(a_training(3), kQueries, {});
  REQUIRE(plan);
  std::uint32_t collection = 0;
  for (const auto& cost : plan->noise.costs) {
    write(privacy::Charged{{"run-7", ++collection, 0, std::string(64, 'a')}, cost});
  }
  write(privacy::Exported{"t1"});
  const auto text = cli::to_text(ledger, privacy::Delta{1e-5});
  REQUIRE(text);
  CHECK_THAT(*text, ContainsSubstring("data set  patients"));
  CHECK_THAT(*text, ContainsSubstring("charged: run run-7, collection 3: 91 tables, 26000 cells"));
  CHECK_THAT(*text, ContainsSubstring("closed    exported as transfer t1"));
  const auto json = nlohmann::json::parse(*cli::to_json(ledger, privacy::Delta{1e-5}));
  CHECK_THAT(json["epsilon"].get<double>(), WithinRel(3.0, 1e-3));
  CHECK(json["answers"] == 3);
  CHECK(json["exported"] == true);
  CHECK(json["head"] == privacy::to_text(ledger.head()));
}

TEST_CASE("cli: an audit says which claim is refuted", "[cli]") {
  cli::AuditReport report;
  report.lines.push_back({"run-1 collection 1", {.claimed = {3}, .lower_bound = {2.8}, .mu = 0.7}});
  CHECK_FALSE(report.is_refuted());
  CHECK_THAT(cli::to_text(report), !ContainsSubstring("REFUTED"));
  report.lines.push_back(
      {"run-1 collection 2", {.claimed = {3}, .lower_bound = {3.2}, .mu = 0.8, .refuted = true}});
  CHECK(report.is_refuted());
  CHECK_THAT(cli::to_text(report), ContainsSubstring("3.000        3.200  REFUTED"));
  CHECK(nlohmann::json::parse(cli::to_json(report))["refuted"] == true);
}
