#include "genesis/simulation.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "common/method/agreement.hpp"
#include "common/tabular/table.hpp"

namespace genesis {
namespace {

Result<tabular::Table> read(const SiteTable& site, const spec::TableSpec& declared) {
  const auto declarations = method::declarations(declared);
  return site.data.empty()
             ? tabular::parse_csv(site.csv, site.site, declarations, declared.discrete_columns)
             : tabular::read_csv(site.data, declarations, declared.discrete_columns);
}

// What one site is to do, and what came of it.
struct Turn {
  worker::Site* site;
  wire::Task task;
  Status done = {};
};

// Lets the sites answer, as many at once as there are cores.
Status answer_all(std::vector<Turn>& turns, worker::Link& link) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < turns.size(); i = next++) {
      if (auto answered = turns[i].site->answer(turns[i].task, link); !answered) {
        turns[i].done = tl::unexpected(answered.error());
      }
    }
  };
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::jthread> threads;
  for (std::size_t t = 1; t < std::min(cores, turns.size()); ++t) {
    threads.emplace_back(work);
  }
  work();
  threads.clear();
  for (auto& turn : turns) {
    GENESIS_RETURN_IF_ERROR(std::move(turn.done));
  }
  return {};
}

}  // namespace

Result<std::string> MemoryLink::fetch(CollectionId collection, const wire::DocumentName& document) {
  const std::scoped_lock lock(mutex_);
  GENESIS_ASSIGN(const auto served, coordinator_.document(collection, document.name));
  return *served.bytes;
}

Status MemoryLink::send(const rounds::Contribution& contribution) {
  const std::scoped_lock lock(mutex_);
  return coordinator_.contribute("", contribution, clock_.now());
}

Result<std::vector<worker::Site>> simulated_sites(const spec::FederatedTraining& training,
                                                  const std::vector<SiteTable>& tables) {
  for (const auto& table : tables) {
    if (std::ranges::none_of(training.participants,
                             [&](const auto& p) { return p.name == table.site; })) {
      return fail(Errc::kInvalidArgument,
                  "tables: " + table.site + " is not among spec.participants; add it there");
    }
  }
  std::vector<worker::Site> made;
  for (const auto& participant : training.participants) {
    GENESIS_ASSIGN(auto id, ClientId::parse(participant.name));
    auto table = std::ranges::find(tables, participant.name, &SiteTable::site);
    SiteTable source{participant.name, participant.data_path.value_or(""), ""};
    if (table != tables.end()) {
      source = *table;
    } else if (source.data.empty()) {
      return fail(Errc::kInvalidArgument,
                  "spec.participants[" + participant.name +
                      "]: has no data.path and no table was given for it");
    }
    auto rows = read(source, training.table);
    if (!rows) {
      return tl::unexpected(rows.error().within(participant.name));
    }
    GENESIS_ASSIGN(
        auto site,
        worker::Site::create(
            std::move(id), training, std::move(*rows), 1.0, {}, method::Audience::kOneself));
    made.push_back(std::move(site));
  }
  if (made.empty()) {
    return fail(Errc::kInvalidArgument,
                "spec.participants: empty, and no tables were given; nothing to train on");
  }
  return made;
}

Result<std::string> simulate(const spec::FederatedTraining& training,
                             std::vector<worker::Site> sites,
                             const SimulationObserver& observer) {
  const SteadyClock clock;
  GENESIS_ASSIGN(auto coordinator,
                 aggregator::Coordinator::start(training, "simulation", clock.now()));
  coordinator.on_folded(observer.on_folded);
  if (observer.on_round) {
    coordinator.on_checkpoint(
        [&](const wire::Checkpoint& closed) { observer.on_round(closed.round); });
  }
  for (auto& site : sites) {
    GENESIS_ASSIGN(auto reply, coordinator.join(site.join_request(), "", true, clock.now()));
    site.joined(std::move(reply.run));
  }
  MemoryLink link(coordinator, clock);
  while (!coordinator.is_over()) {
    std::vector<Turn> turns;
    for (auto& site : sites) {
      GENESIS_ASSIGN(auto task, coordinator.task({site.client()}, clock.now()));
      if (std::holds_alternative<wire::Contribute>(task)) {
        turns.push_back({&site, std::move(task)});
      }
    }
    GENESIS_RETURN_IF_ERROR(answer_all(turns, link));
    if (observer.on_progress) {
      observer.on_progress(coordinator.status(clock.now()));
    }
  }
  if (coordinator.model().empty()) {
    return fail(Errc::kFailedPrecondition, "training failed: " + coordinator.state().reason);
  }
  return coordinator.model();
}

}  // namespace genesis
