#pragma once
// The site's half, under differential privacy, of every method whose sites train a network on
// codes: its columns' counts with noise, then steps of DP-SGD, all charged to the ledger of its
// rows before anything is drawn. A method adds what is its own as a Network, a copyable type with
//
//   using Trainer                  train_privately(global, round, learning_rate, steps, bits),
//                                  check(global), optimizer_state() and restore_optimizer_state()
//   Result<std::vector<TensorSpec>> specs(discretizer)
//   Result<Trainer> trainer(setup, discretizer, rows as codes)
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/autoregressive/discretizer.hpp"
#include "common/autoregressive/private_encoding.hpp"
#include "common/autoregressive/private_plan.hpp"
#include "common/base/json.hpp"
#include "common/crypto/digest.hpp"
#include "common/method/agreement.hpp"
#include "common/method/learning_rate.hpp"
#include "common/method/rounds_exchange.hpp"
#include "common/method/site_method.hpp"
#include "common/mixture/exchange.hpp"
#include "common/mixture/ledger_noise.hpp"
#include "common/mixture/privacy_plan.hpp"
#include "common/mixture/settings.hpp"
#include "common/mixture/site.hpp"
#include "common/privacy/account.hpp"
#include "common/privacy/noise_bits.hpp"
#include "common/privacy/private_steps.hpp"
#include "common/wire/safetensors.hpp"

namespace genesis::autoregressive {

// The site's metrics show what its update shows: losses and times of steps are of its rows alone.
inline constexpr std::array kPrivateTelemetry{
    method::TelemetryName{"update_norm", "Euclidean norm of the last update."},
};

template <typename Network>
class PrivateSite final : public method::SiteMethod {
 public:
  PrivateSite(method::SiteSetup setup,
              Network network,
              SiteTraining training,
              std::unique_ptr<method::SiteMethod> counts)
      : setup_(std::move(setup)),
        network_(std::move(network)),
        training_(training),
        counts_(std::move(counts)) {}

  const std::string& introduction() const override { return counts_->introduction(); }
  std::uint64_t rows() const override { return 0; }  // not told

  Result<method::Answer> answer(const method::Assignment& assignment,
                                method::Documents& documents) override {
    if (assignment.purpose == mixture::kFine || assignment.purpose == mixture::kZoom) {
      return counts_->answer(assignment, documents);
    }
    if (assignment.purpose == method::kUpdates) {
      return update(assignment, documents);
    }
    return fail(Errc::kInvalidArgument,
                "asked for \"" + assignment.purpose + "\", which this version does not answer");
  }

  Tensors state() const override { return trainer_ ? trainer_->optimizer_state() : restored_; }
  void restore(Tensors state) override {
    if (state.values.empty() && trainer_) {  // as it was at the start: moments of 0
      state = trainer_->optimizer_state();
      std::ranges::fill(state.values, 0.0F);
    }
    restored_ = std::move(state);
  }
  std::span<const method::TelemetryName> telemetry() const override { return kPrivateTelemetry; }

 private:
  /// Codes the rows and lets go of the table.
  [[nodiscard]] Status prepare(method::Documents& documents);
  [[nodiscard]] Result<method::Answer> update(const method::Assignment& assignment,
                                              method::Documents& documents);
  /// The update and the moments after it, in one file: what an answer leaves behind goes on where a
  /// crash comes between the two.
  [[nodiscard]] Result<std::string> train(const method::Assignment& assignment,
                                          const Tensors& global,
                                          const privacy::Cost& cost);

  method::SiteSetup setup_;  // its table is empty once there is a trainer
  Network network_;
  SiteTraining training_;
  std::unique_ptr<method::SiteMethod> counts_;
  std::optional<typename Network::Trainer> trainer_;
  std::string encoding_sha256_;  // of what the trainer's rows were coded with
  Tensors restored_;             // Adam's moments, until the trainer takes them; empty: none
};

template <typename Network>
Status PrivateSite<Network>::prepare(method::Documents& documents) {
  GENESIS_ASSIGN(const auto columns_text, documents.fetch(mixture::kColumnsDocument));
  GENESIS_ASSIGN(const auto encoder_text, documents.fetch(method::kEncoderDocument));
  GENESIS_ASSIGN(const auto columns, parse_json(columns_text));
  GENESIS_ASSIGN(const auto schema, mixture::schema_from_json(columns.root()));
  GENESIS_ASSIGN(const auto discretizer, Discretizer::parse(encoder_text));
  GENESIS_ASSIGN(const auto specs, network_.specs(discretizer));
  if (element_count(specs) > kMaxPrivateParameters) {
    return fail(Errc::kResourceExhausted,
                "the server's encoding makes a network of more weights than this site trains with "
                "differential privacy");
  }
  GENESIS_ASSIGN(auto coded, code_rows(setup_.table, schema, discretizer));
  GENESIS_ASSIGN(auto trainer, network_.trainer(setup_, discretizer, std::move(coded)));
  setup_.table = {};
  trainer_.emplace(std::move(trainer));
  encoding_sha256_ = crypto::sha256_hex(columns_text) + " " + crypto::sha256_hex(encoder_text);
  return {};
}

template <typename Network>
Result<std::string> PrivateSite<Network>::train(const method::Assignment& assignment,
                                                const Tensors& global,
                                                const privacy::Cost& cost) {
  GENESIS_ASSIGN(const double learning_rate, method::learning_rate_of(assignment, setup_));
  privacy::NoiseBits bits;
  const privacy::PrivateSteps steps{
      .steps = cost.tables,
      .sampling = cost.sampling,
      .max_grad_norm = setup_.training.privacy.differential_privacy->max_grad_norm,
      .multiplier = std::sqrt(cost.variance.value())};
  GENESIS_ASSIGN(auto trained,
                 trainer_->train_privately(global, assignment.round, learning_rate, steps, bits));
  Tensors kept = std::move(trained.parameters);
  for (std::size_t i = 0; i < kept.values.size(); ++i) {
    kept.values[i] -= global.values[i];
  }
  const auto moments = trainer_->optimizer_state();
  kept.specs.insert(kept.specs.end(), moments.specs.begin(), moments.specs.end());
  kept.values.insert(kept.values.end(), moments.values.begin(), moments.values.end());
  return wire::encode_safetensors(kept, {});
}

template <typename Network>
Result<method::Answer> PrivateSite<Network>::update(const method::Assignment& assignment,
                                                    method::Documents& documents) {
  if (!trainer_) {
    GENESIS_RETURN_IF_ERROR(prepare(documents));
  }
  if (!restored_.values.empty()) {
    GENESIS_RETURN_IF_ERROR(trainer_->restore_optimizer_state(restored_));
    restored_ = {};
  }
  GENESIS_ASSIGN(const std::string bytes, documents.fetch(method::kParameters));
  GENESIS_ASSIGN(const auto global, wire::decode_safetensors(bytes));
  // What could be refused is refused before it is charged.
  GENESIS_RETURN_IF_ERROR(method::learning_rate_of(assignment, setup_));
  GENESIS_RETURN_IF_ERROR(trainer_->check(global.tensors));
  const privacy::Request request{
      .run = assignment.run,
      .collection = static_cast<std::uint32_t>(assignment.collection.value),
      .query_sha256 =
          crypto::sha256_hex(std::string(method::kUpdates) + "\n" + assignment.parameters + "\n" +
                             encoding_sha256_ + "\n" + crypto::sha256_hex(bytes)),
      .tables = training_.round.tables,
      .variance = training_.round.variance.value()};
  GENESIS_ASSIGN(
      const auto kept,
      setup_.account->release_training(request, training_.round, [&](const privacy::Cost& cost) {
        return train(assignment, global.tensors, cost);
      }));
  GENESIS_ASSIGN(auto all, wire::decode_safetensors(kept));
  const auto weights = global.tensors.values.size();
  const auto tensors = global.tensors.specs.size();
  auto expected = global.tensors.specs;
  const auto moments = trainer_->optimizer_state();
  expected.insert(expected.end(), moments.specs.begin(), moments.specs.end());
  GENESIS_RETURN_IF_ERROR(wire::check_matches(all.tensors, expected));
  const auto middle = static_cast<std::ptrdiff_t>(weights);
  Tensors after{
      {all.tensors.specs.begin() + static_cast<std::ptrdiff_t>(tensors), all.tensors.specs.end()},
      {all.tensors.values.begin() + middle, all.tensors.values.end()}};
  GENESIS_RETURN_IF_ERROR(trainer_->restore_optimizer_state(after));
  Tensors update{global.tensors.specs,
                 {all.tensors.values.begin(), all.tensors.values.begin() + middle}};
  double squares = 0.0;
  for (const float value : update.values) {
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  rounds::Telemetry telemetry{{method::kUpdateNorm, std::sqrt(squares)},
                              {method::kSteps, static_cast<double>(training_.round.tables)}};
  return method::Answer{std::move(update), std::move(telemetry)};
}

/// `setup.account` is not null, and its table is one of texts. Errors: kInvalidArgument names the
/// field of the spec or the column; those of the ledger.
template <typename Network>
[[nodiscard]] Result<std::unique_ptr<method::SiteMethod>> make_private_site(method::SiteSetup setup,
                                                                            Network network) {
  if (setup.account == nullptr) {
    return fail(Errc::kFailedPrecondition,
                "privacy.differentialPrivacy: this site has no privacy ledger, so that nothing may "
                "leave it; name a folder for it");
  }
  GENESIS_ASSIGN(const auto training, site_training(setup.training, setup.client.str()));
  GENESIS_ASSIGN(const auto counted, mixture::settings_of(setup.training));
  auto noise =
      mixture::ledger_noise(setup.account,
                            training.counts.noisy_sites,
                            mixture::names_delta(counted, setup.account->terms().guarantee));
  GENESIS_ASSIGN(
      auto counts,
      mixture::make_site(setup, mixture::SiteProtection{training.counts, std::move(noise)}));
  return std::make_unique<PrivateSite<Network>>(
      std::move(setup), std::move(network), training, std::move(counts));
}

}  // namespace genesis::autoregressive
