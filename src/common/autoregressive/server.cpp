#include "common/autoregressive/server.hpp"

#include <utility>

#include "common/autoregressive/discretizer.hpp"
#include "common/autoregressive/exchange.hpp"
#include "common/autoregressive/parameters.hpp"
#include "common/autoregressive/private_server.hpp"
#include "common/autoregressive/settings.hpp"
#include "common/method/rounds_server.hpp"

namespace genesis::autoregressive {
namespace {

struct Network {
  using Encoding = Discretizer;

  Settings settings;
  bool has_holdout = false;  // sites keep rows out of training

  [[nodiscard]] Status check_fits(const tabular::Layout& layout) const {
    std::vector<std::string> names;
    for (const auto& column : layout.columns) {
      if (column.modes > 0) {
        names.push_back(column.name);
      }
    }
    GENESIS_RETURN_IF_ERROR(order_of(names, settings.target));
    const auto codes = most_codes(layout, static_cast<std::size_t>(settings.bins));
    GENESIS_RETURN_IF_ERROR(parameter_specs(shape_of(settings, codes)));
    return {};
  }
  [[nodiscard]] Result<std::string> fit(const method::Agreed& agreed) const {
    GENESIS_ASSIGN(
        const auto fitted,
        Discretizer::fit(agreed.plan, agreed.summary, static_cast<std::size_t>(settings.bins)));
    return fitted.text();
  }
  [[nodiscard]] static Result<Encoding> parse(std::string_view text) {
    return Discretizer::parse(text);
  }
  [[nodiscard]] static const tabular::Encoder& encoder_of(const Encoding& encoding) {
    return encoding.encoder();
  }
  [[nodiscard]] Result<std::vector<TensorSpec>> specs(const Encoding& encoding) const {
    return parameter_specs(shape_of(settings, encoding.codes()));
  }
  [[nodiscard]] Result<Tensors> initial(const Encoding& encoding, std::uint64_t seed) const {
    return initial_parameters(shape_of(settings, encoding.codes()), seed);
  }
  [[nodiscard]] static Tensors released(const Tensors& global) { return global; }
  [[nodiscard]] std::string document() const { return model_document(settings); }
  [[nodiscard]] std::span<const method::TelemetryName> telemetry() const {
    return round_telemetry(has_holdout);
  }
};

// Under differential privacy.
struct PrivateNetwork {
  Settings settings;

  [[nodiscard]] std::size_t bins() const { return static_cast<std::size_t>(settings.bins); }
  [[nodiscard]] Result<std::vector<TensorSpec>> specs(const Discretizer& discretizer) const {
    GENESIS_RETURN_IF_ERROR(order_of(discretizer.names(), settings.target));
    return parameter_specs(shape_of(settings, discretizer.codes()));
  }
  [[nodiscard]] Result<Tensors> initial(const Discretizer& discretizer, std::uint64_t seed) const {
    return initial_parameters(shape_of(settings, discretizer.codes()), seed);
  }
  [[nodiscard]] static Tensors released(const Tensors& global) { return global; }
  [[nodiscard]] std::string document() const { return model_document(settings); }
};

}  // namespace

Result<std::unique_ptr<method::ServerMethod>> make_server(const spec::FederatedTraining& training) {
  GENESIS_ASSIGN(auto settings, settings_of(training.model));
  if (training.privacy.differential_privacy) {
    return make_private_server(training, PrivateNetwork{std::move(settings)});
  }
  return std::make_unique<method::RoundsServer<Network>>(
      training, Network{std::move(settings), training.rounds.stop_condition.has_value()});
}

}  // namespace genesis::autoregressive
