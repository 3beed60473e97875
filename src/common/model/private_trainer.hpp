#pragma once
// A CTGAN's local training under differential privacy. The discriminator alone sees rows, by steps
// of DP-SGD; the generator learns from it, from public randomness and from frequencies that have
// noise already, so that it is post-processing of them. One object belongs to one thread.
#include <cstdint>
#include <memory>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/base/tensors.hpp"
#include "common/model/ctgan.hpp"
#include "common/privacy/noise_bits.hpp"
#include "common/privacy/private_steps.hpp"
#include "common/tabular/layout.hpp"

namespace genesis::model {

class PrivateTrainer {
 public:
  /// Steps of the discriminator for one of the generator: noise makes each of them worth less.
  static constexpr std::uint64_t kDiscriminatorSteps = 3;

  /// `table` may be without rows. Conditions are drawn by log(1 + share * rows), of the layout's
  /// frequencies and `rows`, both of which everybody may know; of `config`, epochs and clipping are
  /// not read. Errors: kInvalidArgument (pac is not 1; a table that does not fit).
  [[nodiscard]] static Result<PrivateTrainer> create(const TrainingConfig& config,
                                                     const tabular::Layout& layout,
                                                     tabular::EncodedTable table,
                                                     double rows);
  PrivateTrainer(PrivateTrainer&&) noexcept;
  PrivateTrainer& operator=(PrivateTrainer&&) noexcept;
  ~PrivateTrainer();

  /// Takes so many steps of the discriminator from `global`. In each, every row takes part by a
  /// coin of its own and is judged beside one of config.batch_size generated rows that it draws;
  /// what it brings is clipped, noise is added to the sum, and that is divided by
  /// config.batch_size, whatever number of rows took part. Coins, draws and noise are from `bits`,
  /// so that no two calls have the same. Nothing but the parameters, their norm and the time is
  /// told: no loss. Charge it to the ledger first. Errors: as Trainer::train.
  [[nodiscard]] Result<TrainResult> train_privately(const Tensors& global,
                                                    RoundId round,
                                                    double learning_rate,
                                                    const privacy::PrivateSteps& steps,
                                                    privacy::NoiseBits& bits);

  /// Whether these are parameters that it can train from. Errors: kInvalidArgument.
  [[nodiscard]] Status check(const Tensors& global) const;

  /// Adam's moments and step counts, to be kept on the site's own disk.
  [[nodiscard]] Tensors optimizer_state() const;
  [[nodiscard]] Status restore_optimizer_state(const Tensors& state);

 private:
  struct Impl;
  explicit PrivateTrainer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace genesis::model
