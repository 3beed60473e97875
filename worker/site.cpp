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
                          double learning_rate_scale,
                          SiteObserver observer,
                          method::Audience audience) {
  GENESIS_ASSIGN(
      const auto* entry,
      methods::find(methods::site_methods(), training.model.method, "spec.model.method"));
  auto shared = std::make_shared<const SiteObserver>(std::move(observer));
  method::SiteSetup setup{client, training, std::move(table), learning_rate_scale, {}, audience};
  if (shared->on_step) {
    setup.on_step = [shared](const method::StepReport& step) { shared->on_step(step); };
  }
  GENESIS_ASSIGN(auto method, entry->make(std::move(setup)));
  return Site(std::move(client), std::move(training), std::move(method), std::move(shared));
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

Result<Site::Answered> Site::contribute(const wire::Contribute& task, Link& link) {
  Fetcher fetcher(task, link);
  const auto made = contribution(task, fetcher);
  if (!made && fetcher.is_overtaken_by_server()) {
    return Answered::kOvertaken;
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
  if (!sent) {
    return tl::unexpected(sent.error());
  }
  return Answered::kContributed;
}

Result<const rounds::Contribution*> Site::contribution(const wire::Contribute& task,
                                                       Fetcher& fetcher) {
  const bool goes_forward = last_ && last_->collection < task.collection;
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
  const bool is_kept = tensors != nullptr || answer.is_kept;  // other counts are counted again
  made.body = rounds::Plain{std::move(answer.values)};
  last_ = std::move(made);
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
    return tl::unexpected(finite.error().within(what + ": the local training diverged"));
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

void Site::go_back_to(CollectionId collection, RoundId round) {
  if (!files_) {
    return;
  }
  auto state = federation::newest_sound<wire::WorkerState>(
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
  if (state) {
    spdlog::info("resume client={} after-collection={}",
                 client_.str(),
                 state->contribution.collection.value);
    method_->restore(std::move(state->method));
    last_ = std::move(state->contribution);
    residual_ = std::move(state->residual);
  } else if (round.value > 1) {
    spdlog::warn("client={} has no state of earlier rounds: the optimizer starts anew",
                 client_.str());
  }
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
