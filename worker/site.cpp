#include "worker/site.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "common/base/overloaded.hpp"
#include "common/crypto/digest.hpp"
#include "common/federation/spec_views.hpp"
#include "common/methods/lookup.hpp"
#include "common/methods/site_methods.hpp"
#include "common/wire/quantization.hpp"
#include "common/wire/safetensors.hpp"

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
                          SiteObserver observer) {
  GENESIS_ASSIGN(
      const auto* entry,
      methods::find(methods::site_methods(), training.model.method, "spec.model.method"));
  auto shared = std::make_shared<const SiteObserver>(std::move(observer));
  method::SiteSetup setup{.client = client,
                          .training = training,
                          .table = std::move(table),
                          .policy = policy,
                          .learning_rate_scale = learning_rate_scale};
  if (shared->on_step) {
    setup.on_step = [shared](const method::StepReport& step) { shared->on_step(step); };
  }
  GENESIS_ASSIGN(auto method, entry->make(std::move(setup)));
  // Not in one expression: gcc 12 would take the empty `files_` of the moved-from site for unset.
  Site site(std::move(client), std::move(training), std::move(method), std::move(shared));
  return site;
}

Status Site::keep_state(federation::RoundFiles files) {
  GENESIS_ASSIGN(asked_, AskedPlans::load(files.folder() / "asked.json"));
  files_ = std::move(files);
  return {};
}

wire::JoinRequest Site::join_request() const {
  return {.client = client_, .introduction = method_->introduction()};
}

void Site::joined(std::string run) {
  if (!run_.empty() && run != run_) {
    last_.reset();
    residual_ = {};
    method_->restore({});
  }
  run_ = std::move(run);
}

Result<Site::Answered> Site::answer(const wire::Task& task, Link& link) {
  return std::visit(
      Overloaded{
          [](const wire::Wait&) -> Result<Answered> { return Answered::kNothing; },
          [&](const wire::Contribute& t) { return contribute(t, link); },
          [](const wire::Finished&) -> Result<Answered> { return Answered::kFinished; },
          [](const wire::Failed& t) -> Result<Answered> {
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
  why_refused_ = error.message;
  spdlog::warn("no update client={} round={}, it goes on with the next round: {}",
               client_.str(),
               task.round.value,
               error.message);
  return Answered::kRefused;
}

Result<Site::Answered> Site::contribute(const wire::Contribute& task, Link& link) {
  if (given_up_.value != 0 && task.collection == given_up_) {
    return Answered::kRefused;
  }
  GENESIS_RETURN_IF_ERROR(may_answer(task));
  Fetcher fetcher(task, link);
  const auto made = contribution(task, fetcher);
  if (!made && fetcher.is_overtaken_by_server()) {
    return Answered::kOvertaken;
  }
  const bool is_round = task.round.value > 0;
  if (!made && is_round && made.error().code == Errc::kFailedPrecondition) {
    return give_up(task, made.error());
  }
  if (!made) {
    return tl::unexpected(made.error());
  }
  const auto sent = link.send(**made);
  if (!sent && is_overtaken(sent.error())) {
    spdlog::warn("contribution client={} collection={} refused: {}",
                 client_.str(),
                 task.collection.value,
                 sent.error().message);
    return Answered::kOvertaken;
  }
  if (!sent && is_round && is_refusal(sent.error())) {
    return give_up(task, sent.error());
  }
  if (!sent) {
    return tl::unexpected(sent.error());
  }
  return Answered::kContributed;
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
  const method::Assignment assignment{task.purpose, task.round, task.parameters};
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
    GENESIS_ASSIGN(*tensors, quantize(std::move(*tensors), what));
  }
  const bool is_kept = tensors != nullptr;  // counts are counted again
  made.body = rounds::Plain{std::move(answer.values)};
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
