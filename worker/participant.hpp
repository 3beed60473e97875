#pragma once
// One site's part of a training, without a network: its rows, its counts, its local training. The
// HTTP client and the simulation drive the same object. One thread at a time.
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/base/tensors.hpp"
#include "common/federation/round_files.hpp"
#include "common/model/ctgan.hpp"
#include "common/spec/federated_training.hpp"
#include "common/tabular/encoder.hpp"
#include "common/tabular/table.hpp"
#include "common/wire/checkpoint.hpp"
#include "common/wire/messages.hpp"

namespace genesis::worker {

class Participant {
 public:
  /// Reads the site's table as the spec declares it. `discrete_columns` adds to the spec's.
  /// `learning_rate_scale` is this site's factor on the rate that each round asks for.
  /// Errors name file, line and column.
  [[nodiscard]] static Result<Participant> create(ClientId client,
                                                  const std::filesystem::path& data,
                                                  const spec::FederatedTraining& training,
                                                  std::span<const std::string> discrete_columns,
                                                  double learning_rate_scale = 1.0);

  /// The same with rows that were read already.
  [[nodiscard]] static Participant of_table(ClientId client,
                                            const spec::FederatedTraining& training,
                                            tabular::Table table);

  [[nodiscard]] const ClientId& client() const { return client_; }
  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  [[nodiscard]] const tabular::Sketch& sketch() const { return sketch_; }
  [[nodiscard]] Result<tabular::Summary> summarize(const tabular::Plan& plan) const;

  /// Keeps optimizer and last update in `files`, so that a restart goes on where this site was;
  /// `on_saved` hears of each that is durable.
  using OnSaved = std::function<void(RoundId, const std::filesystem::path&)>;
  void keep_state(federation::RoundFiles files, OnSaved on_saved = {}) {
    files_ = std::move(files);
    on_saved_ = std::move(on_saved);
  }

  /// Told of every training step, from the training thread. Set it before prepare().
  void on_step(std::function<void(const model::StepReport&)> told) { on_step_ = std::move(told); }

  [[nodiscard]] bool is_prepared() const { return trainer_.has_value(); }
  /// Encodes the rows and lets go of the table.
  [[nodiscard]] Status prepare(const tabular::Encoder& encoder);

  /// Trains from the global parameters, which are asked for where they are needed: the same round
  /// again gives the same update without training twice. With kept state, the state is on disk
  /// before the update is given out.
  using GlobalParameters = std::function<Result<Tensors>()>;
  [[nodiscard]] Result<wire::Update> train(const std::string& run,
                                           const wire::Train& task,
                                           const GlobalParameters& ask_for_global);
  [[nodiscard]] Result<wire::Update> train(const std::string& run,
                                           const wire::Train& task,
                                           const Tensors& global);

 private:
  Participant(ClientId client,
              spec::FederatedTraining training,
              tabular::Table table,
              double learning_rate_scale);

  /// Makes trainer and last update what they were when `round` was to be trained.
  [[nodiscard]] Status go_back_to(const std::string& run, RoundId round);
  /// What is left of `delta` once it is quantized goes into the next one.
  [[nodiscard]] Result<Tensors> quantize(Tensors delta, RoundId round);
  void save();

  ClientId client_;
  spec::FederatedTraining training_;
  double learning_rate_scale_;
  tabular::Table table_;  // empty once prepared
  tabular::Sketch sketch_;
  std::uint64_t rows_ = 0;
  std::optional<model::Trainer> trainer_;
  std::optional<wire::Update> last_update_;
  Tensors residual_;  // what quantization has kept back of the updates so far; empty without it
  std::optional<federation::RoundFiles> files_;
  OnSaved on_saved_;
  std::function<void(const model::StepReport&)> on_step_;
};

}  // namespace genesis::worker
