// A site under differential privacy as programs make it: rows as text, noise from its ledger.
#include <cmath>
#include <map>

#include <nlohmann/json.hpp>

#include "common/mixture/bins.hpp"
#include "common/mixture/exchange.hpp"
#include "common/mixture/introduction.hpp"
#include "common/mixture/ledger_noise.hpp"
#include "common/mixture/privacy_plan.hpp"
#include "common/mixture/site.hpp"
#include "common/mixture/stages.hpp"
#include "common/mixture/tables.hpp"
#include "common/privacy/audit.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/mixture/builders.hpp"

namespace genesis::mixture {
namespace {

constexpr std::size_t kCanaries = 4000;  // categories, each of which has a row or none

std::string canary(std::size_t i) {
  return "c" + std::to_string(10000 + i);
}

spec::FederatedTraining training(double epsilon = 3.0) {
  spec::FederatedTraining made;
  made.name = "private";
  made.seed = 5;
  made.model = {"mixture", {R"({"components":20})"}};
  made.privacy.differential_privacy = spec::DifferentialPrivacy{.epsilon = epsilon};
  spec::DeclaredColumn who;
  who.name = "who";
  who.kind = "category";
  who.nullable = false;
  for (std::size_t i = 0; i < kCanaries; ++i) {
    who.categories.push_back(canary(i));
  }
  spec::DeclaredColumn what;
  what.name = "what";
  what.kind = "category";
  what.nullable = false;
  what.categories = {"x", "y"};
  made.table.columns = {who, what};
  return made;
}

spec::DeclaredColumn a_column(const std::string& name, const std::string& kind) {
  spec::DeclaredColumn column;
  column.name = name;
  column.kind = kind;
  return column;
}

class Documents final : public method::Documents {
 public:
  explicit Documents(const spec::FederatedTraining& made) {
    const auto schema = must(declared_schema(made.table));
    Binnings binnings;
    for (const auto& column : schema) {
      Binning binning;
      binning.bins = static_cast<std::uint32_t>(column.categories.size());
      for (std::uint16_t i = 0; i < binning.bins; ++i) {
        binning.firsts.push_back(i);
        binning.of_run.push_back(i);
      }
      binnings.push_back(binning);
    }
    texts[std::string(kSchemaDocument)] = dump_json(to_json(schema));
    texts[std::string(kColumnsDocument)] = dump_json(to_json(schema));
    texts[std::string(kBinsDocument)] = dump_json(to_json(binnings));
    texts[std::string(kPairsDocument)] = dump_json(to_json(plan_tables(binnings, {})));
  }
  Result<std::string> fetch(std::string_view name) override { return texts.at(std::string(name)); }
  std::map<std::string, std::string> texts;
};

struct Private {
  std::shared_ptr<privacy::Account> account;
  std::unique_ptr<method::SiteMethod> site;

  Private(const TemporaryFolder& folder,
          const std::string& csv,
          const spec::FederatedTraining& made,
          const std::string& data_set = "rows") {
    const auto guarantee = must(guarantee_of(made));
    const auto units = static_cast<std::uint64_t>(made.privacy.max_rows_per_unit.value_or(1));
    account = std::make_shared<privacy::Account>(must(privacy::Account::open(
        folder.path(),
        data_set,
        {.guarantee = guarantee, .rows_per_unit = units, .prelude = "before"})));
    const auto settings = must(settings_of(made));
    const auto protection = must(protection_of(made));
    auto noise = ledger_noise(account, protection.noisy_sites, names_delta(settings, guarantee));
    method::SiteSetup setup{ClientId::parse("a").value(), made, private_table(csv)};
    site = must(make_site(std::move(setup), SiteProtection{protection, std::move(noise)}));
  }

  Result<std::vector<std::int64_t>> ask(method::Documents& documents,
                                        std::string_view purpose,
                                        std::uint32_t collection,
                                        const std::string& run = "run-1") {
    const method::Assignment assignment{
        std::string(purpose), RoundId{0}, "{}", run, CollectionId{collection}};
    GENESIS_ASSIGN(const auto answer, site->answer(assignment, documents));
    GENESIS_ASSIGN(auto summed, from_words(std::get<rounds::Counts>(answer.values)));
    return std::move(summed.counts);
  }
  [[nodiscard]] privacy::Cost last_cost() const { return account->ledger().costs().back(); }
};

// Every second canary has a row.
std::string canary_rows() {
  std::string csv = "who,what\n";
  for (std::size_t i = 0; i < kCanaries; i += 2) {
    csv += canary(i) + ",x\n";
  }
  return csv;
}

// What was added to the canaries' cells, which are every `step`-th.
std::vector<double> noise_of(const std::vector<std::int64_t>& counts, std::size_t step) {
  std::vector<double> noise;
  for (std::size_t i = 0; i < kCanaries; ++i) {
    noise.push_back(static_cast<double>(counts[i * step]) - (i % 2 == 0 ? 1.0 : 0.0));
  }
  return noise;
}

double mean_product(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += a[i] * b[i];
  }
  return sum / static_cast<double>(a.size());
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  return mean_product(a, b) / std::sqrt(mean_product(a, a) * mean_product(b, b));
}

}  // namespace

// 4,000 draws: the mean square is off by more than 13% once in 10^8 runs. 0.9 times the noise, an
// exact stage and a charge for more noise than was drawn are all beyond that.
TEST_CASE("mixture: a site's noise is as large as its ledger says, in every stage",
          "[mixture][statistical]") {
  const TemporaryFolder folder;
  const auto made = training();
  Private one(folder, canary_rows(), made);
  Documents documents(made);
  const auto fine = noise_of(must(one.ask(documents, kFine, 1)), 1);
  const auto fine_cost = one.last_cost();
  CHECK_THAT(mean_product(fine, fine), WithinRel(fine_cost.variance.value(), 0.13));
  CHECK(fine_cost.tables == 2);
  const auto tables = noise_of(must(one.ask(documents, kTables, 3)), 2);
  const auto tables_cost = one.last_cost();
  CHECK_THAT(mean_product(tables, tables), WithinRel(tables_cost.variance.value(), 0.13));
  CHECK(tables_cost.tables == 1);
  CHECK(one.account->ledger().spent(privacy::Delta{1e-5})->epsilon <= privacy::Epsilon{3.0});
}

// The bounds on the variance are those of the test above.
TEST_CASE("mixture: in masked sums a site adds its share of the noise that a sum needs",
          "[mixture][statistical]") {
  const TemporaryFolder folder;
  auto made = training(0.5);
  Private alone(folder, canary_rows(), made, "alone");
  made.privacy.secure_aggregation = spec::SecureAggregation{.min_survivors = 4, .max_colluding = 1};
  Private shared(folder, canary_rows(), made, "shared");
  Documents documents(made);
  must(alone.ask(documents, kFine, 1));
  const auto noise = noise_of(must(shared.ask(documents, kFine, 1)), 1);
  const auto cost = shared.last_cost();
  CHECK(cost.shares == 3);
  CHECK_THAT(3 * cost.variance.value(), WithinRel(alone.last_cost().variance.value(), 1e-3));
  CHECK_THAT(mean_product(noise, noise), WithinRel(cost.variance.value(), 0.13));
  must(shared.ask(documents, kTables, 3));
  const auto spent = must(shared.account->ledger().spent(privacy::Delta{1e-5}));
  CHECK(spent.epsilon <= privacy::Epsilon{0.5});
  CHECK(spent.worst.value > 0.8);
  CHECK(alone.last_cost().shares == 1);

  made.privacy.secure_aggregation->encryption = spec::Encryption::kNone;
  CHECK(must(protection_of(made)).noisy_sites == 1);
}

TEST_CASE("mixture: names are told with a site's own noise, also where counts are summed",
          "[mixture]") {
  auto made = training(0.5);
  made.table.columns[0].categories.clear();
  const auto settings = must(settings_of(made));
  const auto alone = must(protection_of(made));
  made.privacy.secure_aggregation = spec::SecureAggregation{.min_survivors = 4, .max_colluding = 1};
  const auto shared = must(protection_of(made));
  const auto names = names_query(settings);
  CHECK_THAT(variance_alone(shared, names), WithinRel(variance_alone(alone, names), 1e-3));
}

// Of 4,000 independent pairs the correlation is beyond 0.1 once in 10^9 runs; noise that is drawn
// from one stream twice, or from the spec's seed, has a correlation of 1.
TEST_CASE("mixture: no two answers of a site, of two runs or of two sites share their noise",
          "[mixture][statistical]") {
  const TemporaryFolder folder;
  const auto made = training();
  Documents documents(made);
  Private one(folder, canary_rows(), made);
  Private other(folder, canary_rows(), made, "other");
  const std::vector<std::vector<double>> noise{
      noise_of(must(one.ask(documents, kFine, 1)), 1),
      noise_of(must(one.ask(documents, kTables, 3)), 2),
      noise_of(must(one.ask(documents, kFine, 1, "run-2")), 1),
      noise_of(must(other.ask(documents, kFine, 1)), 1)};
  for (std::size_t a = 0; a < noise.size(); ++a) {
    for (std::size_t b = a + 1; b < noise.size(); ++b) {
      CAPTURE(a, b);
      CHECK(std::abs(correlation(noise[a], noise[b])) < 0.1);
    }
  }
}

TEST_CASE("mixture: a question that is asked twice is measured once", "[mixture]") {
  const TemporaryFolder folder;
  const auto made = training();
  Documents documents(made);
  std::vector<std::int64_t> first;
  {
    Private one(folder, canary_rows(), made);
    first = must(one.ask(documents, kFine, 1));
    CHECK(must(one.ask(documents, kFine, 9)) == first);
  }
  Private again(folder, "who,what\n", made);  // another table under the same name
  CHECK(must(again.ask(documents, kFine, 1)) == first);
  CHECK(again.account->ledger().costs().size() == 1);
}

TEST_CASE("mixture: a server that asks for more than the training's epsilon is refused",
          "[mixture]") {
  const TemporaryFolder folder;
  const auto made = training();
  Private one(folder, canary_rows(), made);
  Documents documents(made);
  must(one.ask(documents, kTables, 1));
  // The same tables the other way round are another question, for which there is no budget left.
  documents.texts[std::string(kBinsDocument)] += " ";
  const auto refused = one.ask(documents, kTables, 2);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kPermissionDenied);
  CHECK(one.account->ledger().costs().size() == 1);
  // A schema that is not what the spec declares: refused before anything is charged.
  auto other = must(declared_schema(made.table));
  other[1].categories = {"x", "z"};
  documents.texts[std::string(kSchemaDocument)] = dump_json(to_json(other));
  CHECK_FALSE(one.ask(documents, kFine, 3));
  CHECK(one.account->ledger().costs().size() == 1);
}

// The canaries take part by a coin each; 4,000 trials at 99.9%.
TEST_CASE("mixture: an audit through the site's own answers is near the claim and not above it",
          "[mixture][statistical]") {
  const TemporaryFolder folder;
  const auto made = training();
  Documents documents(made);
  privacy::Cost cost = [&] {
    Private one(folder, "who,what\n", made, "cost");
    must(one.ask(documents, kTables, 1));
    return one.last_cost();
  }();
  privacy::NoiseBits bits;
  int audited = 0;
  const privacy::AnswerCells answer = [&](const privacy::Cost&,
                                          std::span<const std::uint64_t> cells) {
    std::string csv = "who,what\n";
    for (std::size_t i = 0; i < cells.size(); ++i) {
      csv += cells[i] > 0 ? canary(i) + ",x\n" : "";
    }
    Private one(folder, csv, made, "audit-" + std::to_string(audited++));
    const auto counts = must(one.ask(documents, kTables, 1));
    std::vector<std::int64_t> noisy;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      noisy.push_back(counts[2 * i]);
    }
    return noisy;
  };
  const auto result = must(privacy::audit(
      std::vector{cost}, answer, bits, {.canaries = kCanaries, .confidence = 0.999}));
  CAPTURE(result.lower_bound.value, result.claimed.value);
  CHECK_FALSE(result.is_refuted());
  CHECK(result.lower_bound.value > 0.5 * result.claimed.value);
}

TEST_CASE("mixture: of each unit the first rows are counted, and its column is not learned",
          "[mixture]") {
  const TemporaryFolder folder;
  auto made = training(20.0);  // little noise
  made.privacy.unit_column = "person";
  made.privacy.max_rows_per_unit = 3;
  std::string csv = "person,who,what\n";
  for (int i = 0; i < 900; ++i) {
    csv += "p1," + canary(0) + ",x\n";
  }
  for (int i = 0; i < 400; ++i) {
    csv += "q" + std::to_string(i) + "," + canary(1) + ",y\n";
  }
  for (int i = 0; i < 900; ++i) {
    csv += "," + canary(2) + ",y\n";  // rows that name nobody are one unit
  }
  Private one(folder, csv, made);
  CHECK(one.site->introduction().find("person") == std::string::npos);
  Documents documents(made);
  const auto counts = must(one.ask(documents, kFine, 1));
  CHECK(one.last_cost().shift == 3);
  CHECK_THAT(static_cast<double>(counts[0]), WithinAbs(3.0, 40.0));
  CHECK_THAT(static_cast<double>(counts[1]), WithinAbs(400.0, 40.0));
  CHECK_THAT(static_cast<double>(counts[2]), WithinAbs(3.0, 40.0));
  made.privacy.unit_column = "nobody";
  method::SiteSetup setup{ClientId::parse("a").value(), made, private_table(csv)};
  CHECK_FALSE(
      make_site(std::move(setup),
                SiteProtection{must(protection_of(made)), ledger_noise(one.account, 1, 1e-6)}));
}

TEST_CASE("mixture: what a site tells when it joins does not depend on its rows", "[mixture]") {
  const TemporaryFolder folder;
  const auto made = training();
  Documents documents(made);
  const Private usual(folder, canary_rows(), made, "usual");
  for (const char* csv : {"who,what\n", "who,what\nstrange,\n1e300,nan\n\"\n,,,\n\xFF,x\n"}) {
    Private strange(folder, csv, made, "strange" + std::to_string(std::string(csv).size()));
    CHECK(strange.site->introduction() == usual.site->introduction());
    CHECK(strange.site->rows() == 0);
    CHECK(strange.ask(documents, kFine, 1));
  }
}

TEST_CASE("mixture: categories that nobody declared are named where enough rows have them",
          "[mixture]") {
  const TemporaryFolder folder;
  auto made = training();
  made.table.columns = {made.table.columns[1]};
  made.table.discrete_columns = {"town"};
  std::string csv = "town,what\n";
  for (int i = 0; i < 1000; ++i) {
    csv += i < 600 ? "Bern,x\n" : i < 999 ? "Ulm,y\n" : "Nowhere,y\n";
  }
  std::string told;
  {
    const Private one(folder, csv, made);
    told = one.site->introduction();
    CHECK_THAT(told, ContainsSubstring("Bern"));
    CHECK_THAT(told, ContainsSubstring("Ulm"));
    CHECK(told.find("Nowhere") == std::string::npos);
    CHECK(one.account->ledger().costs().size() == 1);
    CHECK(one.last_cost().extra_delta > 0);
  }
  const Private again(folder, csv, made);
  CHECK(again.site->introduction() == told);
  CHECK(again.account->ledger().costs().size() == 1);
}

TEST_CASE("mixture: the plan of a spec keeps its guarantee, names included", "[mixture]") {
  auto made = training();
  made.table.discrete_columns = {"town", "street"};
  const auto plan = must(query_plan(made));
  double shares = 0;
  for (const auto& query : plan.queries) {
    shares += query.share;
  }
  CHECK(shares <= 1.0 + 1e-9);
  const auto guarantee = must(guarantee_of(made));
  const auto noise = must(privacy::plan_noise(plan, guarantee, {}));
  CHECK(noise.epsilon <= guarantee.epsilon());
  CHECK(noise.epsilon.value > 0.9 * guarantee.epsilon().value);
  made.table = {};
  CHECK_FALSE(query_plan(made));
  CHECK(protection_of(made));
  made.privacy.differential_privacy.reset();
  CHECK_FALSE(guarantee_of(made));
}

TEST_CASE("mixture: a plan names the pairs that have a table, and those that have no room",
          "[mixture]") {
  auto made = training();
  made.model.settings.json = R"({"bins":64,"target":"c0"})";
  made.table = {};
  constexpr std::size_t kColumns = 40;
  for (std::size_t c = 0; c < kColumns; ++c) {
    auto column = a_column("c" + std::to_string(c), "integer");
    column.minimum = 0;
    column.maximum = 63;
    made.table.columns.push_back(column);
  }
  const auto plan = must(query_plan(made));
  CHECK(plan.pairs.size() + plan.left_out.size() == kColumns * (kColumns - 1) / 2);
  CHECK(plan.pairs.size() == plan.queries.back().tables);
  REQUIRE_FALSE(plan.left_out.empty());
  CHECK(std::ranges::find(plan.pairs, privacy::ColumnPair("c0", "c1")) != plan.pairs.end());
  // 64 bins, and one for missing values, of three columns are more than half of all cells.
  REQUIRE(plan.remarks.size() == 1);
  CHECK_THAT(plan.remarks[0], ContainsSubstring("pairs are counted without it"));

  made.model.settings.json = R"({"bins":4})";
  const auto all = must(query_plan(made));
  CHECK(all.pairs.empty());
  CHECK(all.left_out.empty());
  CHECK(all.remarks.empty());
}

TEST_CASE("mixture: a plan with more declared asks no names, and nothing twice of few values",
          "[mixture]") {
  auto made = training();
  made.table = {};
  made.table.discrete_columns = {"town", "street"};
  made.table.columns = {a_column("age", "integer"), a_column("weight", "decimal")};
  const auto now = must(query_plan(made));
  const auto plans = must(plans_if_declared(made));
  REQUIRE(plans.size() == 2);
  CHECK(plans[0].declared == "categories of 2 columns");
  CHECK_THAT(plans[1].declared, ContainsSubstring("and bounds of 2 numbers"));
  const auto names = [](const privacy::QueryPlan& plan) {
    std::string all;
    for (const auto& query : plan.queries) {
      all += query.name + " ";
    }
    return all;
  };
  CHECK(names(now) == "fine zoom names tables ");
  CHECK(names(plans[0].queries) == "fine zoom tables ");
  CHECK(names(plans[1].queries) == "fine tables ");
  CHECK(plans[1].queries.queries.back().share > plans[0].queries.queries.back().share);
  CHECK(plans[1].queries.queries[0].cells < plans[0].queries.queries[0].cells);
  made.table.discrete_columns.clear();
  auto age = a_column("age", "integer");
  age.minimum = 0;
  age.maximum = 99;
  auto town = a_column("town", "category");
  town.categories = {"Bern", "Ulm"};
  made.table.columns = {age, town};
  CHECK(must(plans_if_declared(made)).empty());
}

}  // namespace genesis::mixture
