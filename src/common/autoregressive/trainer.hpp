#pragma once
// Local training of one site by maximum likelihood. One object belongs to one thread.
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "common/autoregressive/discretizer.hpp"
#include "common/autoregressive/network.hpp"
#include "common/autoregressive/parameters.hpp"
#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/base/rng.hpp"
#include "common/base/tensors.hpp"
#include "common/model/optimizer.hpp"
#include "common/privacy/noise_bits.hpp"
#include "common/privacy/private_steps.hpp"

namespace genesis::autoregressive {

struct TrainingConfig {
  // Of each column and code, the logarithm of how much more often the code occurs at this site than
  // at all sites. It is added to the network's logits here, so that the network itself need not
  // learn what is this site's alone, and the mean over sites of different distributions fits all of
  // their rows (Menon et al. 2021; Zhang et al. 2022).
  std::vector<std::vector<float>> site_logits;
  std::vector<std::uint32_t> order;  // in which rows are drawn without conditions
  double ordered = 0.7;              // share of the batches in that order
  double holdout_share = 0.0;        // of the rows, which are kept out of training
  std::int64_t batch_size = 500;
  std::int64_t epochs = 1;  // per call of train()
  model::GradientRules rules = {};
  std::uint64_t seed = 0;
  std::string client = {};  // with seed and round names the random streams
  /// Called after each step with its seconds and whether it ends an epoch. Empty: nobody.
  std::function<void(double seconds, bool ends_epoch)> on_step = {};
  std::stop_token stop = {};  // once asked, train() ends before its next step
};

struct TrainResult {
  Tensors parameters;
  double loss = 0.0;                        // nats a row, mean over the steps
  std::optional<double> holdout_loss = {};  // of the global parameters, where there are such rows
  double update_norm = 0.0;
  std::uint64_t steps = 0;
  double seconds = 0.0;  // that all steps took
};

/// A site's trainer. Adam's moments live here between rounds.
class Trainer {
 public:
  /// Errors: kInvalidArgument (no rows; batch size or epochs that are none), and those of
  /// parameter_specs().
  [[nodiscard]] static Result<Trainer> create(TrainingConfig config,
                                              const Shape& shape,
                                              CodedTable table);
  /// The same for train_privately() alone, which takes a table without rows as well.
  [[nodiscard]] static Result<Trainer> create_private(TrainingConfig config,
                                                      const Shape& shape,
                                                      CodedTable table);

  /// Trains config.epochs from `global`; the result depends on (global, moments, round, seed,
  /// client) alone. Errors: kInvalidArgument when shapes differ or a value is not finite;
  /// kFailedPrecondition where the training diverges; kUnavailable once stopped, and the trainer is
  /// of no more use.
  [[nodiscard]] Result<TrainResult> train(const Tensors& global,
                                          RoundId round,
                                          double learning_rate);

  /// The same under differential privacy: each step samples rows, clips what each of them brings,
  /// adds noise to the sum and divides it by config.batch_size, whatever number of rows took part.
  /// Rows and noise are drawn from `bits`, so that no two calls have the same. Nothing but the
  /// parameters, their norm and the time is told: no loss. Charge it to the ledger first.
  [[nodiscard]] Result<TrainResult> train_privately(const Tensors& global,
                                                    RoundId round,
                                                    double learning_rate,
                                                    const privacy::PrivateSteps& steps,
                                                    privacy::NoiseBits& bits);

  /// Whether these are parameters that it can train from. Errors: kInvalidArgument.
  [[nodiscard]] Status check(const Tensors& global) const;

  /// Adam's moments and step count, to be kept on the site's own disk.
  [[nodiscard]] Tensors optimizer_state() const;
  [[nodiscard]] Status restore_optimizer_state(const Tensors& state);

 private:
  Trainer(TrainingConfig config,
          const Shape& shape,
          std::vector<TensorSpec> specs,
          CodedTable table);
  void forget_moments();
  /// Nats a row; nothing where no row is kept out of training.
  [[nodiscard]] std::optional<double> holdout_loss(const Tensors& parameters);
  /// Nothing once it is told to stop.
  [[nodiscard]] std::optional<TrainResult> run(const Tensors& global,
                                               RoundId round,
                                               double learning_rate);
  [[nodiscard]] std::optional<TrainResult> run_privately(const Tensors& global,
                                                         RoundId round,
                                                         double learning_rate,
                                                         const privacy::PrivateSteps& steps,
                                                         privacy::NoiseBits& bits);
  [[nodiscard]] static Result<Trainer> checked(TrainingConfig config,
                                               const Shape& shape,
                                               CodedTable table);
  [[nodiscard]] Result<TrainResult> judged(
      const Tensors& global,
      double learning_rate,
      const std::function<std::optional<TrainResult>()>& train);
  [[nodiscard]] std::vector<std::uint32_t> draw_order(Rng& rng) const;

  TrainingConfig config_;
  std::vector<TensorSpec> specs_;
  std::vector<model::Extent> extents_;
  CodedTable table_;
  std::vector<std::uint32_t> training_rows_;  // of the table
  std::vector<std::uint32_t> holdout_rows_;   // the others
  BatchLoss batch_loss_;
  model::Moments moments_;
  std::vector<float> gradient_;
};

}  // namespace genesis::autoregressive
