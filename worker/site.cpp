#include "worker/site.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "common/aggregation/direction.hpp"
#include "common/aggregation/norm_bound.hpp"
#include "common/base/overloaded.hpp"
#include "common/crypto/digest.hpp"
#include "common/federation/spec_views.hpp"
#include "common/methods/lookup.hpp"
#include "common/methods/site_methods.hpp"
#include "common/privacy/account.hpp"
#include "common/sums/task.hpp"
#include "common/wire/quantization.hpp"
#include "common/wire/safetensors.hpp"
#include "worker/budget.hpp"

namespace genesis::worker {
namespace {

// The server has started anew, or has gone on: what it wants now, the next task says.
bool is_overtaken(const Error& error) {
  return error.code == Errc::kConflict || error.code == Errc::kFailedPrecondition;
}

// The server has looked at the update and does not take it: neither will it the next time.
bool is_refusal(const Error& error) {
  return error.code == Errc::kInvalidArgument || error.code == Errc::kResourceExhausted;
}

// Where what the server or another site has sent of a secure sum is not as it has to be, this
// attempt has to do without this site; where it asks for what this site does not allow, all do.
template <typename T>
Result<T> or_give_up(Result<T> of_sum) {
  const bool is_about_messages =
      !of_sum &&
      (of_sum.error().code == Errc::kConflict || of_sum.error().code == Errc::kUnauthenticated ||
       of_sum.error().code == Errc::kInvalidArgument || of_sum.error().code == Errc::kDataLoss);
  return is_about_messages
             ? Result<T>(fail(Errc::kFailedPrecondition, std::move(of_sum).error().message))
             : std::move(of_sum);
}

// Keys and shares of a sum that is over.
void note_left_behind(const Status& wiped) {
  if (!wiped) {
    spdlog::warn("what is no longer needed of a secure sum is still on disk: {}",
                 wiped.error().message);
  }
}

}  // namespace

// Fetches the documents of one task, checks them against the digests that it names, and remembers
// whether one could not be had.
class Site::Fetcher final : public method::Documents {
 public:
  Fetcher(const wire::Contribute& task, Link& link) : task_(task), link_(link) {}

  Result<std::string> fetch(std::string_view name) override {
    const auto named = std::ranges::find(task_.documents, name, &wire::DocumentName::name);
    if (named == task_.documents.end()) {
      return fail(
          Errc::kInvalidArgument,
          task_.purpose + ": the server's task lacks the document \"" + std::string(name) + "\"");
    }
    auto bytes = link_.fetch(task_.collection, *named);
    if (bytes && bytes->size() != named->bytes) {
      return fail(Errc::kDataLoss,
                  named->name + " of collection " + std::to_string(task_.collection.value) +
                      ": has " + std::to_string(bytes->size()) + " bytes, but the task says " +
                      std::to_string(named->bytes));
    }
    if (!bytes) {
      is_overtaken_ = is_overtaken(bytes.error());
    } else if (crypto::sha256_hex(*bytes) != named->sha256) {
      return fail(Errc::kDataLoss,
                  named->name + " of collection " + std::to_string(task_.collection.value) +
                      ": arrived altered; its digest does not match");
    }
    return bytes;
  }

  [[nodiscard]] bool is_overtaken_by_server() const { return is_overtaken_; }

 private:
  const wire::Contribute& task_;  // both outlive this
  Link& link_;
  bool is_overtaken_ = false;
};

Result<Site> Site::create(ClientId client,
                          spec::FederatedTraining training,
                          tabular::Table table,
                          tabular::SitePolicy policy,
                          double learning_rate_scale,
                          SiteObserver observer,
                          method::Audience audience,
                          std::shared_ptr<privacy::Account> account) {
  GENESIS_ASSIGN(
      const auto* entry,
      methods::find(methods::site_methods(), training.model.method, "spec.model.method"));
  auto shared = std::make_shared<const SiteObserver>(std::move(observer));
  method::SiteSetup setup{.client = client,
                          .training = training,
                          .table = std::move(table),
                          .policy = policy,
                          .learning_rate_scale = learning_rate_scale,
                          .audience = audience,
                          .account = account,
                          .stop = shared->stop};
  if (shared->on_step) {
    setup.on_step = [shared](const method::StepReport& step) { shared->on_step(step); };
  }
  GENESIS_ASSIGN(auto method, entry->make(std::move(setup)));
  // Not in one expression: gcc 12 would take the empty `files_` of the moved-from site for unset.
  Site site(std::move(client),
            std::move(training),
            std::move(method),
            std::move(shared),
            std::move(account));
  return site;
}

Status Site::protect(secure::Signer signer,
                     secure::SitePolicy least,
                     std::optional<secure::PaillierKey> key) {
  const auto& secure = training_.privacy.secure_aggregation;
  if (!secure) {
    return {};
  }
  GENESIS_ASSIGN(words_, sums::SumWords::make(training_));
  if (secure->encryption == spec::Encryption::kPaillier && !key) {
    return fail(Errc::kInvalidArgument,
                "privacy.secureAggregation.encryption: paillier needs the key of the sites; make "
                "it with genesis keys paillier, and name the file to each client");
  }
  if (secure->encryption == spec::Encryption::kMasking) {
    key.reset();
  }
  if (secure->encryption != spec::Encryption::kNone) {
    least.min_survivors =
        std::max(least.min_survivors, static_cast<std::size_t>(secure->min_survivors));
    least.max_colluding =
        std::max(least.max_colluding, static_cast<std::size_t>(secure->max_colluding));
    sums_.emplace(client_, std::move(signer), std::move(least), std::move(key));
  }
  return {};
}

Status Site::keep_state(federation::RoundFiles files) {
  if (sums_) {
    GENESIS_RETURN_IF_ERROR(sums_->keep(files.folder() / "sums.bin"));
  }
  GENESIS_ASSIGN(asked_, AskedPlans::load(files.folder() / "asked.json"));
  files_ = std::make_unique<federation::RoundFiles>(std::move(files));
  return {};
}

wire::JoinRequest Site::join_request() const {
  return {.client = client_,
          .introduction = method_->introduction(),
          .signing_key = sums_ ? sums::to_hex(sums_->public_key()) : "",
          .paillier_modulus = sums_ ? sums::to_hex(sums_->modulus()) : ""};
}

Status Site::check_ledger(const std::string& told_head) const {
  return account_ == nullptr || told_head.empty() ? Status{}
                                                  : check_told(account_->ledger(), told_head);
}

void Site::joined(std::string run) {
  if (!run_.empty() && run != run_) {
    last_.reset();
    residual_ = {};
    method_->restore({});
  }
  run_ = std::move(run);
  if (sums_) {
    note_left_behind(sums_->joined(run_));
  }
}

void Site::end_sums() {
  if (sums_) {
    note_left_behind(sums_->finish());
  }
}

Result<Site::Answered> Site::answer(const wire::Task& task, Link& link) {
  return std::visit(
      Overloaded{
          [](const wire::Wait&) -> Result<Answered> { return Answered::kNothing; },
          [&](const wire::Contribute& t) { return contribute(t, link); },
          [&](const wire::Finished&) -> Result<Answered> {
            end_sums();
            return Answered::kFinished;
          },
          [](const wire::Failed& t) -> Result<Answered> {  // its server may be started again
            return fail(Errc::kFailedPrecondition, "the training failed: " + t.reason);
          },
      },
      task);
}

Status Site::may_answer(const wire::Contribute& task) {
  const auto may_not = [&](const std::string& what) {
    return fail(Errc::kPermissionDenied,
                "the server asks for " + task.purpose + what +
                    "; this site does not answer that. Start it again if that is meant" +
                    (asked_.file().empty() ? "" : ", without " + asked_.file().string()));
  };
  if (task.round.value == 0) {
    std::string documents;
    for (const auto& document : task.documents) {
      if (document.name == sums::kTaskDocument) {
        continue;  // of the attempt
      }
      documents += document.name + " " + document.sha256 + "\n";
    }
    return asked_.may_answer(task.purpose, documents) ? Status()
                                                      : Status(may_not(" on another plan"));
  }
  const auto rounds = static_cast<std::uint32_t>(training_.rounds.count);
  if (task.round.value > rounds) {
    return may_not(" of round " + std::to_string(task.round.value) + ", but the spec has " +
                   std::to_string(rounds));
  }
  const bool is_repeated =
      last_ && last_round_ >= task.round && last_->collection < task.collection;
  if (is_repeated && ++repeated_rounds_ > rounds) {
    return may_not(" of rounds that were rolled back more often than there are rounds");
  }
  return {};
}

Site::Answered Site::give_up(const wire::Contribute& task, const Error& error) {
  given_up_ = task.collection;
  given_up_attempt_ = task.attempt;
  why_refused_ = error.message;
  spdlog::warn("no update client={} round={}, it goes on with the next round: {}",
               client_.str(),
               task.round.value,
               error.message);
  return Answered::kRefused;
}

Result<Site::Answered> Site::contribute(const wire::Contribute& task, Link& link) {
  const bool is_given_up = given_up_.value != 0 && task.collection == given_up_ &&
                           (!sums_ || task.attempt == given_up_attempt_);
  if (is_given_up) {
    return Answered::kRefused;
  }
  GENESIS_ASSIGN(const auto stage, stage_of(task));
  Fetcher fetcher(task, link);
  if (stage != rounds::Stage::kInput) {
    return send(task, masked(task, stage, fetcher), fetcher, link);
  }
  GENESIS_RETURN_IF_ERROR(may_answer(task));
  const auto made = contribution(task, fetcher);
  if (!made || !words_) {
    return send(task,
                made ? Result<rounds::Contribution>(**made) : tl::unexpected(made.error()),
                fetcher,
                link);
  }
  // The words of a secure sum, in the clear.
  auto in_words = **made;
  GENESIS_ASSIGN(auto encoded,
                 words_->encode(std::get<rounds::Plain>(in_words.body).values, rows()));
  in_words.body = rounds::Plain{std::move(encoded.words)};
  in_words.telemetry.clear();
  return send(task, std::move(in_words), fetcher, link);
}

Result<rounds::Stage> Site::stage_of(const wire::Contribute& task) const {
  for (const auto stage : sums_ ? sums_->stages() : std::vector{rounds::Stage::kInput}) {
    if (task.stage == rounds::to_string(stage)) {
      return stage;
    }
  }
  return fail(Errc::kPermissionDenied,
              "the server asks for " + task.purpose + " in the stage \"" + task.stage +
                  "\", but by the spec that it has sent, sums are " +
                  (sums_ ? "hidden" : "in the clear") + "; this site does not answer that");
}

Result<Site::Answered> Site::send(const wire::Contribute& task,
                                  const Result<rounds::Contribution>& made,
                                  const Fetcher& fetcher,
                                  Link& link) {
  if (!made && fetcher.is_overtaken_by_server()) {
    return Answered::kOvertaken;
  }
  const bool is_round = task.round.value > 0;
  const bool may_give_up = is_round || sums_;
  if (!made && may_give_up && made.error().code == Errc::kFailedPrecondition) {
    return give_up(task, made.error());
  }
  if (!made) {
    return tl::unexpected(made.error());
  }
  const auto sent = link.send(*made);
  if (!sent && is_overtaken(sent.error())) {
    spdlog::warn("contribution client={} collection={} refused: {}",
                 client_.str(),
                 task.collection.value,
                 sent.error().message);
    return Answered::kOvertaken;
  }
  if (!sent && may_give_up && is_refusal(sent.error())) {
    return give_up(task, sent.error());
  }
  if (!sent) {
    return tl::unexpected(sent.error());
  }
  return Answered::kContributed;
}

Result<rounds::Contribution> Site::masked(const wire::Contribute& task,
                                          rounds::Stage stage,
                                          Fetcher& fetcher) {
  std::string message;
  std::string ledger_head;
  if (stage == sums_->stages().front()) {
    GENESIS_RETURN_IF_ERROR(may_answer(task));
    GENESIS_ASSIGN(message, begin_sum(task, fetcher));
    ledger_head = last_->ledger_head;
  } else {
    GENESIS_ASSIGN(const auto place, or_give_up(sums_->place(task.collection, task.attempt)));
    GENESIS_ASSIGN(const auto received, fetcher.fetch(sums::message_name(task.stage, place)));
    GENESIS_ASSIGN(message, or_give_up(sums_->answer(stage, received)));
  }
  return rounds::Contribution{.run = run_,
                              .collection = task.collection,
                              .attempt = task.attempt,
                              .client = client_,
                              .body = rounds::Masked{stage, std::move(message)},
                              .telemetry = {},
                              .ledger_head = std::move(ledger_head)};
}

// What can be refused is refused before there is an answer, which may be charged to a ledger;
// whether the words are as many and as wide as it has is known with the answer alone, which is the
// same whenever it is asked for again.
Result<secure::SumTask> Site::sum_task(const wire::Contribute& task, Fetcher& fetcher) const {
  sums::Question question{run_, task.collection, task.purpose, task.parameters, {}};
  for (const auto& document : task.documents) {
    if (document.name != sums::kTaskDocument) {
      question.documents.emplace_back(document.name, document.sha256);
    }
  }
  GENESIS_ASSIGN(const auto bytes, fetcher.fetch(sums::kTaskDocument));
  GENESIS_ASSIGN(auto asked, or_give_up(secure::decode_task(bytes)));
  const auto expected = sums::task_of(question, asked.words, asked.word_bits);
  if (const auto same = sums::check_same(asked, expected); !same) {
    return fail(Errc::kFailedPrecondition, same.error().message);
  }
  if (asked.attempt != task.attempt) {
    return fail(Errc::kFailedPrecondition,
                task.purpose + ": the task of the sum is of another attempt");
  }
  GENESIS_RETURN_IF_ERROR(or_give_up(sums_->may_begin(asked)));
  return asked;
}

Result<std::string> Site::begin_sum(const wire::Contribute& task, Fetcher& fetcher) {
  GENESIS_ASSIGN(const auto asked, sum_task(task, fetcher));
  GENESIS_ASSIGN(const auto made, contribution(task, fetcher));
  GENESIS_ASSIGN(auto encoded, words_->encode(std::get<rounds::Plain>(made->body).values, rows()));
  if (encoded.words.size() != asked.words || encoded.word_bits != asked.word_bits) {
    return fail(Errc::kFailedPrecondition,
                "sum " + std::to_string(asked.sum) +
                    ": its task is for another form of words than this site is asked for");
  }
  return or_give_up(
      sums_->begin(asked, [&]() -> Result<secure::Words> { return std::move(encoded.words); }));
}

Status Site::fit_words(Tensors& update, const std::string& what) {
  if (auto finite = wire::check_finite(update); !finite) {
    return fail(Errc::kFailedPrecondition,
                what + ": the local training diverged: " + finite.error().message);
  }
  if (residual_.values.size() == update.values.size()) {
    std::ranges::transform(
        update.values, residual_.values, update.values.begin(), std::plus<float>());
  }
  if (const auto most = training_.aggregation.max_update_norm) {
    const double norm = aggregation::norm(update.values);
    if (norm > *most) {
      update.values = aggregation::scaled_to(update.values, norm, *most);
      spdlog::warn("client={} {}: scaled down, its norm {:.6g} is above aggregation.maxUpdateNorm",
                   client_.str(),
                   what,
                   norm);
    }
  }
  GENESIS_ASSIGN(auto encoded, words_->encode(update, rows()));
  if (encoded.clipped > 0) {
    spdlog::info(
        "client={} {}: {} values beyond privacy.secureAggregation.clip; what is left of "
        "them goes into the next update",
        client_.str(),
        what,
        encoded.clipped);
  }
  residual_ = {update.specs, std::move(encoded.residual)};
  return {};
}

Result<const rounds::Contribution*> Site::contribution(const wire::Contribute& task,
                                                       Fetcher& fetcher) {
  const bool is_repeated = task.round.value > 0 && last_ && last_round_ >= task.round &&
                           last_->collection < task.collection;
  if (is_repeated) {
    roll_back_to(task);
  }
  const bool goes_forward = is_repeated || (last_ && last_->collection < task.collection);
  if (!goes_forward) {
    go_back_to(task.collection, task.round);
  }
  if (last_ && last_->collection == task.collection) {
    return &*last_;
  }
  if (observer_->on_begin) {
    observer_->on_begin(task.round);
  }
  const method::Assignment assignment{
      task.purpose, task.round, task.parameters, run_, task.collection};
  GENESIS_ASSIGN(auto answer, method_->answer(assignment, fetcher));
  for (const auto& note : answer.notes) {
    spdlog::warn("client={} {}", client_.str(), note);
  }
  rounds::Contribution made{.run = run_,
                            .collection = task.collection,
                            .attempt = task.attempt,
                            .client = client_,
                            .body = {},
                            .telemetry = std::move(answer.telemetry)};
  auto* tensors = std::get_if<Tensors>(&answer.values);
  if (tensors != nullptr) {
    const auto what = task.purpose + " of round " + std::to_string(task.round.value);
    if (words_) {
      GENESIS_RETURN_IF_ERROR(fit_words(*tensors, what));
    } else {
      GENESIS_ASSIGN(*tensors, quantize(std::move(*tensors), what));
    }
  }
  const bool is_kept = tensors != nullptr || answer.is_kept;  // other counts are counted again
  made.body = rounds::Plain{std::move(answer.values)};
  // Before its first charge a ledger has nothing to lose.
  if (account_ != nullptr && account_->ledger().entries().size() > 1) {
    made.ledger_head = account_->told_head(run_);
  }
  last_ = std::move(made);
  last_round_ = task.round;
  if (is_kept) {
    save(task.round);
  }
  if (observer_->on_contribution) {
    observer_->on_contribution(task.round, *last_);
  }
  return &*last_;
}

Result<Tensors> Site::quantize(Tensors tensors, const std::string& what) {
  const auto quantization = federation::quantization(training_.communication.quantization);
  if (quantization == wire::Quantization::kNone) {
    return tensors;
  }
  if (auto finite = wire::check_finite(tensors); !finite) {
    return fail(Errc::kFailedPrecondition,
                what + ": the local training diverged: " + finite.error().message);
  }
  if (residual_.values.size() == tensors.values.size()) {
    std::ranges::transform(
        tensors.values, residual_.values, tensors.values.begin(), std::plus<float>());
  }
  auto sent = wire::quantized(tensors, quantization);
  residual_.specs = tensors.specs;
  residual_.values.resize(tensors.values.size());
  std::ranges::transform(
      tensors.values, sent.values, residual_.values.begin(), std::minus<float>());
  return sent;
}

void Site::roll_back_to(const wire::Contribute& task) {
  spdlog::warn(
      "rolled back by the server client={} to-round={}", client_.str(), task.round.value - 1);
  last_.reset();
  residual_ = {};
  method_->restore({});
  go_back_to(task.collection, task.round);
  if (!files_) {
    spdlog::warn("client={} keeps no state: the optimizer starts anew", client_.str());
  }
}

void Site::go_back_to(CollectionId collection, RoundId round) {
  if (!files_) {
    return;
  }
  while (auto state = newest_state(collection)) {
    const auto kept = files_->rounds().front();
    if (kept >= round && state->contribution.collection < collection) {
      files_->remove(kept);  // of a round that was rolled back
      continue;
    }
    spdlog::info("resume client={} after-collection={}",
                 client_.str(),
                 state->contribution.collection.value);
    method_->restore(std::move(state->method));
    last_ = std::move(state->contribution);
    last_round_ = kept;
    residual_ = std::move(state->residual);
    return;
  }
  if (round.value > 1) {
    spdlog::warn("client={} has no state of earlier rounds: the optimizer starts anew",
                 client_.str());
  }
}

std::optional<wire::WorkerState> Site::newest_state(CollectionId collection) const {
  return federation::newest_sound<wire::WorkerState>(
      *files_,
      [](const std::string& bytes, const std::string& name) {
        return wire::decode_worker_state(bytes, name);
      },
      // Of another run, or of a future that the server has lost: gone.
      [&](const wire::WorkerState& kept) {
        return kept.contribution.run == run_ && kept.contribution.collection <= collection;
      },
      [](const Error& error) {
        spdlog::warn("state quarantined, the one before it is used: {}", error.message);
      });
}

void Site::save(RoundId round) {
  if (!files_) {
    return;
  }
  const auto saved =
      files_->save(round, wire::encode(wire::WorkerState{*last_, method_->state(), residual_}));
  if (!saved) {
    spdlog::error("state not saved, the training goes on without it: {}", saved.error().message);
  } else if (observer_->on_saved) {
    observer_->on_saved(round, files_->path(round));
  }
}

}  // namespace genesis::worker
