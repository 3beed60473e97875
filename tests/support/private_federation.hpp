#pragma once
// A private training of rounds in memory: noisy counts, then updates, each charged to a ledger.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/method/rounds_exchange.hpp"
#include "common/method/server_method.hpp"
#include "common/method/site_method.hpp"
#include "common/method/telemetry.hpp"
#include "common/mixture/privacy_plan.hpp"
#include "common/privacy/account.hpp"
#include "common/spec/federated_training.hpp"
#include "common/tabular/text_table.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/served.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/autoregressive/builders.hpp"

namespace genesis::private_training {

using autoregressive::must;

inline ClientId client(std::size_t number) {
  return ClientId::parse("site-" + std::to_string(number)).value();
}

inline spec::DeclaredColumn a_column(const std::string& name, const std::string& kind) {
  spec::DeclaredColumn column;
  column.name = name;
  column.kind = kind;
  column.nullable = false;
  return column;
}

inline spec::DeclaredColumn number(const std::string& name,
                                   const std::string& kind,
                                   double maximum) {
  auto column = a_column(name, kind);
  column.minimum = 0.0;
  column.maximum = maximum;
  return column;
}

/// Of related_rows() (tests/unit/autoregressive/builders.hpp): `model` at epsilon 8.
inline spec::FederatedTraining training(spec::Model model, std::size_t sites, std::int64_t rounds) {
  spec::FederatedTraining made;
  made.name = "private";
  made.seed = 5;
  made.model = std::move(model);
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

inline tabular::Table texts(const std::string& csv) {
  return must(tabular::parse_text_table(csv, "test"));
}

/// Both halves of a method.
struct PrivateMethod {
  Result<std::unique_ptr<method::ServerMethod>> (*make_server)(const spec::FederatedTraining&);
  Result<std::unique_ptr<method::SiteMethod>> (*make_site)(method::SiteSetup);
};

struct PrivateSite {
  std::shared_ptr<privacy::Account> account;
  std::unique_ptr<method::SiteMethod> method;

  PrivateSite(const PrivateMethod& of,
              const std::filesystem::path& folder,
              const spec::FederatedTraining& made,
              std::size_t number,
              const std::string& csv) {
    account = std::make_shared<privacy::Account>(must(privacy::Account::open(
        folder,
        client(number).str(),
        {.guarantee = must(mixture::guarantee_of(made)), .prelude = "before"})));
    method::SiteSetup setup{client(number), made, texts(csv)};
    setup.account = account;
    method = must(of.make_site(std::move(setup)));
  }
};

inline method::Assignment assignment(const method::Ask& ask, std::uint32_t collection) {
  return {
      ask.request.purpose, ask.request.round, ask.parameters, "run-1", CollectionId{collection}};
}

/// Server and sites in one process, each site of 4000 declared rows.
struct Federation {
  PrivateMethod of;
  TemporaryFolder folder;
  spec::FederatedTraining spec;
  std::vector<std::string> tables;
  std::unique_ptr<method::ServerMethod> server;
  std::vector<PrivateSite> sites;
  std::uint32_t collection = 0;

  Federation(const PrivateMethod& halves,
             spec::FederatedTraining made,
             std::vector<std::string> csv)
      : of(halves),
        spec(std::move(made)),
        tables(std::move(csv)),
        server(must(of.make_server(spec))) {
    for (std::size_t i = 0; i < tables.size(); ++i) {
      sites.emplace_back(of, folder.path(), spec, i, tables[i]);
      CHECK(must(server->introduce(client(i), sites[i].method->introduction())) == 4000);
    }
  }

  Result<method::Sum> sum(const method::Ask& ask) {
    ++collection;
    std::optional<method::Sum> total;
    for (std::size_t i = 0; i < sites.size(); ++i) {
      method::Served documents(ask);
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
      for (const auto& [name, value] : answer.telemetry) {  // losses and times are of rows
        CHECK((name == method::kUpdateNorm || name == method::kSteps));
      }
      CHECK(answer.notes.empty());
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
        server = must(of.make_server(spec));
        const auto round = ask->request.round.value;
        REQUIRE(server->restore(std::move(state), RoundId{round > 0 ? round - 1 : 0}));
        for (std::size_t i = 0; i < sites.size(); ++i) {
          auto moments = sites[i].method->state();
          sites.erase(sites.begin() + static_cast<std::ptrdiff_t>(i));
          sites.insert(sites.begin() + static_cast<std::ptrdiff_t>(i),
                       PrivateSite(of, folder.path(), spec, i, tables[i]));
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

inline std::vector<privacy::Cost> trainings(const privacy::Account& account) {
  auto costs = account.ledger().costs();
  std::erase_if(costs, [](const auto& cost) { return !cost.is_training(); });
  return costs;
}

}  // namespace genesis::private_training
