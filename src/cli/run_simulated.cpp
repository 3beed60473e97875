#include <atomic>
#include <thread>
#include <vector>

#include "aggregator/coordinator.hpp"
#include "cli/run.hpp"
#include "common/base/file.hpp"
#include "common/wire/safetensors.hpp"
#include "worker/participant.hpp"

namespace genesis::cli {
namespace {

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

Status run_simulated(const spec::FederatedTraining& training,
                     const std::filesystem::path& output,
                     const Progress& progress) {
  const SteadyClock clock;
  aggregator::Coordinator coordinator(training, "simulation", clock.now());
  std::vector<worker::Participant> participants;
  for (const auto& member : training.participants) {
    GENESIS_ASSIGN(auto id, ClientId::parse(member.name));
    auto participant = worker::Participant::create(id, member.data_path.value_or(""), training, {});
    if (!participant) {
      return tl::unexpected(participant.error().within(member.name));
    }
    participants.push_back(std::move(*participant));
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
    progress(coordinator.status(clock.now()));
  }
  if (coordinator.model().empty()) {
    return fail(Errc::kFailedPrecondition, "training failed: " + coordinator.state().reason);
  }
  return write_file_atomic(output / "model.safetensors", coordinator.model());
}

}  // namespace genesis::cli
