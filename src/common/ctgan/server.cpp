#include "common/ctgan/server.hpp"

#include <utility>

#include "common/ctgan/exchange.hpp"
#include "common/ctgan/settings.hpp"
#include "common/method/rounds_server.hpp"
#include "common/model/parameters.hpp"

namespace genesis::ctgan {
namespace {

struct Network {
  using Encoding = tabular::Encoder;

  model::CtganConfig config;

  [[nodiscard]] Status check_fits(const tabular::Layout& layout) const {
    GENESIS_RETURN_IF_ERROR(model::parameter_specs(config, layout));
    return {};
  }
  [[nodiscard]] static Result<std::string> fit(const method::Agreed& agreed) {
    GENESIS_ASSIGN(const auto encoder, tabular::fit(agreed.plan, agreed.summary));
    return method::encoder_text(encoder);
  }
  [[nodiscard]] static Result<Encoding> parse(std::string_view text) {
    return method::parse_encoder(text);
  }
  [[nodiscard]] static const tabular::Encoder& encoder_of(const Encoding& encoding) {
    return encoding;
  }
  [[nodiscard]] Result<std::vector<TensorSpec>> specs(const Encoding& encoder) const {
    return model::parameter_specs(config, encoder.layout());
  }
  [[nodiscard]] Result<Tensors> initial(const Encoding& encoder, std::uint64_t seed) const {
    return model::initial_parameters(config, encoder.layout(), seed);
  }
  [[nodiscard]] static Tensors released(const Tensors& global) {
    return model::generator_of(global);
  }
  [[nodiscard]] std::string document() const { return model_document(config); }
  [[nodiscard]] static std::span<const method::TelemetryName> telemetry() {
    return std::span(kTelemetry).first(kRoundTelemetry);
  }
};

}  // namespace

Result<std::unique_ptr<method::ServerMethod>> make_server(const spec::FederatedTraining& training) {
  GENESIS_ASSIGN(auto config, settings_of(training.model));
  return std::make_unique<method::RoundsServer<Network>>(training, Network{std::move(config)});
}

}  // namespace genesis::ctgan
