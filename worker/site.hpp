#pragma once
// One site's part of a training: the only place where a worker answers. Knows no network and no
// method: the HTTP client and the simulation drive the same object over their links. One thread at
// a time.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/base/tensors.hpp"
#include "common/federation/round_files.hpp"
#include "common/method/site_method.hpp"
#include "common/rounds/contribution.hpp"
#include "common/spec/federated_training.hpp"
#include "common/sums/sum_words.hpp"
#include "common/wire/checkpoint.hpp"
#include "common/wire/messages.hpp"
#include "worker/asked_plans.hpp"
#include "worker/link.hpp"
#include "worker/secure_sums.hpp"

namespace genesis::worker {

/// Told as the site works, on its thread. Any may be empty.
struct SiteObserver {
  std::function<void(const method::StepReport&)> on_step = {};
  std::function<void(RoundId)> on_begin = {};  // of an answer that is not at hand yet
  /// A contribution is made (`round` is 0 for what precedes the rounds), and not yet sent.
  std::function<void(RoundId, const rounds::Contribution&)> on_contribution = {};
  /// State that is on disk.
  std::function<void(RoundId, const std::filesystem::path&)> on_saved = {};
  std::stop_token stop = {};  // once asked, an answer that takes long ends with kUnavailable
};

class Site {
 public:
  /// `table` is what this site has read of its rows by the spec's declarations, and `policy` what
  /// may leave of it. `learning_rate_scale` is this site's factor on the rate that each round asks
  /// for. `account` is that of the rows, where the spec asks for differential privacy. Errors:
  /// kInvalidArgument where spec.model is no method's.
  [[nodiscard]] static Result<Site> create(
      ClientId client,
      spec::FederatedTraining training,
      tabular::Table table,
      tabular::SitePolicy policy = {},
      double learning_rate_scale = 1.0,
      SiteObserver observer = {},
      method::Audience audience = method::Audience::kAggregator,
      std::shared_ptr<privacy::Account> account = nullptr);

  [[nodiscard]] const ClientId& client() const { return client_; }
  [[nodiscard]] std::uint64_t rows() const { return method_->rows(); }
  [[nodiscard]] std::span<const method::TelemetryName> telemetry() const {
    return method_->telemetry();
  }
  /// What it joins a run with.
  [[nodiscard]] wire::JoinRequest join_request() const;
  /// Whether the ledger still contains the head that the server has of it; "": it has none.
  [[nodiscard]] Status check_ledger(const std::string& told_head) const;
  /// It has joined `run`: what it answers from here on is of that, and starts anew where it took
  /// part in another one before.
  void joined(std::string run);

  /// What secure sums need where the spec asks for them: the key by which the other sites know this
  /// one, the least that it insists on beside the spec, and the key of the sites where they
  /// encrypt. Errors: kInvalidArgument names the field of the spec.
  [[nodiscard]] Status protect(secure::Signer signer,
                               secure::SitePolicy least = {},
                               std::optional<secure::PaillierKey> key = std::nullopt);
  [[nodiscard]] bool is_protected() const { return words_.has_value(); }

  /// Keeps the method's state and the last answer in `files`, so that a restart goes on where this
  /// site was; beside them what it was asked before the rounds, so that it answers on no other plan
  /// afterwards. Errors: those of AskedPlans::load.
  [[nodiscard]] Status keep_state(federation::RoundFiles files);

  enum class Answered { kNothing, kContributed, kOvertaken, kRefused, kFinished };
  /// Does what the task says, over `link`. A collection that it has answered before gets the same
  /// contribution again; with kept state, that is on disk before it is sent. kOvertaken: the server
  /// has gone on meanwhile, the next task says what it wants. kRefused: of this round it has no
  /// update that the server takes (why_refused); it sends none of it any more, and goes on with the
  /// next. Errors: those of rows, documents and link; kFailedPrecondition where the training
  /// failed.
  [[nodiscard]] Result<Answered> answer(const wire::Task& task, Link& link);
  [[nodiscard]] const std::string& why_refused() const { return why_refused_; }

 private:
  class Fetcher;

  Site(ClientId client,
       spec::FederatedTraining training,
       std::unique_ptr<method::SiteMethod> method,
       std::shared_ptr<const SiteObserver> observer,
       std::shared_ptr<const privacy::Account> account)
      : client_(std::move(client)),
        training_(std::move(training)),
        observer_(std::move(observer)),
        method_(std::move(method)),
        account_(std::move(account)) {}

  [[nodiscard]] Result<Answered> contribute(const wire::Contribute& task, Link& link);
  /// The message that the task's stage of a secure sum asks for.
  [[nodiscard]] Result<rounds::Contribution> masked(const wire::Contribute& task,
                                                    rounds::Stage stage,
                                                    Fetcher& fetcher);
  [[nodiscard]] Result<secure::SumTask> sum_task(const wire::Contribute& task,
                                                 Fetcher& fetcher) const;
  [[nodiscard]] Result<std::string> begin_sum(const wire::Contribute& task, Fetcher& fetcher);
  [[nodiscard]] Result<Answered> send(const wire::Contribute& task,
                                      const Result<rounds::Contribution>& made,
                                      const Fetcher& fetcher,
                                      Link& link);
  /// The task's stage, which is one that the spec lets the server ask for. Errors:
  /// kPermissionDenied.
  [[nodiscard]] Result<rounds::Stage> stage_of(const wire::Contribute& task) const;
  /// `update` within the norm that the spec allows, with what earlier ones have left; what this one
  /// leaves is kept for the next.
  [[nodiscard]] Status fit_words(Tensors& update, const std::string& what);
  [[nodiscard]] Result<const rounds::Contribution*> contribution(const wire::Contribute& task,
                                                                 Fetcher& fetcher);
  /// Makes method and last contribution what they were when `collection` was to be answered.
  void go_back_to(CollectionId collection, RoundId round);
  /// The server asks again for a round that this site has answered under another collection: what
  /// came of it is forgotten.
  void roll_back_to(const wire::Contribute& task);
  [[nodiscard]] std::optional<wire::WorkerState> newest_state(CollectionId collection) const;
  /// Whether this site may answer the task: what precedes the rounds once, on one plan; each round
  /// once, and once more where the server has rolled back, within the rounds of the spec. Errors:
  /// kPermissionDenied says what the server may not ask.
  [[nodiscard]] Status may_answer(const wire::Contribute& task);
  [[nodiscard]] Answered give_up(const wire::Contribute& task, const Error& error);
  /// What is left of `tensors` once they are quantized goes into the next ones.
  [[nodiscard]] Result<Tensors> quantize(Tensors tensors, const std::string& what);
  void save(RoundId round);
  /// Nothing of the last secure sum is needed any more.
  void end_sums();

  ClientId client_;
  spec::FederatedTraining training_;
  std::shared_ptr<const SiteObserver> observer_;  // shared with the method's own callback
  std::unique_ptr<method::SiteMethod> method_;
  std::shared_ptr<const privacy::Account> account_;  // null without differential privacy
  std::string run_;
  std::optional<rounds::Contribution> last_;
  RoundId last_round_;                   // of that contribution
  std::optional<sums::SumWords> words_;  // of secure sums
  std::optional<SecureSums> sums_;       // where they are masked
  std::uint32_t given_up_attempt_ = 0;   // of the collection below
  CollectionId given_up_;  // the last for which there is no update that the server takes
  std::string why_refused_;
  AskedPlans asked_;
  std::uint32_t repeated_rounds_ = 0;
  Tensors residual_;  // what quantization, or the words of secure sums, have kept back so far;
                      // empty without it
  std::unique_ptr<federation::RoundFiles> files_;  // null: nothing is kept
};

}  // namespace genesis::worker
