// Both halves of the method under differential privacy, in memory: what is asked and charged, what
// a restart leaves, and what is refused.
#include <algorithm>
#include <optional>

#include "common/autoregressive/private_encoding.hpp"
#include "common/autoregressive/private_plan.hpp"
#include "common/autoregressive/server.hpp"
#include "common/autoregressive/site.hpp"
#include "common/autoregressive/synthesizer.hpp"
#include "common/wire/model_file.hpp"
#include "tests/support/private_federation.hpp"
#include "tests/unit/autoregressive/builders.hpp"

namespace genesis::autoregressive {
namespace {

using namespace genesis::private_training;
using method::Served;

constexpr PrivateMethod kMethod{make_server, make_site};

spec::FederatedTraining training(std::size_t sites = 1, std::int64_t rounds = 6) {
  return private_training::training(
      {"autoregressive", {R"({"target":"label","embeddingDim":4,"hidden":16,"bins":20})"}},
      sites,
      rounds);
}

}  // namespace

TEST_CASE("autoregressive: a private training learns, and spends what was planned and no more",
          "[autoregressive]") {
  const auto made = training();
  Federation federation(kMethod, made, {related_rows(4000, 1)});
  const auto bytes = federation.run();
  const auto& account = *federation.sites[0].account;
  const auto plan = must(site_training(made, "site-0"));
  const auto costs = trainings(account);
  CHECK(costs.size() == 6);
  CHECK(std::ranges::all_of(costs, [&](const auto& cost) { return cost == plan.round; }));
  CHECK(costs[0].tables == 20);  // an epoch of 4000 declared rows
  const auto spent = account.ledger().spent(privacy::Delta{1e-5});
  CHECK(spent->epsilon.value <= 8.0);
  CHECK(spent->epsilon.value > 7.9);

  const auto model = must(open_model(must(wire::decode_model(bytes))));
  const auto rows = must(model->block(1, 0, 4096, {}));
  const auto& kind = rows.columns[0];
  const auto& size = rows.columns[1];
  std::size_t related = 0;
  for (std::size_t r = 0; r < 4096; ++r) {
    const auto third = static_cast<std::size_t>(size.numbers[r] / 300.0);
    related += kind.categories[kind.codes[r]] == std::string(1, "abc"[third]) ? 1 : 0;
  }
  CHECK(related > 4096 / 2);  // a third by chance
  const auto asked = must(model->block(1, 0, 500, std::vector<std::string>{"kind=c", "size>700"}));
  for (const double value : asked.columns[1].numbers) {
    CHECK(value > 700.0);
  }
}

TEST_CASE("autoregressive: a private training goes on after restarts, and charges no round twice",
          "[autoregressive]") {
  Federation federation(kMethod, training(2, 3), {related_rows(1500, 1), related_rows(900, 2)});
  (void)federation.run(true);
  for (const auto& site : federation.sites) {
    CHECK(trainings(*site.account).size() == 3);
    CHECK(site.account->ledger().spent(privacy::Delta{1e-5})->epsilon.value <= 8.0);
  }
}

TEST_CASE("autoregressive: a round that is asked again gets the same update, and its moments",
          "[autoregressive]") {
  Federation federation(kMethod, training(1, 3), {related_rows(1000, 1)});
  std::optional<method::Sum> last;
  std::optional<method::Ask> ask;
  for (int i = 0; i < 3 && (!ask || ask->request.round.value == 0); ++i) {
    ask = std::get<method::Ask>(must(federation.server->next(std::move(last))));
    if (ask->request.round.value == 0) {
      last = must(federation.sum(*ask));
    }
  }
  REQUIRE(ask->request.round.value == 1);
  const auto answer = [&](PrivateSite& site, std::uint32_t collection) {
    Served documents(*ask);
    auto made = must(site.method->answer(assignment(*ask, collection), documents));
    return std::get<Tensors>(std::move(made.values));
  };
  const auto first = answer(federation.sites[0], 5);
  const auto moments = federation.sites[0].method->state();
  CHECK(answer(federation.sites[0], 5) == first);
  // As after a crash between the answer and the state: a site made anew, without moments.
  federation.sites.clear();
  PrivateSite anew(kMethod, federation.folder.path(), federation.spec, 0, federation.tables[0]);
  CHECK(answer(anew, 6) == first);
  CHECK(anew.method->state() == moments);
  CHECK(trainings(*anew.account).size() == 1);
}

TEST_CASE("autoregressive: what a site tells under privacy does not depend on how many rows it has",
          "[autoregressive]") {
  const TemporaryFolder folder;
  const auto made = training(2);
  const PrivateSite many(kMethod, folder.path(), made, 0, related_rows(3000, 1));
  const PrivateSite none(kMethod, folder.path(), made, 1, "kind,size,spike,gap,label\n");
  CHECK(many.method->introduction() == none.method->introduction());
  CHECK(many.method->rows() == 0);
  CHECK(none.method->rows() == 0);
}

TEST_CASE("autoregressive: a private site without rows takes part like any other",
          "[autoregressive]") {
  Federation federation(
      kMethod, training(2, 2), {related_rows(2000, 1), "kind,size,spike,gap,label\n"});
  CHECK_FALSE(federation.run().empty());
  CHECK(trainings(*federation.sites[0].account) == trainings(*federation.sites[1].account));
}

TEST_CASE("autoregressive: cells are coded each by itself, and a row without a code is left out",
          "[autoregressive]") {
  mixture::Column kind;
  kind.name = "kind";
  kind.categories = {"a", "b"};
  kind.missing = mixture::Missing::kNever;
  mixture::Column size;
  size.name = "size";
  size.kind = tabular::Kind::kInteger;
  size.missing = mixture::Missing::kDeclared;
  REQUIRE(mixture::set_bounds(size, 0.0, 999.0));
  mixture::Marginals marginals;
  marginals.rows = 100.0;
  marginals.columns = {
      {{{0, 0, 60.0, 1.0}, {1, 1, 40.0, 1.0}}, 0.0, false},
      {{{0, 0, 50.0, 1.0}, {1, 499, 0.0, 1.0}, {500, 999, 40.0, 1.0}}, 10.0, true}};
  const mixture::Schema schema{kind, size};
  const auto discretizer = must(discretizer_of(schema, marginals, 20));
  CHECK(discretizer.codes() == std::vector<std::uint32_t>{2, 3});
  const auto coded = must(code_rows(texts("size,kind\n"
                                          "0,a\n"      // the spike
                                          "700,b\n"    // the bin
                                          "-5,a\n"     // counts as the bound
                                          "1e9,b\n"    // so does this
                                          ",a\n"       // missing, which has a code
                                          "words,b\n"  // no number is missing
                                          "3,a\n"      // near the spike: no row was counted there
                                          "0,z\n"      // no category: left out
                                          "0,\n"),     // missing, which has no code: left out
                                    schema,
                                    discretizer));
  CHECK(coded.rows == 7);
  CHECK(coded.codes[0] == std::vector<std::uint32_t>{0, 1, 0, 1, 0, 1, 0});
  CHECK(coded.codes[1] == std::vector<std::uint32_t>{0, 1, 0, 1, 2, 2, 0});
  CHECK_FALSE(code_rows(texts("size,kind\n0,a\n"), {kind}, discretizer));
  CHECK_FALSE(code_rows(texts("kind\na\n"), schema, discretizer));
}

TEST_CASE("autoregressive: columns that the spec does not name leave the budget of the rounds",
          "[autoregressive]") {
  auto made = training(1, 3);
  std::erase_if(made.table.columns, [](const auto& column) { return column.kind != "category"; });
  Federation federation(kMethod, made, {related_rows(2000, 1)});
  CHECK_FALSE(federation.run().empty());
  CHECK(trainings(*federation.sites[0].account).size() == 3);
}

TEST_CASE("autoregressive: the plan is that of the site with the fewest declared rows",
          "[autoregressive]") {
  auto made = training(2);
  made.participants[0].max_rows = 20'000;
  made.participants[1].max_rows = 3'900;
  const auto plan = must(query_plan(made));
  const auto& updates = plan.queries.back();
  CHECK(updates.name == "updates");
  CHECK(updates.tables == 6 * 20);  // rounded up
  CHECK(updates.sampling == 200.0 / 3900.0);
  const auto large = must(site_training(made, "site-0"));
  const auto small = must(site_training(made, "site-1"));
  CHECK(large.round.tables == 100);
  CHECK(large.round.variance < small.round.variance);
  CHECK(large.counts == small.counts);
}

TEST_CASE("autoregressive: what cannot be protected is refused with what to do",
          "[autoregressive]") {
  const auto refused = [](const spec::FederatedTraining& made) {
    const auto server = make_server(made);
    REQUIRE_FALSE(server);
    CHECK(server.error().code == Errc::kInvalidArgument);
    return server.error().message;
  };
  auto made = training();
  made.participants[0].max_rows.reset();
  CHECK_THAT(refused(made), ContainsSubstring("spec.participants[site-0].maxRows"));
  made = training();
  made.privacy.unit_column = "kind";
  made.privacy.max_rows_per_unit = 2;
  CHECK_THAT(refused(made), ContainsSubstring("spec.privacy.unitColumn"));
  made = training();
  made.privacy.secure_aggregation = spec::SecureAggregation{};
  CHECK_THAT(refused(made), ContainsSubstring("spec.privacy.secureAggregation"));
  method::SiteSetup setup{client(0), training(), texts(related_rows(10, 1))};
  const auto without_ledger = make_site(std::move(setup));
  REQUIRE_FALSE(without_ledger);
  CHECK_THAT(without_ledger.error().message, ContainsSubstring("no privacy ledger"));
}

}  // namespace genesis::autoregressive
