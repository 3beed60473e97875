#pragma once
// The server's half, under differential privacy, of every method whose sites train a network on
// codes: columns' noisy counts first, as the mixture has them, and from these the encoding; then
// rounds of local training. Needs no LibTorch. A method adds what is its own as a Network, a
// copyable type with
//
//   std::size_t bins()
//   Result<std::vector<TensorSpec>> specs(discretizer)     Errors: what does not fit the encoding
//   Result<Tensors> initial(discretizer, seed)
//   Tensors released(global)                               what the model file has
//   std::string document()                                 of the model file
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/aggregation/server_step.hpp"
#include "common/autoregressive/discretizer.hpp"
#include "common/autoregressive/private_encoding.hpp"
#include "common/autoregressive/private_plan.hpp"
#include "common/base/check.hpp"
#include "common/base/json.hpp"
#include "common/method/agreement.hpp"
#include "common/method/learning_rate.hpp"
#include "common/method/rounds_exchange.hpp"
#include "common/method/server_method.hpp"
#include "common/mixture/counting.hpp"
#include "common/mixture/exchange.hpp"
#include "common/spec/federated_training.hpp"
#include "common/wire/model_file.hpp"
#include "common/wire/safetensors.hpp"

namespace genesis::autoregressive {

template <typename Network>
class PrivateServer final : public method::ServerMethod {
 public:
  PrivateServer(const spec::FederatedTraining& training,
                Network network,
                const mixture::Settings& counts,
                const mixture::Protection& protection)
      : training_(training),
        network_(std::move(network)),
        counting_(training, counts, protection) {}

  /// What a site weighs is what the spec declares of it.
  Result<std::uint64_t> introduce(const ClientId& client, std::string_view introduction) override {
    GENESIS_ASSIGN(const auto rows, declared_rows(training_, client.str()));
    GENESIS_RETURN_IF_ERROR(counting_.introduce(client, introduction));
    return rows;
  }
  void leave(const ClientId& client) override { counting_.leave(client); }

  Result<method::Next> next(std::optional<method::Sum> sum) override;
  Status check(const rounds::Plain& answer, std::uint64_t /*rows*/) const override {
    return mixture::Counting::check(answer);
  }
  Result<std::string> model(const std::string& provenance) const override;
  wire::MethodState checkpoint() const override;
  Status restore(wire::MethodState state, RoundId closed) override;
  std::span<const method::TelemetryName> telemetry() const override { return {}; }

 private:
  [[nodiscard]] Status take_up(const method::Sum& sum);
  [[nodiscard]] Status count(mixture::Summed sum);
  /// The network of the encoding `text`, as the sites read it.
  [[nodiscard]] Status encode(std::string text);
  [[nodiscard]] Result<std::vector<TensorSpec>> specs(const Discretizer& discretizer) const;
  [[nodiscard]] method::Ask ask_for_updates() const;

  static constexpr const char* kSumsDocument = "sums";  // of the checkpoint

  spec::FederatedTraining training_;
  Network network_;
  mixture::Counting counting_;
  std::vector<mixture::Summed> sums_;  // that were counted so far
  aggregation::ServerStep step_ = aggregation::AddMean{};
  method::Document encoder_document_;  // from here on: once all is counted
  Tensors global_;
  RoundId closed_;
};

template <typename Network>
Result<method::Next> PrivateServer<Network>::next(std::optional<method::Sum> sum) {
  GENESIS_RETURN_IF_ERROR(counting_.agree());
  if (sum) {
    GENESIS_RETURN_IF_ERROR(take_up(*sum));
  }
  if (!counting_.is_done()) {
    return method::Next{counting_.ask()};
  }
  if (closed_.value >= static_cast<std::uint64_t>(training_.rounds.count)) {
    return method::Next{method::Done{}};
  }
  return method::Next{ask_for_updates()};
}

template <typename Network>
Status PrivateServer<Network>::take_up(const method::Sum& sum) {
  if (const auto* counts = std::get_if<rounds::Counts>(&sum)) {
    GENESIS_ASSIGN(auto summed, mixture::from_words(*counts));
    GENESIS_RETURN_IF_ERROR(count(std::move(summed)));
    if (!counting_.is_done()) {
      return {};
    }
    GENESIS_ASSIGN(const auto discretizer,
                   discretizer_of(counting_.bounded(), counting_.marginals(), network_.bins()));
    GENESIS_RETURN_IF_ERROR(encode(discretizer.text()));
    GENESIS_ASSIGN(global_, network_.initial(discretizer, training_.seed));
    return {};
  }
  aggregation::apply(step_, global_.values, std::get<std::vector<float>>(sum));
  ++closed_.value;
  return {};
}

template <typename Network>
Status PrivateServer<Network>::count(mixture::Summed sum) {
  auto kept = sum;
  GENESIS_RETURN_IF_ERROR(counting_.take_up(std::move(sum)));
  sums_.push_back(std::move(kept));
  return {};
}

template <typename Network>
Result<std::vector<TensorSpec>> PrivateServer<Network>::specs(
    const Discretizer& discretizer) const {
  GENESIS_ASSIGN(auto specs, network_.specs(discretizer));
  if (element_count(specs) > kMaxPrivateParameters) {
    return fail(Errc::kResourceExhausted,
                "model: " + std::to_string(element_count(specs)) +
                    " weights; with differential privacy at most " +
                    std::to_string(kMaxPrivateParameters) +
                    ", since each of them gets noise. Make the layers narrower, or declare columns "
                    "with many categories as identifiers");
  }
  return specs;
}

template <typename Network>
Status PrivateServer<Network>::encode(std::string text) {
  GENESIS_ASSIGN(const auto discretizer, Discretizer::parse(text));
  GENESIS_RETURN_IF_ERROR(specs(discretizer));
  encoder_document_ = method::make_document(std::string(method::kEncoderDocument), std::move(text));
  return {};
}

template <typename Network>
method::Ask PrivateServer<Network>::ask_for_updates() const {
  method::Ask ask;
  ask.request = {std::string(method::kUpdates), rounds::Roster::kDrawn, RoundId{closed_.value + 1}};
  ask.parameters = method::learning_rate_parameters(
      training_.local, closed_, static_cast<std::uint32_t>(training_.rounds.count));
  ask.documents = {
      mixture::json_document(mixture::kColumnsDocument, mixture::to_json(counting_.bounded())),
      encoder_document_,
      method::make_document(std::string(method::kParameters),
                            wire::encode_safetensors(global_, {}))};
  ask.combine = method::MeanOfTensors{global_.specs};
  return ask;
}

template <typename Network>
Result<std::string> PrivateServer<Network>::model(const std::string& provenance) const {
  GENESIS_CHECK(counting_.is_done(), "a model comes of rounds");
  wire::ModelFile file;
  file.generator = network_.released(global_);
  file.encoder_json = *encoder_document_.bytes;
  file.model_json = network_.document();
  file.provenance_json = provenance;
  return wire::encode_model(file);
}

template <typename Network>
wire::MethodState PrivateServer<Network>::checkpoint() const {
  wire::MethodState state{
      {{std::string(mixture::kSchemaDocument), dump_json(mixture::to_json(counting_.schema()))},
       {kSumsDocument, dump_json(mixture::to_json(sums_))}},
      {}};
  if (counting_.is_done()) {
    state.documents.emplace(std::string(method::kEncoderDocument), *encoder_document_.bytes);
    state.tensors = global_;
  }
  return state;
}

template <typename Network>
Status PrivateServer<Network>::restore(wire::MethodState state, RoundId closed) {
  const auto schema = state.documents.find(std::string(mixture::kSchemaDocument));
  const auto sums = state.documents.find(kSumsDocument);
  if (schema == state.documents.end() || sums == state.documents.end()) {
    return fail(Errc::kInvalidArgument, "checkpoint: lacks the schema or the sums");
  }
  GENESIS_ASSIGN(const auto columns, parse_json(schema->second));
  GENESIS_ASSIGN(auto agreed, mixture::schema_from_json(columns.root()));
  GENESIS_RETURN_IF_ERROR(counting_.agree(std::move(agreed)));
  GENESIS_ASSIGN(const auto json, parse_json(sums->second));
  GENESIS_ASSIGN(auto all, mixture::sums_from_json(json.root()));
  sums_.clear();
  for (auto& sum : all) {
    GENESIS_RETURN_IF_ERROR(count(std::move(sum)));
  }
  closed_ = closed;
  if (!counting_.is_done()) {
    return {};
  }
  const auto encoder = state.documents.find(std::string(method::kEncoderDocument));
  if (encoder == state.documents.end()) {
    return fail(Errc::kInvalidArgument, "checkpoint: lacks the encoder");
  }
  GENESIS_ASSIGN(const auto discretizer, Discretizer::parse(encoder->second));
  GENESIS_ASSIGN(const auto expected, specs(discretizer));
  GENESIS_RETURN_IF_ERROR(wire::check_matches(state.tensors, expected));
  GENESIS_RETURN_IF_ERROR(wire::check_finite(state.tensors));
  GENESIS_RETURN_IF_ERROR(encode(std::move(encoder->second)));
  global_ = std::move(state.tensors);
  return {};
}

/// Errors: kInvalidArgument names the field of the spec.
template <typename Network>
[[nodiscard]] Result<std::unique_ptr<method::ServerMethod>> make_private_server(
    const spec::FederatedTraining& training, Network network) {
  GENESIS_ASSIGN(const auto counts, mixture::settings_of(training));
  GENESIS_ASSIGN(const auto protection, protection_of(training));
  for (const auto& participant : training.participants) {
    GENESIS_RETURN_IF_ERROR(declared_rows(training, participant.name));
  }
  return std::make_unique<PrivateServer<Network>>(training, std::move(network), counts, protection);
}

}  // namespace genesis::autoregressive
