// Both halves of the method under differential privacy, in memory: what is asked and charged, what
// a restart leaves, and what is refused.
#include <algorithm>
#include <filesystem>
#include <map>

#include "common/autoregressive/private_encoding.hpp"
#include "common/autoregressive/private_plan.hpp"
#include "common/autoregressive/server.hpp"
#include "common/autoregressive/site.hpp"
#include "common/autoregressive/synthesizer.hpp"
#include "common/mixture/privacy_plan.hpp"
#include "common/privacy/account.hpp"
#include "common/tabular/text_table.hpp"
#include "common/wire/model_file.hpp"
#include "tests/support/served.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/autoregressive/builders.hpp"

namespace genesis::autoregressive {
namespace {

using method::Served;

ClientId client(std::size_t number) {
  return ClientId::parse("site-" + std::to_string(number)).value();
}

spec::DeclaredColumn a_column(const std::string& name, const std::string& kind) {
  spec::DeclaredColumn column;
  column.name = name;
  column.kind = kind;
  column.nullable = false;
  return column;
}

spec::DeclaredColumn number(const std::string& name, const std::string& kind, double maximum) {
  auto column = a_column(name, kind);
  column.minimum = 0.0;
  column.maximum = maximum;
  return column;
}

/// Of related_rows().
spec::FederatedTraining training(std::size_t sites = 1, std::int64_t rounds = 6) {
  spec::FederatedTraining made;
  made.name = "private";
  made.seed = 5;
  made.model = {"autoregressive", {R"({"target":"label","embeddingDim":4,"hidden":16,"bins":20})"}};
  made.rounds.count = rounds;
  made.local.epochs = 1;
  made.local.batch_size = 200;
  made.local.learning_rate = 0.01;
  made.privacy.differential_privacy = spec::DifferentialPrivacy{.epsilon = 8.0};
  auto kind = a_column("kind", "category");
  kind.categories = {"a", "b", "c"};
  auto label = a_column("label", "category");
  label.categories = {"no", "yes"};
  auto gap = number("gap", "decimal", 99.5);
  gap.precision = 1;
  gap.nullable = true;
  made.table.columns = {
      kind, number("size", "integer", 899), number("spike", "integer", 999), gap, label};
  for (std::size_t i = 0; i < sites; ++i) {
    spec::Participant participant;
    participant.name = client(i).str();
    participant.max_rows = 4000;
    made.participants.push_back(participant);
  }
  return made;
}

tabular::Table texts(const std::string& csv) {
  return must(tabular::parse_text_table(csv, "test"));
}

struct PrivateSite {
  std::shared_ptr<privacy::Account> account;
  std::unique_ptr<method::SiteMethod> method;

  PrivateSite(const std::filesystem::path& folder,
              const spec::FederatedTraining& made,
              std::size_t number,
              const std::string& csv) {
    account = std::make_shared<privacy::Account>(must(privacy::Account::open(
        folder,
        client(number).str(),
        {.guarantee = must(mixture::guarantee_of(made)), .prelude = "before"})));
    method::SiteSetup setup{client(number), made, texts(csv)};
    setup.account = account;
    method = must(make_site(std::move(setup)));
  }
};

method::Assignment assignment(const method::Ask& ask, std::uint32_t collection) {
  return {
      ask.request.purpose, ask.request.round, ask.parameters, "run-1", CollectionId{collection}};
}

struct Federation {
  TemporaryFolder folder;
  spec::FederatedTraining spec;
  std::vector<std::string> tables;
  std::unique_ptr<method::ServerMethod> server;
  std::vector<PrivateSite> sites;
  std::uint32_t collection = 0;

  Federation(spec::FederatedTraining made, std::vector<std::string> csv)
      : spec(std::move(made)), tables(std::move(csv)), server(must(make_server(spec))) {
    for (std::size_t i = 0; i < tables.size(); ++i) {
      sites.emplace_back(folder.path(), spec, i, tables[i]);
      CHECK(must(server->introduce(client(i), sites[i].method->introduction())) == 4000);
    }
  }

  Result<method::Sum> sum(const method::Ask& ask) {
    ++collection;
    std::optional<method::Sum> total;
    for (std::size_t i = 0; i < sites.size(); ++i) {
      Served documents(ask);
      GENESIS_ASSIGN(auto answer, sites[i].method->answer(assignment(ask, collection), documents));
      if (auto* counts = std::get_if<rounds::Counts>(&answer.values)) {
        CHECK(answer.is_kept);
        GENESIS_RETURN_IF_ERROR(server->check({*counts}, 0));
        auto so_far = total ? std::get<rounds::Counts>(*total) : rounds::Counts(counts->size());
        std::ranges::transform(so_far, *counts, so_far.begin(), std::plus<>());
        total = std::move(so_far);
        continue;
      }
      const auto& update = std::get<Tensors>(answer.values);
      CHECK_FALSE(answer.telemetry.contains("training_loss"));
      CHECK_FALSE(answer.telemetry.contains("step_seconds"));
      auto so_far =
          total ? std::get<std::vector<float>>(*total) : std::vector<float>(update.values.size());
      for (std::size_t k = 0; k < so_far.size(); ++k) {
        so_far[k] += update.values[k] / static_cast<float>(sites.size());
      }
      total = std::move(so_far);
    }
    return *std::move(total);
  }

  /// Until a model is released. With `restart`, server and sites are made anew before each round.
  std::string run(bool restart = false) {
    std::optional<method::Sum> last;
    for (;;) {
      auto next = must(server->next(std::move(last)));
      const auto* ask = std::get_if<method::Ask>(&next);
      if (ask == nullptr) {
        return must(server->model("{}"));
      }
      if (restart && collection > 0) {
        auto state = server->checkpoint();
        server = must(make_server(spec));
        const auto round = ask->request.round.value;
        REQUIRE(server->restore(std::move(state), RoundId{round > 0 ? round - 1 : 0}));
        for (std::size_t i = 0; i < sites.size(); ++i) {
          auto moments = sites[i].method->state();
          sites.erase(sites.begin() + static_cast<std::ptrdiff_t>(i));
          sites.insert(sites.begin() + static_cast<std::ptrdiff_t>(i),
                       PrivateSite(folder.path(), spec, i, tables[i]));
          sites[i].method->restore(std::move(moments));
        }
        auto again = must(server->next(std::nullopt));
        REQUIRE(std::get<method::Ask>(again).request == ask->request);
        last = must(sum(std::get<method::Ask>(again)));
        continue;
      }
      last = must(sum(*ask));
    }
  }
};

std::vector<privacy::Cost> trainings(const privacy::Account& account) {
  auto costs = account.ledger().costs();
  std::erase_if(costs, [](const auto& cost) { return !cost.is_training(); });
  return costs;
}

}  // namespace

TEST_CASE("autoregressive: a private training learns, and spends what was planned and no more",
          "[autoregressive]") {
  const auto made = training();
  Federation federation(made, {related_rows(4000, 1)});
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
  Federation federation(training(2, 3), {related_rows(1500, 1), related_rows(900, 2)});
  (void)federation.run(true);
  for (const auto& site : federation.sites) {
    CHECK(trainings(*site.account).size() == 3);
    CHECK(site.account->ledger().spent(privacy::Delta{1e-5})->epsilon.value <= 8.0);
  }
}

TEST_CASE("autoregressive: a round that is asked again gets the same update, and its moments",
          "[autoregressive]") {
  Federation federation(training(1, 3), {related_rows(1000, 1)});
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
  PrivateSite anew(federation.folder.path(), federation.spec, 0, federation.tables[0]);
  CHECK(answer(anew, 6) == first);
  CHECK(anew.method->state() == moments);
  CHECK(trainings(*anew.account).size() == 1);
}

TEST_CASE("autoregressive: what a site tells under privacy does not depend on how many rows it has",
          "[autoregressive]") {
  const TemporaryFolder folder;
  const auto made = training(2);
  const PrivateSite many(folder.path(), made, 0, related_rows(3000, 1));
  const PrivateSite none(folder.path(), made, 1, "kind,size,spike,gap,label\n");
  CHECK(many.method->introduction() == none.method->introduction());
  CHECK(many.method->rows() == 0);
  CHECK(none.method->rows() == 0);
}

TEST_CASE("autoregressive: a private site without rows takes part like any other",
          "[autoregressive]") {
  Federation federation(training(2, 2), {related_rows(2000, 1), "kind,size,spike,gap,label\n"});
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
