// Both halves of the method together, in memory.
#include <map>

#include <nlohmann/json.hpp>

#include "common/mixture/exchange.hpp"
#include "common/mixture/server.hpp"
#include "common/mixture/site.hpp"
#include "common/mixture/stages.hpp"
#include "common/mixture/synthesizer.hpp"
#include "common/privacy/cost.hpp"
#include "common/wire/model_file.hpp"
#include "tests/support/served.hpp"
#include "tests/unit/mixture/builders.hpp"

namespace genesis::mixture {
namespace {

using method::Served;

spec::FederatedTraining training() {
  spec::FederatedTraining made;
  made.name = "test";
  made.seed = 5;
  made.model = {"mixture", {R"({"target":"label","components":60})"}};
  const auto integer = [](const char* name) {
    spec::DeclaredColumn column;
    column.name = name;
    column.kind = "integer";
    column.minimum = 0;
    column.maximum = 999;
    column.nullable = false;
    return column;
  };
  spec::DeclaredColumn kind;
  kind.name = "kind";
  kind.kind = "category";
  kind.categories = {"a", "b", "c"};
  made.table.columns = {integer("size"), integer("spike"), integer("wild"), kind};
  made.table.discrete_columns = {"label"};
  return made;
}

constexpr Protection kProtection{2.0, 1};

struct Federation {
  std::unique_ptr<method::ServerMethod> server;
  std::vector<std::unique_ptr<method::SiteMethod>> sites;
};

Result<std::unique_ptr<method::SiteMethod>> site(const std::string& csv,
                                                 std::optional<std::uint64_t> noise_seed,
                                                 method::Audience audience) {
  method::SiteSetup setup{ClientId::parse("a").value(), training(), table(csv)};
  setup.audience = audience;
  std::optional<SiteProtection> protection;
  if (noise_seed) {
    protection.emplace(SiteProtection{kProtection, std::make_unique<SeededNoise>(*noise_seed)});
  }
  return make_site(std::move(setup), std::move(protection));
}

Federation federation(const std::vector<std::string>& tables, bool is_protected) {
  Federation made;
  made.server =
      must(make_server(training(), is_protected ? std::optional(kProtection) : std::nullopt));
  for (std::size_t i = 0; i < tables.size(); ++i) {
    made.sites.push_back(must(site(
        tables[i], is_protected ? std::optional(i) : std::nullopt, method::Audience::kOneself)));
    const auto client = ClientId::parse("site-" + std::to_string(i)).value();
    (void)must(made.server->introduce(client, made.sites.back()->introduction()));
  }
  return made;
}

// Has the sites answer until the model is there; returns its bytes. `restart` makes the server anew
// from its checkpoint before each ask.
std::string run(Federation& made, bool restart = false) {
  std::optional<method::Sum> sum;
  for (;;) {
    auto next = must(made.server->next(std::move(sum)));
    if (restart && sum) {
      auto state = made.server->checkpoint();
      made.server = must(make_server(training(), kProtection));
      REQUIRE(made.server->restore(std::move(state), RoundId{0}));
      next = must(made.server->next(std::nullopt));
    }
    if (const auto* work = std::get_if<method::Work>(&next)) {
      work->run();
      sum.reset();
      continue;
    }
    const auto* ask = std::get_if<method::Ask>(&next);
    if (ask == nullptr) {
      return must(made.server->model("{}"));
    }
    rounds::Counts total(std::get<method::SumOfCounts>(ask->combine).words, 0);
    for (const auto& one : made.sites) {
      Served documents(*ask);
      const auto answer =
          must(one->answer({ask->request.purpose, ask->request.round, ask->parameters}, documents));
      const auto& counts = std::get<rounds::Counts>(answer.values);
      REQUIRE(made.server->check({counts}, one->rows()));
      REQUIRE(counts.size() == total.size());
      for (std::size_t i = 0; i < counts.size(); ++i) {
        total[i] += counts[i];
      }
    }
    sum = total;
  }
}

std::vector<std::string> split(const std::string& csv, std::size_t parts) {
  const auto header_end = csv.find('\n') + 1;
  std::vector<std::string> tables(parts, csv.substr(0, header_end));
  std::size_t row = 0;
  for (std::size_t at = header_end; at < csv.size();) {
    const auto end = csv.find('\n', at) + 1;
    tables[row % 5 % parts] += csv.substr(at, end - at);
    ++row;
    at = end;
  }
  return tables;
}

}  // namespace

TEST_CASE("mixture: the model does not depend on how rows are split over sites", "[mixture]") {
  const auto rows = related_rows(3000, 1);
  auto one = federation({rows}, false);
  auto three = federation(split(rows, 3), false);
  CHECK(run(one) == run(three));
}

TEST_CASE("mixture: a restarted server ends in the same bytes", "[mixture]") {
  const auto rows = split(related_rows(3000, 1), 2);
  auto undisturbed = federation(rows, true);
  auto restarted = federation(rows, true);
  CHECK(run(undisturbed) == run(restarted, true));
}

TEST_CASE("mixture: rows of a protected model have the pattern of the real ones", "[mixture]") {
  auto made = federation(split(related_rows(6000, 1), 3), true);
  const auto file = must(wire::decode_model(run(made)));
  const auto opened = must(open_model(file));
  const std::vector<std::string> conditions{"kind=c"};
  const auto rows = must(opened->block(1, 0, 4096, conditions));
  double yes = 0;
  double large = 0;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    yes += rows.columns[4].categories[rows.columns[4].codes[i]] == "yes" ? 1 : 0;
    large += rows.columns[1].numbers[i] >= 600 ? 1 : 0;
  }
  CHECK(yes / 4096 > 0.8);     // 0.9 of the real ones
  CHECK(large / 4096 > 0.85);  // all of them
}

TEST_CASE("mixture: a protected site tells neither rows nor rare names", "[mixture]") {
  const auto rows = related_rows(1000, 1) + "a,5,7,9,secret\n";
  const auto introduction = must(site(rows, 1, method::Audience::kAggregator))->introduction();
  CHECK_THAT(introduction, !ContainsSubstring("secret"));
  CHECK_THAT(introduction, !ContainsSubstring("rows"));
  CHECK_THAT(introduction, ContainsSubstring("yes"));
  CHECK_THAT(introduction, !ContainsSubstring("1001"));
}

TEST_CASE("mixture: exact counts do not leave the process", "[mixture]") {
  const auto refused = site(related_rows(10, 1), std::nullopt, method::Audience::kAggregator);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kFailedPrecondition);
  CHECK_THAT(refused.error().message, ContainsSubstring("model.method"));
}

TEST_CASE("mixture: few rows under much noise get fewer bins", "[mixture]") {
  const auto bins_of = [](std::size_t rows) {
    auto made = federation({related_rows(rows, 1)}, true);
    const auto file = must(wire::decode_model(run(made)));
    const auto json = nlohmann::json::parse(file.encoder_json);
    std::size_t most = 0;
    for (const auto& binning : json.at("bins")) {
      most = std::max(most, binning.at("bins").get<std::size_t>());
    }
    return most;
  };
  CHECK(bins_of(60) < bins_of(20'000));
}

TEST_CASE("mixture: noise is that of the query, and answers with noise are kept", "[mixture]") {
  auto made = federation({related_rows(500, 1)}, true);
  const auto next = must(made.server->next(std::nullopt));
  const auto& ask = std::get<method::Ask>(next);
  Served documents(ask);
  const method::Assignment assignment{ask.request.purpose, {}, ask.parameters};
  const auto one = must(made.sites[0]->answer(assignment, documents));
  const auto two = must(made.sites[0]->answer(assignment, documents));
  CHECK(one.is_kept);
  const auto first = must(from_words(std::get<rounds::Counts>(one.values))).counts;
  const auto second = must(from_words(std::get<rounds::Counts>(two.values))).counts;
  // The difference of two draws has twice the variance: 5 tables of 8% of mu^2 = 4 are 15.6.
  double squares = 0.0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    squares += static_cast<double>((first[i] - second[i]) * (first[i] - second[i]));
  }
  const double variance = squares / static_cast<double>(first.size()) / 2.0;
  // Some 770 cells: the estimate's deviation is 5%, and rounding adds 1/12.
  CHECK(variance > 0.75 * 15.6);
  CHECK(variance < 1.25 * 15.7);
}

TEST_CASE("mixture: a server that asks for more than is declared gets nothing", "[mixture]") {
  auto made = federation({related_rows(500, 1)}, true);
  const auto next = must(made.server->next(std::nullopt));
  const auto& ask = std::get<method::Ask>(next);
  const method::Assignment assignment{ask.request.purpose, {}, ask.parameters};
  const auto refused = [&](const std::string& from, const std::string& to) {
    Served documents(ask);
    auto& text = documents.documents.at(std::string(kSchemaDocument));
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    return !made.sites[0]->answer(assignment, documents);
  };
  CHECK_FALSE(refused("\"size\"", "\"size\""));
  CHECK(refused("\"units\":1000", "\"units\":1001"));
  CHECK(refused("\"a\",\"b\"", "\"a\",\"z\""));
  CHECK(refused("\"size\"", "\"other\""));
  Served documents(ask);
  CHECK_FALSE(made.sites[0]->answer({"rows", {}, "{}"}, documents));
}

TEST_CASE("mixture: sites with other columns or a wrong target are refused by name", "[mixture]") {
  auto made = federation({related_rows(100, 1)}, false);
  auto other = related_rows(100, 1);
  other.replace(other.find("wild"), 4, "mild");
  auto spec = training();
  spec.table.columns.erase(spec.table.columns.begin() + 2);
  method::SiteSetup setup{ClientId::parse("b").value(), spec, table(other)};
  setup.audience = method::Audience::kOneself;
  const auto stranger = must(make_site(std::move(setup), std::nullopt));
  const auto joined =
      made.server->introduce(ClientId::parse("b").value(), stranger->introduction());
  REQUIRE_FALSE(joined);
  CHECK_THAT(joined.error().message, ContainsSubstring("ild'"));
  for (const char* bad : {"", "[]", "{}", R"({"columns": []})", R"({"columns": [{"name": 3}]})"}) {
    CHECK_FALSE(made.server->introduce(ClientId::parse("b").value(), bad));
  }
  auto wrong = training();
  wrong.model.settings.json = R"({"target":"lable"})";
  auto server = must(make_server(wrong, std::nullopt));
  const auto refused =
      server->introduce(ClientId::parse("a").value(), made.sites[0]->introduction());
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, ContainsSubstring("did you mean 'label'?"));
}

TEST_CASE("mixture: signed counts go as words and come back from their sum", "[mixture]") {
  const std::vector<std::int64_t> one{0, -7, 12};
  const std::vector<std::int64_t> two{5, -1, std::int64_t{1} << 60};
  auto words = to_words(one);
  const auto more = to_words(two);
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i] += more[i];
  }
  const auto sum = must(from_words(words));
  CHECK(sum.sites == 2);
  CHECK(sum.counts == std::vector<std::int64_t>{5, -8, 12 + kOffset - 1});
  CHECK_FALSE(from_words({}));
  CHECK_FALSE(from_words(std::vector<std::uint64_t>{0, 1}));
  CHECK_FALSE(from_words(std::vector<std::uint64_t>{1, ~std::uint64_t{0}}));
}

TEST_CASE("mixture: the shares of all queries are the whole budget", "[mixture]") {
  const Settings settings;
  const Schema schema{number("x", 0, 99999), category("y", {"a"})};
  TablePlan plan;
  plan.pairs = {{0, 1}};
  const Ranges ranges{{0, 0, 9, 1}};
  CHECK_THAT(fine_query(settings, schema).share + zoom_query(settings, ranges).share +
                 tables_query(settings, schema, plan).share,
             WithinAbs(1.0, 1e-12));
  CHECK_THAT(tables_query(settings, {category("y", {"a"})}, plan).share, WithinAbs(0.92, 1e-12));
  Settings open;
  open.open_columns = 3;
  open.names_share = 0.05;
  CHECK_THAT(3 * names_query(open).share + fine_query(open, schema).share +
                 zoom_query(open, ranges).share + tables_query(open, schema, plan).share,
             WithinAbs(1.0, 1e-12));
  CHECK_THAT(variance_of({2.0, 1}, {"x", 8, 0.5}), WithinAbs(4.0, 1e-12));
  CHECK_THAT(variance_of({0.5, 4}, {"x", 8, 0.5}), WithinAbs(16.0, 1e-12));
  CHECK(variance_of({2.0, 4}, {"x", 8, 0.5}) == privacy::kLeastSharedVariance);
}

}  // namespace genesis::mixture
