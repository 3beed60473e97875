#include "common/ctgan/server.hpp"

#include <utility>

#include "common/autoregressive/private_server.hpp"
#include "common/ctgan/codes.hpp"
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
  [[nodiscard]] std::string document() const { return model_document({config}); }
  [[nodiscard]] static std::span<const method::TelemetryName> telemetry() {
    return std::span(kTelemetry).first(kRoundTelemetry);
  }
};

// Under differential privacy.
struct PrivateNetwork {
  model::CtganConfig config;

  [[nodiscard]] static std::size_t bins() { return kPrivateBins; }
  [[nodiscard]] Result<std::vector<TensorSpec>> specs(
      const autoregressive::Discretizer& discretizer) const {
    return model::parameter_specs(config, layout_of(discretizer));
  }
  [[nodiscard]] Result<Tensors> initial(const autoregressive::Discretizer& discretizer,
                                        std::uint64_t seed) const {
    return model::initial_parameters(config, layout_of(discretizer), seed);
  }
  [[nodiscard]] static Tensors released(const Tensors& global) {
    return model::generator_of(global);
  }
  [[nodiscard]] std::string document() const { return model_document({config, Encoding::kCodes}); }
};

}  // namespace

Result<std::unique_ptr<method::ServerMethod>> make_server(const spec::FederatedTraining& training) {
  GENESIS_ASSIGN(auto config, settings_of(training.model));
  if (training.privacy.differential_privacy) {
    GENESIS_RETURN_IF_ERROR(model::check_private(config));
    return autoregressive::make_private_server(training, PrivateNetwork{std::move(config)});
  }
  return std::make_unique<method::RoundsServer<Network>>(training, Network{std::move(config)});
}

}  // namespace genesis::ctgan
