#pragma once
// The server's half of every method whose sites agree on an encoding of their tables and then train
// a network in rounds. A method adds what is its own as a Network, a copyable type with
//
//   using Encoding                              what the agreed document says, once it is read
//   Status check_fits(layout)                   a network of such an encoding, or a smaller one,
//   can
//                                               be made
//   Result<std::string> fit(agreed)             the document
//   Result<Encoding> parse(text)                as the sites read it
//   const tabular::Encoder& encoder_of(encoding)
//   Result<std::vector<TensorSpec>> specs(encoding)
//   Result<Tensors> initial(encoding, seed)     global parameters before the first round
//   Tensors released(global)                    those that the model file holds
//   std::string document()                      "model" of the model file
//   std::span<const TelemetryName> telemetry()
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/aggregation/server_step.hpp"
#include "common/base/check.hpp"
#include "common/method/agreement.hpp"
#include "common/method/learning_rate.hpp"
#include "common/method/rounds_exchange.hpp"
#include "common/method/server_method.hpp"
#include "common/method/stop_rule.hpp"
#include "common/method/table_reading.hpp"
#include "common/wire/model_file.hpp"
#include "common/wire/safetensors.hpp"

namespace genesis::method {

template <typename Network>
class RoundsServer final : public ServerMethod {
 public:
  RoundsServer(const spec::FederatedTraining& training, Network network)
      : network_(std::move(network)),
        seed_(training.seed),
        local_(training.local),
        total_rounds_(static_cast<std::uint32_t>(training.rounds.count)),
        agreement_(
            declarations(training.table),
            electorate(training),
            [this](const tabular::Layout& layout) { return network_.check_fits(layout); },
            grid_of(training)) {
    if (training.rounds.stop_condition) {
      stop_rule_.emplace(*training.rounds.stop_condition);
    }
  }

  Result<std::uint64_t> introduce(const ClientId& client, std::string_view introduction) override {
    return encoding_ ? introduce_late(client, introduction, network_.encoder_of(*encoding_))
                     : agreement_.introduce(client, introduction);
  }
  void leave(const ClientId& client) override { agreement_.leave(client); }
  std::vector<Disqualified> take_disqualified() override { return agreement_.take_disqualified(); }
  std::vector<std::string> notes() const override { return agreement_.notes(); }

  void hear(const std::map<ClientId, Told>& told) override {
    if (!stop_rule_ || !encoding_) {
      return;
    }
    std::map<ClientId, HoldoutLoss> losses;
    for (const auto& [id, site] : told) {
      if (const auto loss = site.telemetry.find(kHoldoutLoss); loss != site.telemetry.end()) {
        losses[id] = {loss->second, site.weight};
      }
    }
    stop_rule_->note(losses);
  }

  Result<Next> next(std::optional<Sum> sum) override {
    if (sum) {
      GENESIS_RETURN_IF_ERROR(take_up(*sum));
    }
    if (!encoding_) {
      GENESIS_ASSIGN(auto ask, agreement_.ask());
      return Next{std::move(ask)};
    }
    if (closed_.value >= total_rounds_) {
      return Next{Done{}};
    }
    if (stop_rule_ && stop_rule_->is_met()) {
      return Next{Done{stop_rule_->reason()}};
    }
    return Next{ask_for_updates()};
  }

  Status check(const rounds::Plain& answer, std::uint64_t rows) const override {
    const auto* counts = std::get_if<rounds::Counts>(&answer.values);
    return counts == nullptr ? Status() : agreement_.check(*counts, rows);
  }
  rounds::Counts weighed(rounds::Counts counts,
                         std::uint64_t rows,
                         std::uint64_t weight) const override {
    return agreement_.weighed(counts, rows, weight);
  }

  Result<std::string> model(const std::string& provenance) const override {
    GENESIS_CHECK(encoding_.has_value(), "a model comes of rounds");
    wire::ModelFile file;
    file.generator = network_.released(global_);
    file.encoder_json = *encoder_document_.bytes;
    file.model_json = network_.document();
    file.provenance_json = provenance;
    return wire::encode_model(file);
  }

  wire::MethodState checkpoint() const override {
    GENESIS_CHECK(encoding_.has_value(), "a checkpoint follows a sum");
    wire::MethodState state{{{std::string(kEncoderDocument), *encoder_document_.bytes}}, global_};
    if (stop_rule_) {
      state.documents[kStopDocument] = stop_rule_->state();
    }
    return state;
  }
  Status restore(wire::MethodState state, RoundId closed) override {
    const auto found = state.documents.find(std::string(kEncoderDocument));
    if (found == state.documents.end()) {
      return fail(Errc::kInvalidArgument, "checkpoint: lacks the encoder");
    }
    if (stop_rule_) {
      const auto kept = state.documents.find(kStopDocument);
      if (kept == state.documents.end()) {
        return fail(Errc::kInvalidArgument, "checkpoint: lacks the state of the stop condition");
      }
      GENESIS_RETURN_IF_ERROR(stop_rule_->restore(kept->second));
    }
    GENESIS_ASSIGN(auto encoding, network_.parse(found->second));
    GENESIS_ASSIGN(const auto specs, network_.specs(encoding));
    GENESIS_RETURN_IF_ERROR(wire::check_matches(state.tensors, specs));
    GENESIS_RETURN_IF_ERROR(wire::check_finite(state.tensors));
    encoder_document_ = make_document(std::string(kEncoderDocument), std::move(found->second));
    encoding_ = std::move(encoding);
    global_ = std::move(state.tensors);
    closed_ = closed;
    return {};
  }

  std::span<const TelemetryName> telemetry() const override { return network_.telemetry(); }

 private:
  static constexpr const char* kStopDocument = "stop-condition";

  [[nodiscard]] Status take_up(const Sum& sum) {
    if (!encoding_) {
      return agree(std::get<rounds::Counts>(sum));
    }
    aggregation::apply(step_, global_.values, std::get<std::vector<float>>(sum));
    ++closed_.value;
    return {};
  }

  [[nodiscard]] Status agree(const rounds::Counts& counts) {
    GENESIS_ASSIGN(const auto agreed, agreement_.agreed(counts));
    GENESIS_ASSIGN(auto text, network_.fit(agreed));
    // As the sites will read it: what they would refuse ends here, with its reason.
    GENESIS_ASSIGN(auto encoding, network_.parse(text));
    GENESIS_ASSIGN(global_, network_.initial(encoding, seed_));
    encoder_document_ = make_document(std::string(kEncoderDocument), std::move(text));
    encoding_ = std::move(encoding);
    return {};
  }

  [[nodiscard]] Ask ask_for_updates() const {
    Ask ask;
    ask.request = {std::string(kUpdates), rounds::Roster::kDrawn, RoundId{closed_.value + 1}};
    ask.parameters = learning_rate_parameters(local_, closed_, total_rounds_);
    ask.documents = {
        encoder_document_,
        make_document(std::string(kParameters), wire::encode_safetensors(global_, {}))};
    ask.combine = MeanOfTensors{global_.specs};
    return ask;
  }

  Network network_;
  std::uint64_t seed_;
  spec::Local local_;
  std::uint32_t total_rounds_;
  aggregation::ServerStep step_ = aggregation::AddMean{};
  std::optional<StopRule> stop_rule_;
  Agreement agreement_;
  std::optional<typename Network::Encoding> encoding_;  // from here on: once it is agreed
  Document encoder_document_;
  Tensors global_;
  RoundId closed_;
};

}  // namespace genesis::method
