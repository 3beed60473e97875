// Both halves of the method under differential privacy, in memory: what is asked and charged, what
// a restart leaves, and what is refused.
#include <algorithm>

#include "common/autoregressive/private_plan.hpp"
#include "common/ctgan/server.hpp"
#include "common/ctgan/site.hpp"
#include "common/ctgan/synthesizer.hpp"
#include "common/wire/model_file.hpp"
#include "tests/support/private_federation.hpp"
#include "tests/unit/autoregressive/builders.hpp"

namespace genesis::ctgan {
namespace {

using namespace genesis::private_training;
using autoregressive::related_rows;

constexpr PrivateMethod kMethod{make_server, make_site};

spec::FederatedTraining training(std::size_t sites = 1, std::int64_t rounds = 6) {
  auto made = private_training::training(
      {"ctgan", {R"({"embeddingDim":8,"generatorDims":[32],"discriminatorDims":[32],"pac":1})"}},
      sites,
      rounds);
  made.local.learning_rate = 0.002;
  return made;
}

}  // namespace

TEST_CASE("ctgan: a private training learns, and spends what was planned and no more", "[ctgan]") {
  auto made = training(1, 10);
  made.local.epochs = 4;
  Federation federation(kMethod, made, {related_rows(4000, 1)});
  const auto bytes = federation.run();
  const auto& account = *federation.sites[0].account;
  const auto plan = must(autoregressive::site_training(made, "site-0"));
  const auto costs = trainings(account);
  CHECK(costs.size() == 10);
  CHECK(std::ranges::all_of(costs, [&](const auto& cost) { return cost == plan.round; }));
  CHECK(costs[0].tables == 80);  // four epochs of 4000 declared rows
  const auto spent = account.ledger().spent(privacy::Delta{1e-5});
  CHECK(spent->epsilon.value <= 8.0);
  CHECK(spent->epsilon.value > 7.9);

  const auto file = must(wire::decode_model(bytes));
  for (const auto& spec : file.generator.specs) {  // the discriminator stays where it was trained
    CHECK(spec.name.starts_with("generator."));
  }
  const auto model = must(open_model(file));
  const auto rows = must(model->block(1, 0, 4096, {}));
  CHECK(rows.rows == 4096);
  const auto& kind = rows.columns[0];
  const auto& size = rows.columns[1];
  std::size_t related = 0;
  for (std::size_t r = 0; r < 4096; ++r) {
    CHECK((size.numbers[r] >= 0.0 && size.numbers[r] <= 899.0));
    const auto third = static_cast<std::size_t>(size.numbers[r] / 300.0);
    related += kind.categories[kind.codes[r]] == std::string(1, "abc"[third]) ? 1 : 0;
  }
  CHECK(related > 4096 / 2);  // a third by chance
  const auto asked = must(model->block(1, 0, 500, std::vector<std::string>{"kind=c", "size>710"}));
  CHECK(asked.rows == 500);
  for (std::size_t r = 0; r < 500; ++r) {
    CHECK(asked.columns[1].numbers[r] > 710.0);
    CHECK(asked.columns[0].categories[asked.columns[0].codes[r]] == "c");
  }
  const auto again = must(model->block(1, 0, 500, std::vector<std::string>{"kind=c", "size>710"}));
  CHECK(again.columns[1].numbers == asked.columns[1].numbers);
}

TEST_CASE("ctgan: a private training goes on after restarts, and charges no round twice",
          "[ctgan]") {
  Federation federation(kMethod, training(2, 3), {related_rows(1500, 1), related_rows(900, 2)});
  (void)federation.run(true);
  for (const auto& site : federation.sites) {
    CHECK(trainings(*site.account).size() == 3);
    CHECK(site.account->ledger().spent(privacy::Delta{1e-5})->epsilon.value <= 8.0);
  }
}

TEST_CASE("ctgan: what a site tells under privacy does not depend on how many rows it has",
          "[ctgan]") {
  Federation federation(
      kMethod, training(2, 2), {related_rows(2000, 1), "kind,size,spike,gap,label\n"});
  CHECK(federation.sites[0].method->introduction() == federation.sites[1].method->introduction());
  CHECK(federation.sites[0].method->rows() == 0);
  CHECK_FALSE(federation.run().empty());
  CHECK(trainings(*federation.sites[0].account) == trainings(*federation.sites[1].account));
}

TEST_CASE("ctgan: what cannot be protected is refused with what to do", "[ctgan]") {
  const auto refused = [](const spec::FederatedTraining& made) {
    const auto server = make_server(made);
    REQUIRE_FALSE(server);
    CHECK(server.error().code == Errc::kInvalidArgument);
    return server.error().message;
  };
  auto made = training();
  made.model.settings.json = R"({"embeddingDim":8})";
  CHECK_THAT(refused(made), ContainsSubstring("model.pac: is 10"));
  method::SiteSetup together{client(0), made, texts(related_rows(10, 1))};
  CHECK_FALSE(make_site(std::move(together)));
  made = training();
  made.participants[0].max_rows.reset();
  CHECK_THAT(refused(made), ContainsSubstring("method ctgan takes local.batchSize / maxRows"));
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

}  // namespace genesis::ctgan
