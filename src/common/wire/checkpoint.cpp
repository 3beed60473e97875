#include "common/wire/checkpoint.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/fields.hpp"
#include "common/wire/contribution.hpp"
#include "common/wire/sealed_file.hpp"

namespace genesis::wire {
namespace {

using nlohmann::json;

constexpr std::string_view kStateKey = "state";
constexpr std::string_view kTrainingKey = "training";
constexpr std::string_view kMethodPrefix = "method.";  // of a method's documents
constexpr std::string_view kHeaderKey = "header";      // of a worker's last contribution
constexpr std::string_view kCountsKey = "words";       // of that, where its body is counts
constexpr std::string_view kBodyPrefix = "contribution.";
constexpr std::string_view kResidualPrefix = "residual.";

void append(Tensors& to, const Tensors& from, std::string_view prefix) {
  for (const auto& spec : from.specs) {
    to.specs.push_back({std::string(prefix) + spec.name, spec.shape});
  }
  to.values.insert(to.values.end(), from.values.begin(), from.values.end());
}

Result<rounds::Counts> decode_counts(std::string_view text, std::string_view name) {
  GENESIS_ASSIGN(const auto values, parse_json(text));
  rounds::Counts counts;
  for (const JsonValue value : values.root().elements()) {
    const auto count = value.whole();
    if (!count) {
      return fail(Errc::kInvalidArgument, std::string(name) + ": counts: expected whole numbers");
    }
    counts.push_back(*count);
  }
  return counts;
}

}  // namespace

std::string encode(const Checkpoint& checkpoint) {
  json clients = json::array();
  for (const auto& client : checkpoint.clients) {
    clients.push_back({{"client", client.client.str()},
                       {"rows", client.rows},
                       {"introduction_sha256", client.introduction_sha256},
                       {"instance", client.instance},
                       {"last_collection", client.last_collection.value},
                       {"last_round", client.last_round.value},
                       {"failures", client.failures},
                       {"times_quarantined", client.times_quarantined},
                       {"returns_in", client.returns_in.value},
                       {"reason", client.reason},
                       {"ledger_head", client.ledger_head},
                       {"is_evicted", client.is_evicted}});
    if (!client.signing_key.empty()) {
      clients.back()["signing_key"] = client.signing_key;
    }
  }
  json state{{"run", checkpoint.run},
             {"collection", checkpoint.collection.value},
             {"round", checkpoint.round.value},
             {"norm_bound", checkpoint.norm_bound},
             {"clients", std::move(clients)}};
  if (!checkpoint.paillier_modulus.empty()) {
    state["paillier_modulus"] = checkpoint.paillier_modulus;
  }
  Metadata metadata{{std::string(kFormatKey), std::string(kCheckpointFormat)},
                    {std::string(kTrainingKey), checkpoint.training_json},
                    {std::string(kStateKey), dump_json(state)}};
  for (const auto& [name, text] : checkpoint.method.documents) {
    metadata.emplace(std::string(kMethodPrefix) + name, text);
  }
  return seal(checkpoint.method.tensors, std::move(metadata));
}

Result<Checkpoint> decode_checkpoint(std::string_view bytes, std::string_view name) {
  GENESIS_ASSIGN(TensorFile file, unseal(bytes, name, kCheckpointFormat));
  Checkpoint checkpoint;
  GENESIS_ASSIGN(checkpoint.training_json, take(file.metadata, kTrainingKey, name));
  GENESIS_ASSIGN(const std::string state, take(file.metadata, kStateKey, name));
  GENESIS_ASSIGN(const auto body, parse_json(state));
  GENESIS_ASSIGN(const Fields fields, Fields::of(body, "Checkpoint"));
  GENESIS_ASSIGN(checkpoint.run, fields.text("run"));
  GENESIS_ASSIGN(checkpoint.collection.value, fields.small_count("collection"));
  GENESIS_ASSIGN(checkpoint.round, fields.round("round"));
  GENESIS_ASSIGN(checkpoint.norm_bound, fields.number("norm_bound"));
  if (checkpoint.norm_bound < 0.0) {
    return fields.wrong("norm_bound", "0 or more");
  }
  if (fields.has("paillier_modulus")) {
    GENESIS_ASSIGN(checkpoint.paillier_modulus, fields.text("paillier_modulus"));
  }
  GENESIS_ASSIGN(const auto clients, fields.objects("clients"));
  for (const auto& entry : clients) {
    GENESIS_ASSIGN(auto id, entry.client("client"));
    CheckpointClient client{.client = std::move(id)};
    GENESIS_ASSIGN(client.rows, entry.count("rows"));
    GENESIS_ASSIGN(client.introduction_sha256, entry.text("introduction_sha256"));
    GENESIS_ASSIGN(client.instance, entry.text("instance"));
    GENESIS_ASSIGN(client.last_collection.value, entry.small_count("last_collection"));
    GENESIS_ASSIGN(client.last_round, entry.round("last_round"));
    GENESIS_ASSIGN(client.failures, entry.small_count("failures"));
    GENESIS_ASSIGN(client.times_quarantined, entry.small_count("times_quarantined"));
    GENESIS_ASSIGN(client.returns_in, entry.round("returns_in"));
    GENESIS_ASSIGN(client.reason, entry.text("reason"));
    if (entry.has("ledger_head")) {  // older checkpoints have none
      GENESIS_ASSIGN(client.ledger_head, entry.text("ledger_head"));
    }
    GENESIS_ASSIGN(client.is_evicted, entry.boolean("is_evicted"));
    if (entry.has("signing_key")) {
      GENESIS_ASSIGN(client.signing_key, entry.text("signing_key"));
    }
    checkpoint.clients.push_back(std::move(client));
  }
  for (auto& [key, text] : file.metadata) {
    if (key.starts_with(kMethodPrefix)) {
      checkpoint.method.documents.emplace(key.substr(kMethodPrefix.size()), std::move(text));
    }
  }
  checkpoint.method.tensors = std::move(file.tensors);
  return checkpoint;
}

std::string encode(const WorkerState& state) {
  const auto& plain = std::get<rounds::Plain>(state.contribution.body);
  Tensors all;
  append(all, state.method, "");
  Metadata metadata{{std::string(kFormatKey), std::string(kWorkerStateFormat)},
                    {std::string(kHeaderKey), encode_header(state.contribution)}};
  if (const auto* counts = std::get_if<rounds::Counts>(&plain.values)) {
    metadata.emplace(kCountsKey, dump_json(*counts));
  } else {
    append(all, std::get<Tensors>(plain.values), kBodyPrefix);
  }
  append(all, state.residual, kResidualPrefix);
  return seal(all, std::move(metadata));
}

Result<WorkerState> decode_worker_state(std::string_view bytes, std::string_view name) {
  GENESIS_ASSIGN(TensorFile file, unseal(bytes, name, kWorkerStateFormat));
  GENESIS_ASSIGN(const std::string header, take(file.metadata, kHeaderKey, name));
  GENESIS_ASSIGN(auto contribution, decode_header(header));
  WorkerState state{std::move(contribution), {}, {}};
  Tensors body;
  std::size_t at = 0;
  for (auto& spec : file.tensors.specs) {
    const auto begin = file.tensors.values.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = spec.element_count();
    at += count;
    Tensors* to = &state.method;
    for (const auto& [prefix, part] :
         {std::pair(kBodyPrefix, &body), std::pair(kResidualPrefix, &state.residual)}) {
      if (spec.name.starts_with(prefix)) {
        spec.name.erase(0, prefix.size());
        to = part;
        break;
      }
    }
    to->values.insert(to->values.end(), begin, begin + static_cast<std::ptrdiff_t>(count));
    to->specs.push_back(std::move(spec));
  }
  if (file.metadata.contains(std::string(kCountsKey))) {
    GENESIS_ASSIGN(const std::string text, take(file.metadata, kCountsKey, name));
    GENESIS_ASSIGN(auto counts, decode_counts(text, name));
    state.contribution.body = rounds::Plain{std::move(counts)};
  } else {
    state.contribution.body = rounds::Plain{std::move(body)};
  }
  return state;
}

}  // namespace genesis::wire
