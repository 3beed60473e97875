#include "common/wire/checkpoint.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/fields.hpp"
#include "common/wire/sealed_file.hpp"

namespace genesis::wire {
namespace {

using nlohmann::json;

constexpr std::string_view kEncoderKey = "encoder";
constexpr std::string_view kStateKey = "state";
constexpr std::string_view kTrainingKey = "training";
constexpr std::string_view kUpdatePrefix = "update.";
constexpr std::string_view kResidualPrefix = "residual.";

void append(Tensors& to, const Tensors& from, std::string_view prefix) {
  for (const auto& spec : from.specs) {
    to.specs.push_back({std::string(prefix) + spec.name, spec.shape});
  }
  to.values.insert(to.values.end(), from.values.begin(), from.values.end());
}

}  // namespace

std::string encode(const Checkpoint& checkpoint) {
  json clients = json::array();
  for (const auto& client : checkpoint.clients) {
    clients.push_back({{"client", client.client.str()},
                       {"rows", client.rows},
                       {"sketch_sha256", client.sketch_sha256},
                       {"last_round", client.last_round.value},
                       {"failures", client.failures},
                       {"times_set_aside", client.times_set_aside},
                       {"returns_in", client.returns_in.value},
                       {"reason", client.reason}});
  }
  const json state{
      {"run", checkpoint.run}, {"round", checkpoint.round.value}, {"clients", std::move(clients)}};
  return seal(checkpoint.global,
              {{std::string(kFormatKey), std::string(kCheckpointFormat)},
               {std::string(kEncoderKey), checkpoint.encoder_json},
               {std::string(kTrainingKey), checkpoint.training_json},
               {std::string(kStateKey), dump_json(state)}});
}

Result<Checkpoint> decode_checkpoint(std::string_view bytes, std::string_view name) {
  GENESIS_ASSIGN(TensorFile file, unseal(bytes, name, kCheckpointFormat));
  Checkpoint checkpoint;
  GENESIS_ASSIGN(checkpoint.encoder_json, take(file.metadata, kEncoderKey, name));
  GENESIS_ASSIGN(checkpoint.training_json, take(file.metadata, kTrainingKey, name));
  GENESIS_ASSIGN(const std::string state, take(file.metadata, kStateKey, name));
  GENESIS_ASSIGN(const json body, parse_json(state));
  GENESIS_ASSIGN(const Fields fields, Fields::of(body, "Checkpoint"));
  GENESIS_ASSIGN(checkpoint.run, fields.text("run"));
  GENESIS_ASSIGN(checkpoint.round, fields.round("round"));
  GENESIS_ASSIGN(const auto clients, fields.objects("clients"));
  for (const auto& entry : clients) {
    GENESIS_ASSIGN(auto id, entry.client("client"));
    CheckpointClient client{.client = std::move(id)};
    GENESIS_ASSIGN(client.rows, entry.count("rows"));
    GENESIS_ASSIGN(client.sketch_sha256, entry.text("sketch_sha256"));
    GENESIS_ASSIGN(client.last_round, entry.round("last_round"));
    GENESIS_ASSIGN(const RoundId failures, entry.round("failures"));
    GENESIS_ASSIGN(const RoundId times_set_aside, entry.round("times_set_aside"));
    client.failures = failures.value;
    client.times_set_aside = times_set_aside.value;
    GENESIS_ASSIGN(client.returns_in, entry.round("returns_in"));
    GENESIS_ASSIGN(client.reason, entry.text("reason"));
    checkpoint.clients.push_back(std::move(client));
  }
  checkpoint.global = std::move(file.tensors);
  return checkpoint;
}

std::string encode(const WorkerState& state) {
  Tensors all;
  append(all, state.optimizer, "");
  append(all, state.update.delta, kUpdatePrefix);
  append(all, state.residual, kResidualPrefix);
  return seal(all,
              {{std::string(kFormatKey), std::string(kWorkerStateFormat)},
               {std::string(kUpdateKey), encode(state.update.metadata)}});
}

Result<WorkerState> decode_worker_state(std::string_view bytes, std::string_view name) {
  GENESIS_ASSIGN(TensorFile file, unseal(bytes, name, kWorkerStateFormat));
  GENESIS_ASSIGN(const std::string metadata, take(file.metadata, kUpdateKey, name));
  GENESIS_ASSIGN(auto update, decode_update_metadata(metadata));
  WorkerState state{Update{std::move(update), {}}, {}, {}};
  std::size_t at = 0;
  for (auto& spec : file.tensors.specs) {
    const auto begin = file.tensors.values.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = spec.element_count();
    at += count;
    Tensors* to = &state.optimizer;
    for (const auto& [prefix, part] : {std::pair(kUpdatePrefix, &state.update.delta),
                                       std::pair(kResidualPrefix, &state.residual)}) {
      if (spec.name.starts_with(prefix)) {
        spec.name.erase(0, prefix.size());
        to = part;
        break;
      }
    }
    to->values.insert(to->values.end(), begin, begin + static_cast<std::ptrdiff_t>(count));
    to->specs.push_back(std::move(spec));
  }
  return state;
}

}  // namespace genesis::wire
