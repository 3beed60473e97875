#include "common/ctgan/server.hpp"

#include <utility>

#include "common/aggregation/server_step.hpp"
#include "common/base/check.hpp"
#include "common/ctgan/exchange.hpp"
#include "common/ctgan/settings.hpp"
#include "common/method/agreement.hpp"
#include "common/method/learning_rate.hpp"
#include "common/method/table_reading.hpp"
#include "common/model/parameters.hpp"
#include "common/wire/model_file.hpp"
#include "common/wire/safetensors.hpp"

namespace genesis::ctgan {
namespace {

class Server final : public method::ServerMethod {
 public:
  Server(const spec::FederatedTraining& training, model::CtganConfig config)
      : config_(std::move(config)),
        seed_(training.seed),
        local_(training.local),
        total_rounds_(static_cast<std::uint32_t>(training.rounds.count)),
        agreement_(
            method::declarations(training.table),
            method::electorate(training),
            [this](const tabular::Layout& layout) -> Status {
              GENESIS_RETURN_IF_ERROR(model::parameter_specs(config_, layout));
              return {};
            },
            method::grid_of(training)) {}

  Result<std::uint64_t> introduce(const ClientId& client, std::string_view introduction) override {
    return encoder_ ? method::introduce_late(client, introduction, *encoder_)
                    : agreement_.introduce(client, introduction);
  }
  void leave(const ClientId& client) override { agreement_.leave(client); }
  std::vector<method::Disqualified> take_disqualified() override {
    return agreement_.take_disqualified();
  }
  std::vector<std::string> notes() const override { return agreement_.notes(); }

  Result<method::Next> next(std::optional<method::Sum> sum) override;
  Status check(const rounds::Plain& answer, std::uint64_t rows) const override;
  rounds::Counts weighed(rounds::Counts counts,
                         std::uint64_t rows,
                         std::uint64_t weight) const override {
    return agreement_.weighed(counts, rows, weight);
  }
  Result<std::string> model(const std::string& provenance) const override;
  wire::MethodState checkpoint() const override;
  Status restore(wire::MethodState state, RoundId closed) override;
  std::span<const method::TelemetryName> telemetry() const override {
    return std::span(kTelemetry).first(kRoundTelemetry);
  }

 private:
  [[nodiscard]] Status take_up(const method::Sum& sum);
  [[nodiscard]] Status agree(const rounds::Counts& counts);
  [[nodiscard]] method::Ask ask_for_updates() const;

  model::CtganConfig config_;
  std::uint64_t seed_;
  spec::Local local_;
  std::uint32_t total_rounds_;
  aggregation::ServerStep step_ = aggregation::AddMean{};
  method::Agreement agreement_;
  std::optional<tabular::Encoder> encoder_;  // from here on: once it is agreed
  method::Document encoder_document_;
  Tensors global_;
  RoundId closed_;
};

Result<method::Next> Server::next(std::optional<method::Sum> sum) {
  if (sum) {
    GENESIS_RETURN_IF_ERROR(take_up(*sum));
  }
  if (!encoder_) {
    GENESIS_ASSIGN(auto ask, agreement_.ask());
    return method::Next{std::move(ask)};
  }
  if (closed_.value >= total_rounds_) {
    return method::Next{method::Done{}};
  }
  return method::Next{ask_for_updates()};
}

Status Server::take_up(const method::Sum& sum) {
  if (!encoder_) {
    return agree(std::get<rounds::Counts>(sum));
  }
  aggregation::apply(step_, global_.values, std::get<std::vector<float>>(sum));
  ++closed_.value;
  return {};
}

Status Server::agree(const rounds::Counts& counts) {
  GENESIS_ASSIGN(const auto fitted, agreement_.fit(counts));
  auto text = method::encoder_text(fitted);
  // As the sites will read it: what they would refuse ends here, with its reason.
  GENESIS_ASSIGN(auto encoder, method::parse_encoder(text));
  GENESIS_ASSIGN(global_, model::initial_parameters(config_, encoder.layout(), seed_));
  encoder_document_ = method::make_document(std::string(method::kEncoderDocument), std::move(text));
  encoder_ = std::move(encoder);
  return {};
}

method::Ask Server::ask_for_updates() const {
  method::Ask ask;
  ask.request = {std::string(kUpdates), rounds::Roster::kDrawn, RoundId{closed_.value + 1}};
  ask.parameters = method::learning_rate_parameters(local_, closed_, total_rounds_);
  ask.documents = {
      encoder_document_,
      method::make_document(std::string(kParameters), wire::encode_safetensors(global_, {}))};
  ask.combine = method::MeanOfTensors{global_.specs};
  return ask;
}

Status Server::check(const rounds::Plain& answer, std::uint64_t rows) const {
  const auto* counts = std::get_if<rounds::Counts>(&answer.values);
  return counts == nullptr ? Status() : agreement_.check(*counts, rows);
}

Result<std::string> Server::model(const std::string& provenance) const {
  GENESIS_CHECK(encoder_.has_value(), "a model comes of rounds");
  wire::ModelFile file;
  file.generator = model::generator_of(global_);
  file.encoder_json = *encoder_document_.bytes;
  file.model_json = model_document(config_);
  file.provenance_json = provenance;
  return wire::encode_model(file);
}

wire::MethodState Server::checkpoint() const {
  GENESIS_CHECK(encoder_.has_value(), "a checkpoint follows a sum");
  return {{{std::string(method::kEncoderDocument), *encoder_document_.bytes}}, global_};
}

Status Server::restore(wire::MethodState state, RoundId closed) {
  const auto found = state.documents.find(std::string(method::kEncoderDocument));
  if (found == state.documents.end()) {
    return fail(Errc::kInvalidArgument, "checkpoint: lacks the encoder");
  }
  GENESIS_ASSIGN(auto encoder, method::parse_encoder(found->second));
  GENESIS_ASSIGN(const auto specs, model::parameter_specs(config_, encoder.layout()));
  GENESIS_RETURN_IF_ERROR(wire::check_matches(state.tensors, specs));
  GENESIS_RETURN_IF_ERROR(wire::check_finite(state.tensors));
  encoder_document_ =
      method::make_document(std::string(method::kEncoderDocument), std::move(found->second));
  encoder_ = std::move(encoder);
  global_ = std::move(state.tensors);
  closed_ = closed;
  return {};
}

}  // namespace

Result<std::unique_ptr<method::ServerMethod>> make_server(const spec::FederatedTraining& training) {
  GENESIS_ASSIGN(auto config, settings_of(training.model));
  return std::make_unique<Server>(training, std::move(config));
}

}  // namespace genesis::ctgan
