#include "genesis/simulation.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include "aggregator/coordinator.hpp"
#include "common/base/clock.hpp"
#include "common/federation/spec_views.hpp"
#include "common/tabular/table.hpp"
#include "common/wire/safetensors.hpp"

namespace genesis {
namespace {

Result<tabular::Table> read(const SiteTable& site, const spec::FederatedTraining& training) {
  const auto reading = federation::table_reading(training, site.site);
  return site.data.empty() ? tabular::parse_csv(site.csv, site.site, reading.options())
                           : tabular::read_csv(site.data, reading.options());
}

// Trains the awaited participants, as many at once as there are cores; slot i is participant i's.
std::vector<Result<wire::Update>> train_all(std::vector<worker::Participant*>& awaited,
                                            const std::vector<wire::Train>& tasks,
                                            const std::string& run,
                                            const Tensors& global) {
  std::vector<Result<wire::Update>> updates;
  for (std::size_t i = 0; i < awaited.size(); ++i) {
    updates.emplace_back(fail(Errc::kInternal, "not trained"));
  }
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < awaited.size(); i = next++) {
      updates[i] = awaited[i]->train(run, tasks[i], global);
    }
  };
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::jthread> threads;
  for (std::size_t t = 1; t < std::min(cores, awaited.size()); ++t) {
    threads.emplace_back(work);
  }
  work();
  threads.clear();
  return updates;
}

}  // namespace

Result<std::vector<worker::Participant>> simulated_participants(
    const spec::FederatedTraining& training, const std::vector<SiteTable>& tables) {
  for (const auto& table : tables) {
    if (std::ranges::none_of(training.participants,
                             [&](const auto& p) { return p.name == table.site; })) {
      return fail(Errc::kInvalidArgument,
                  "tables: " + table.site + " is not among spec.participants; add it there");
    }
  }
  std::vector<worker::Participant> made;
  for (const auto& participant : training.participants) {
    GENESIS_ASSIGN(auto id, ClientId::parse(participant.name));
    auto table = std::ranges::find(tables, participant.name, &SiteTable::site);
    SiteTable site{participant.name, participant.data_path.value_or(""), ""};
    if (table != tables.end()) {
      site = *table;
    } else if (site.data.empty()) {
      return fail(Errc::kInvalidArgument,
                  "spec.participants[" + participant.name +
                      "]: has no data.path and no table was given for it");
    }
    auto rows = read(site, training);
    if (!rows) {
      return tl::unexpected(rows.error().within(participant.name));
    }
    made.push_back(worker::Participant::of_table(std::move(id), training, std::move(*rows)));
  }
  if (made.empty()) {
    return fail(Errc::kInvalidArgument,
                "spec.participants: empty, and no tables were given; nothing to train on");
  }
  return made;
}

Result<std::string> simulate(const spec::FederatedTraining& training,
                             std::vector<worker::Participant> participants,
                             const SimulationObserver& observer) {
  const SteadyClock clock;
  aggregator::Coordinator coordinator(training, "simulation", clock.now());
  coordinator.on_update(observer.on_update);
  if (observer.on_round) {
    coordinator.on_checkpoint(
        [&](const wire::Checkpoint& closed) { observer.on_round(closed.round); });
  }
  for (const auto& participant : participants) {
    const wire::JoinRequest request{participant.client(), participant.sketch()};
    GENESIS_ASSIGN(auto reply, coordinator.join(request, clock.now()));
  }
  while (!coordinator.is_over()) {
    std::vector<worker::Participant*> awaited;
    std::vector<wire::Train> tasks;
    for (auto& participant : participants) {
      GENESIS_ASSIGN(auto task, coordinator.task(participant.client(), clock.now()));
      if (const auto* summarize = std::get_if<wire::Summarize>(&task)) {
        GENESIS_ASSIGN(auto summary, participant.summarize(summarize->plan));
        const wire::SummaryUpload upload{
            coordinator.run(), participant.client(), std::move(summary)};
        GENESIS_RETURN_IF_ERROR(coordinator.add_summary(upload, clock.now()));
      } else if (const auto* train = std::get_if<wire::Train>(&task)) {
        if (!participant.is_prepared()) {
          GENESIS_ASSIGN(auto document, coordinator.encoder());
          GENESIS_ASSIGN(auto encoder, wire::decode_encoder(*document));
          GENESIS_RETURN_IF_ERROR(participant.prepare(encoder));
        }
        awaited.push_back(&participant);
        tasks.push_back(*train);
      }
    }
    if (!awaited.empty()) {
      GENESIS_ASSIGN(auto bytes, coordinator.parameters(tasks.front().round));
      GENESIS_ASSIGN(auto global, wire::decode_safetensors(*bytes));
      for (auto& update : train_all(awaited, tasks, coordinator.run(), global.tensors)) {
        GENESIS_ASSIGN(auto trained, std::move(update));
        GENESIS_RETURN_IF_ERROR(coordinator.add_update(trained, clock.now()));
      }
    }
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
