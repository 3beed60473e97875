#pragma once
// The pump of one training, without a network: feeds events to rounds::step, carries its effects
// out on a method and a sum, and feeds what comes of them back. The HTTP service and the simulation
// drive the same object, so both end in the same bytes. One thread at a time; no LibTorch.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aggregator/protected_sum.hpp"
#include "aggregator/summation.hpp"
#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/method/server_method.hpp"
#include "common/rounds/step.hpp"
#include "common/spec/federated_training.hpp"
#include "common/wire/checkpoint.hpp"
#include "common/wire/messages.hpp"

namespace genesis::aggregator {

class Metrics;

/// What is told of a contribution that has been folded.
struct Folded {
  RoundId round;  // 0: of what precedes the rounds
  ClientId client;
  std::uint64_t rows = 0;
  rounds::Telemetry telemetry;
};

class Coordinator {
 public:
  /// Errors: kInvalidArgument where spec.model is no method's.
  [[nodiscard]] static Result<Coordinator> start(spec::FederatedTraining training,
                                                 std::string run,
                                                 Instant now);

  /// Goes on after the checkpoint's collection. Errors: kFailedPrecondition where it is of another
  /// spec, kInvalidArgument where its method state is not this model's.
  [[nodiscard]] static Result<Coordinator> resume(spec::FederatedTraining training,
                                                  wire::Checkpoint checkpoint,
                                                  Instant now);

  /// Called with the state after each collection that has closed, before anyone hears of the next.
  void on_checkpoint(std::function<void(const wire::Checkpoint&)> save) { save_ = std::move(save); }

  /// Called for each contribution that is folded: once, or again where its collection has started
  /// again without a client that was evicted.
  void on_folded(std::function<void(const Folded&)> observe) { observe_ = std::move(observe); }
  /// Tells `metrics`, which outlives this, of all that follows.
  void measure(Metrics& metrics, Instant now);

  /// After the start a client may still join: it takes part from the next round on.
  /// `is_holder_gone`: the process that takes part under this name is known to have ended. Errors:
  /// as rounds::why_not_join; kInvalidArgument for another protocol version, or where its table
  /// does not fit the others'; kConflict where it has joined with other data.
  [[nodiscard]] Result<wire::JoinReply> join(const wire::JoinRequest& request,
                                             const std::string& instance,
                                             bool is_holder_gone,
                                             Instant now);

  /// What it is to do now; asking shows that it is there. Errors: as rounds::why_not_speak.
  [[nodiscard]] Result<wire::Task> task(const rounds::Speaker& speaker, Instant now);

  /// A document of the open collection (kConflict for another one, kNotFound for an unknown name).
  [[nodiscard]] Result<method::Document> document(CollectionId collection,
                                                  std::string_view name) const;

  enum class Announced { kAwaited, kTaken };
  /// Whether a contribution would be folded, or has been, for who asks before its bytes travel.
  /// Errors: kConflict where it is not awaited, and as rounds::why_not_speak.
  /// `step` is of a message of a secure sum.
  [[nodiscard]] Result<Announced> announce(const rounds::Speaker& speaker,
                                           CollectionId collection,
                                           const std::optional<rounds::StageStep>& step,
                                           Instant now);

  /// Checks and folds one contribution; the same again is accepted and not folded twice. Errors:
  /// kConflict for a stale collection or foreign run, kInvalidArgument for its content.
  [[nodiscard]] Status contribute(const std::string& instance,
                                  rounds::Contribution contribution,
                                  Instant now);

  /// For a contribution that could not even be read: its sender's failures are counted, nothing is
  /// folded. Returns `error`, with the client.
  [[nodiscard]] Status refuse(const ClientId& client, const Error& error, Instant now);

  /// Goes on after the round of `checkpoint`, which is one of this run's earlier ones: what came
  /// after it is forgotten, the members stay. Errors: kFailedPrecondition where no later round is
  /// open or it is of another run, kInvalidArgument where its method state is not this model's.
  [[nodiscard]] Status roll_back(wire::Checkpoint checkpoint, Instant now);

  /// Its certificates are refused from now on: it takes part no more, and what it has sent to the
  /// open collection is not in its sum. Nothing where it takes no part.
  void evict(const ClientId& client, Instant now);

  void tick(Instant now);

  /// What takes long and is due, such as a fit: whoever drives this runs it, on any thread, and
  /// calls worked() afterwards; meanwhile all else goes on. Empty where nothing is due; each is
  /// given once.
  [[nodiscard]] std::function<void()> take_work() { return std::exchange(work_, nullptr); }
  void worked(Instant now);

  [[nodiscard]] const rounds::State& state() const { return state_; }
  [[nodiscard]] const rounds::Config& config() const { return config_; }
  [[nodiscard]] bool is_over() const { return state_.is_over(); }
  /// Changes whenever a client may have something new to do.
  [[nodiscard]] std::uint64_t version() const { return version_; }
  /// The released model's bytes once complete, else "".
  [[nodiscard]] const std::string& model() const { return model_; }
  [[nodiscard]] const std::string& run() const { return run_; }
  [[nodiscard]] const spec::FederatedTraining& training() const { return training_; }
  [[nodiscard]] std::span<const method::TelemetryName> telemetry() const {
    return method_->telemetry();
  }
  /// Rounds that the training will have.
  [[nodiscard]] std::uint32_t total_rounds() const {
    return method_->rounds().value_or(static_cast<std::uint32_t>(training_.rounds.count));
  }
  /// What the spec promises; nothing without differential privacy.
  [[nodiscard]] std::optional<wire::PrivacyReport> privacy() const;
  [[nodiscard]] wire::StatusReport status(Instant now) const;
  /// Largest body that a contribution to the open collection can be.
  [[nodiscard]] std::uint64_t max_contribution_bytes() const;

 private:
  /// What keeps one client from deciding a sum alone, fixed when the collection opens.
  struct Limits {
    std::uint64_t weight_cap = 0;  // of clients without participants[].maxRows
    double norm = 0.0;             // of updates; 0 before the first round
    std::vector<double> norms;     // of the updates folded so far, as they were folded
    std::size_t scaled = 0;        // of them
    std::set<ClientId> refused;    // whose contribution was refused for its content
    std::string dominance;         // whose share is more than it should be; "" for nobody's
    std::string divergence;        // of the last closed round; "" where all is well
  };

  struct Site {
    std::uint64_t rows = 0;
    std::string introduction_sha256;
    rounds::Telemetry telemetry;  // of its last contribution
    std::string refused = {};     // why it was disqualified with this introduction; "" otherwise
    std::uint64_t scaled_updates = 0;
    std::string ledger_head = {};       // of its privacy ledger, as its last contribution told it
    std::string signing_key = {};       // SubjectPublicKeyInfo, hex, of secure sums
    std::string paillier_modulus = {};  // hex; "": none, or taken up from a checkpoint
  };

  Coordinator(spec::FederatedTraining training,
              std::string run,
              std::unique_ptr<method::ServerMethod> method,
              Instant now);

  /// Carries `event` and all that follows from it through; the reply to whoever caused it.
  rounds::Reply apply(rounds::Event event, Instant now);
  /// Carries the effects out in order. The event that follows, if any: what an effect has come to,
  /// or that it failed; then the effects after it are void.
  [[nodiscard]] std::optional<rounds::Event> perform(const std::vector<rounds::Effect>& effects,
                                                     Instant now);
  [[nodiscard]] Result<std::optional<rounds::Event>> perform(const rounds::Effect& effect,
                                                             Instant now);
  [[nodiscard]] Result<std::optional<rounds::Event>> advance(Instant now);
  [[nodiscard]] std::optional<rounds::Event> follow(method::Next next, Instant now);
  [[nodiscard]] Status open();
  /// The open collection's sum, of nothing so far.
  [[nodiscard]] Status begin_sum();
  /// What the sites of the open collection's sum told of themselves.
  [[nodiscard]] std::map<ClientId, method::Told> told() const;
  [[nodiscard]] Status restart();
  [[nodiscard]] Status fold(const rounds::Contribution& contribution);
  /// Whether the spec asks for secure sums: then nothing of a single site is known.
  [[nodiscard]] bool is_protected() const {
    return training_.privacy.secure_aggregation.has_value();
  }
  [[nodiscard]] Status begin_attempt();
  /// Whether a site has the key that the others encrypt with.
  [[nodiscard]] Status check_paillier_key(const wire::JoinRequest& request) const;
  /// Disqualifies sites whose key is another one than most have, once there is such a majority.
  void settle_paillier_key(Instant now);
  /// The key of all sites of the open collection. Errors: kFailedPrecondition names two that
  /// differ.
  [[nodiscard]] Result<std::string> agreed_paillier_modulus() const;
  /// Checks a contribution to a secure sum, and takes it where it is a message.
  [[nodiscard]] Status take_protected(const rounds::Speaker& speaker,
                                      const rounds::Contribution& contribution,
                                      Instant now);
  [[nodiscard]] Result<method::Sum> open_protected();
  /// Says who is in the sum that has been opened.
  void tell_members(const std::vector<ClientId>& members);
  [[nodiscard]] Status finish();
  /// The state after `closed`, a round.
  [[nodiscard]] wire::Checkpoint checkpoint(RoundId closed) const;
  [[nodiscard]] std::optional<std::uint64_t> max_rows(const ClientId& client) const;
  /// How much a client with so many rows weighs in the open collection.
  [[nodiscard]] std::uint64_t weight_of(const ClientId& client) const;
  /// The limits of the collection that opens, from who is asked and what the last one was like.
  void fix_limits();
  /// What they come to for the next round, from the updates of the one that closes.
  void close_limits();
  /// Says who has more of the open collection's sum than it should.
  void watch_shares();
  /// The body that is folded, where the limits change it.
  [[nodiscard]] std::optional<rounds::Body> limit(const rounds::Contribution& contribution);

  spec::FederatedTraining training_;
  std::string run_;
  rounds::Config config_;
  rounds::State state_;
  std::unique_ptr<method::ServerMethod> method_;
  Instant started_;
  std::optional<Instant> rounds_started_;
  RoundId resumed_after_;  // rounds that another process closed
  std::uint64_t version_ = 1;

  std::map<ClientId, Site> sites_;
  method::Ask ask_;                            // of the open collection
  std::optional<Summation> sum_;               // of its contributions so far
  std::optional<ProtectedSum> protected_sum_;  // instead of it
  std::string paillier_modulus_;               // hex, of the sites' key; "": before the first sum
  std::function<void()> work_;                 // that is due, until somebody takes it
  Limits limits_;
  std::function<void(const wire::Checkpoint&)> save_;
  std::function<void(const Folded&)> observe_;
  Metrics* metrics_ = nullptr;
  std::string model_;
  std::string model_sha256_;
};

/// The rules' part of a spec.
[[nodiscard]] rounds::Config round_config(const spec::FederatedTraining& training);

}  // namespace genesis::aggregator
