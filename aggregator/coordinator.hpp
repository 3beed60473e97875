#pragma once
// One training, without a network: carries out the effects of rounds::step on real encoders, folds
// and weights. The HTTP service and the simulation drive the same object, so both end in the same
// bytes. One thread at a time; no LibTorch.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/aggregation/strategy.hpp"
#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/base/tensors.hpp"
#include "common/rounds/step.hpp"
#include "common/spec/federated_training.hpp"
#include "common/tabular/encoder.hpp"
#include "common/wire/checkpoint.hpp"
#include "common/wire/messages.hpp"

namespace genesis::aggregator {

class Metrics;

class Coordinator {
 public:
  Coordinator(spec::FederatedTraining training, std::string run, Instant now);

  /// Goes on after the checkpoint's round. Errors: kFailedPrecondition where it is of another spec,
  /// kInvalidArgument where its parameters are not this model's.
  [[nodiscard]] static Result<Coordinator> resume(spec::FederatedTraining training,
                                                  wire::Checkpoint checkpoint,
                                                  Instant now);

  /// Called with the state after each closed round (and once the encoder is agreed), before anyone
  /// hears of the next one.
  void on_checkpoint(std::function<void(const wire::Checkpoint&)> save) { save_ = std::move(save); }

  /// Called with what comes with each update that is folded, once each.
  void on_update(std::function<void(const wire::UpdateMetadata&)> observe) {
    observe_ = std::move(observe);
  }
  /// Tells `metrics`, which outlives this, of all that follows.
  void measure(Metrics& metrics, Instant now);

  /// After the start a client may still join: it takes part from the next round on. Errors:
  /// kPermissionDenied for a client that is not a participant, kInvalidArgument where its columns
  /// differ from the others' or a cell is outside the agreed encoding, kUnavailable while that is
  /// being agreed, kFailedPrecondition where all places are taken or the training is over.
  [[nodiscard]] Result<wire::JoinReply> join(const wire::JoinRequest& request, Instant now);

  /// What `client` is to do now; asking shows that it is there. Errors: kFailedPrecondition where
  /// it has not joined.
  [[nodiscard]] Result<wire::Task> task(const ClientId& client, Instant now);

  [[nodiscard]] Status add_summary(const wire::SummaryUpload& upload, Instant now);

  /// The encoder document, once there is one (kFailedPrecondition before).
  [[nodiscard]] Result<std::shared_ptr<const std::string>> encoder() const;

  /// The global parameters of `round` as safetensors (kConflict for another round).
  [[nodiscard]] Result<std::shared_ptr<const std::string>> parameters(RoundId round) const;

  /// Of the parameters of the open round.
  [[nodiscard]] const std::string& parameters_sha256() const { return global_sha256_; }

  enum class Announced { kAwaited, kTaken };
  /// Whether an update of `round` by `client` would be folded, or has been, for who asks before its
  /// bytes travel; asking shows that the client is there. Errors: kConflict for a round that it is
  /// not awaited in, kFailedPrecondition where it has not joined.
  [[nodiscard]] Result<Announced> announce_update(const ClientId& client,
                                                  RoundId round,
                                                  Instant now);

  /// Checks and folds one update; the same update again is accepted and not folded twice.
  /// Errors: kConflict for a stale round or foreign run, kInvalidArgument for shapes or values.
  [[nodiscard]] Status add_update(const wire::Update& update, Instant now);

  /// For an update that could not even be read: its sender's failures are counted, nothing is
  /// folded. Returns `error`, with the client.
  [[nodiscard]] Status refuse_update(const ClientId& client, const Error& error, Instant now);

  void tick(Instant now);

  [[nodiscard]] const rounds::State& state() const { return state_; }
  [[nodiscard]] bool is_over() const;
  /// Changes whenever a client may have something new to do.
  [[nodiscard]] std::uint64_t version() const { return version_; }
  /// The released model's bytes once complete, else "".
  [[nodiscard]] const std::string& model() const { return model_; }
  [[nodiscard]] const std::string& run() const { return run_; }
  [[nodiscard]] const spec::FederatedTraining& training() const { return training_; }
  [[nodiscard]] wire::StatusReport status(Instant now) const;
  /// Largest body that an update of this training can be.
  [[nodiscard]] std::uint64_t max_update_bytes() const;

 private:
  struct Site {
    std::uint64_t rows = 0;
    std::string sketch_sha256;
    std::optional<tabular::Sketch> sketch;  // until the encoder is agreed
    std::optional<tabular::Summary> summary;
    std::optional<wire::UpdateMetadata> last_update;
  };

  void apply(const rounds::Event& event, Instant now);
  void perform(const rounds::Effect& effect, Instant now);
  [[nodiscard]] std::vector<tabular::NamedSketch> named_sketches() const;
  /// Whether the table of a client that is no member fits the others'.
  [[nodiscard]] Status check_table(const wire::JoinRequest& request) const;
  void plan_summaries();
  void fit_encoder();
  void open_round();
  void close_round(RoundId closed);
  void checkpoint(RoundId closed) const;
  void finish();
  void fail_training(const std::string& reason);
  [[nodiscard]] double learning_rate() const;

  spec::FederatedTraining training_;
  std::string run_;
  rounds::Config config_;
  rounds::State state_;
  Instant started_;
  std::optional<Instant> rounds_started_;
  RoundId resumed_after_;  // rounds that another process closed
  std::uint64_t version_ = 1;

  std::map<ClientId, Site> sites_;
  tabular::Plan plan_;
  std::shared_ptr<const std::string> encoder_json_;
  Tensors global_;
  std::shared_ptr<const std::string> global_bytes_;
  std::string global_sha256_;
  std::unique_ptr<aggregation::Fold> fold_;
  const wire::Update* pending_update_ = nullptr;          // the one that add_update is about
  const wire::SummaryUpload* pending_summary_ = nullptr;  // likewise
  std::optional<Error> refusal_;                          // what the event in hand met
  std::function<void(const wire::Checkpoint&)> save_;
  std::function<void(const wire::UpdateMetadata&)> observe_;
  Metrics* metrics_ = nullptr;
  std::string model_;
  std::string model_sha256_;
};

/// The rules' part of a spec.
[[nodiscard]] rounds::Config round_config(const spec::FederatedTraining& training);

}  // namespace genesis::aggregator
