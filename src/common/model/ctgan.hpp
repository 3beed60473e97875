#pragma once
// CTGAN's local training and sampling (Xu et al. 2019, arXiv 1907.00503). The only library that
// includes LibTorch, and not in its headers. One object belongs to one thread.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/base/rng.hpp"
#include "common/base/tensors.hpp"
#include "common/model/parameters.hpp"
#include "common/tabular/layout.hpp"

namespace genesis::model {

/// What a trainer tells while it trains.
struct StepReport {
  double seconds = 0.0;  // this step's
  bool ends_epoch = false;
};

struct TrainingConfig {
  CtganConfig ctgan;
  std::int64_t batch_size = 500;
  std::int64_t epochs = 1;   // per call of train()
  double proximal_mu = 0.0;  // FedProx: (mu/2) ||w - w_global||^2
  // Clips each step's gradient (the proximal term included, before Adam; generator and
  // discriminator apart) to this norm, or with clip_per_layer each of its tensors.
  std::optional<double> max_grad_norm;
  bool clip_per_layer = false;
  std::uint64_t seed = 0;
  std::string client;  // with seed and round names the random streams
  /// Called after each step, on the training thread; a step takes some 18 ms. Empty: nobody.
  std::function<void(const StepReport&)> on_step;
};

struct TrainMetrics {
  // Means over the call's steps: -mean D(fake) + cross entropy of the conditions, and
  // mean D(fake) - mean D(real) + gradient penalty.
  double generator_loss = 0.0;
  double discriminator_loss = 0.0;
  double update_norm = 0.0;  // L2 norm of (trained - global), running statistics included
  std::uint64_t steps = 0;
  double step_seconds = 0.0;  // mean
};

struct TrainResult {
  Tensors parameters;
  TrainMetrics metrics;
};

/// A site's trainer. Adam's moments live here between rounds (DESIGN: each client keeps its own).
class Trainer {
 public:
  /// Errors: kInvalidArgument (pac does not divide batch_size, empty table).
  [[nodiscard]] static Result<Trainer> create(const TrainingConfig& config,
                                              const tabular::Layout& layout,
                                              tabular::EncodedTable table);
  Trainer(Trainer&&) noexcept;
  Trainer& operator=(Trainer&&) noexcept;
  ~Trainer();

  /// Trains config.epochs from `global`; the result depends on (global, moments, round, seed,
  /// client) alone. learning_rate is that of this round (the schedule is the caller's). Errors:
  /// kInvalidArgument when shapes differ or a value is not finite.
  [[nodiscard]] Result<TrainResult> train(const Tensors& global,
                                          RoundId round,
                                          double learning_rate);

  /// Adam's moments and step counts, to be kept on the site's own disk.
  [[nodiscard]] Tensors optimizer_state() const;
  [[nodiscard]] Status restore_optimizer_state(const Tensors& state);

 private:
  struct Impl;
  explicit Trainer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The modes that a column may have, for conditional sampling.
struct Allowed {
  std::size_t column = 0;
  std::vector<std::uint8_t> modes;  // by mode: 0 or 1
};

/// Draws encoded rows from a trained generator in eval mode (running batch-norm statistics).
class Sampler {
 public:
  /// `generator` holds the generator.* tensors (others are ignored).
  [[nodiscard]] static Result<Sampler> create(const CtganConfig& config,
                                              const tabular::Layout& layout,
                                              const Tensors& generator);
  Sampler(Sampler&&) noexcept;
  Sampler& operator=(Sampler&&) noexcept;
  ~Sampler();

  /// Rows [block * kBlockRows, ...) of the endless sample named by `seed`: rows do not depend on
  /// how the output is split. `rows` <= kBlockRows.
  static constexpr std::size_t kBlockRows = 4096;
  [[nodiscard]] tabular::EncodedTable sample_block(std::uint64_t seed,
                                                   std::uint64_t block,
                                                   std::size_t rows) const;

  /// Draws kCandidates rows, the candidates of one `attempt`, and gives those in which every column
  /// of `allowed` has an allowed mode; perhaps none. Of the columns that the model can be asked
  /// for, the one whose allowed modes are rarest in the table is the condition, in proportion to
  /// their frequencies; the others are met by rejection.
  static constexpr std::size_t kCandidates = 256;
  [[nodiscard]] tabular::EncodedTable sample_allowed(std::uint64_t seed,
                                                     std::uint64_t attempt,
                                                     std::span<const Allowed> allowed) const;

 private:
  struct Impl;
  explicit Sampler(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace genesis::model
