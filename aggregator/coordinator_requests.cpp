// What clients ask of a training: the requests of Coordinator, each checked before it becomes an
// event.
#include <algorithm>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "aggregator/coordinator.hpp"
#include "aggregator/update_check.hpp"
#include "common/aggregation/mean.hpp"
#include "common/base/text.hpp"
#include "common/crypto/digest.hpp"
#include "common/federation/spec_views.hpp"
#include "common/spec/parse.hpp"
#include "common/tabular/fits.hpp"

namespace genesis::aggregator {

Result<wire::JoinReply> Coordinator::join(const wire::JoinRequest& request, Instant now) {
  const auto& participants = training_.participants;
  const bool listed =
      participants.empty() || std::ranges::any_of(participants, [&](const spec::Participant& p) {
        return p.name == request.client.str();
      });
  if (!listed) {
    return fail(Errc::kPermissionDenied,
                "client " + request.client.str() +
                    ": not among spec.participants of this training; add it there");
  }
  if (request.sketch.rows == 0) {
    return fail(Errc::kInvalidArgument,
                "client " + request.client.str() + ": has no rows; nothing to train on");
  }
  if (request.sketch.rows > aggregation::kMaxWeight) {
    return fail(Errc::kInvalidArgument,
                "client " + request.client.str() + ": says " + std::to_string(request.sketch.rows) +
                    " rows; an update may weigh at most " +
                    std::to_string(aggregation::kMaxWeight));
  }
  const auto digest = crypto::sha256_hex(tabular::to_json(request.sketch).dump());
  if (const auto site = sites_.find(request.client);
      site != sites_.end() && site->second.sketch_sha256 != digest) {
    return fail(Errc::kConflict,
                "client " + request.client.str() +
                    ": has joined with other data already; restart the training to change it");
  }
  const bool is_known = sites_.contains(request.client);
  if (!state_.members.contains(request.client)) {
    GENESIS_RETURN_IF_ERROR(check_table(request));
    Site site{request.sketch.rows, digest, {}, {}, {}};
    if (state_.phase == rounds::Phase::kJoining) {
      site.sketch = request.sketch;
    }
    sites_.insert_or_assign(request.client, std::move(site));
  }
  refusal_.reset();
  apply(rounds::ClientJoined{request.client}, now);
  if (refusal_) {
    if (!is_known) {
      sites_.erase(request.client);
    }
    return tl::unexpected(*refusal_);
  }
  return wire::JoinReply{run_, spec::print_json(training_)};
}

Status Coordinator::check_table(const wire::JoinRequest& request) const {
  if (state_.phase == rounds::Phase::kJoining) {
    auto sketches = named_sketches();
    sketches.push_back({request.client.str(), request.sketch});
    auto agreed = tabular::plan(sketches, federation::declarations(training_.table));
    return agreed ? Status() : Status(tl::unexpected(std::move(agreed).error()));
  }
  if (encoder_json_) {
    GENESIS_ASSIGN(const auto encoder, wire::decode_encoder(*encoder_json_));
    auto fits = tabular::check_fits(request.sketch, encoder);
    for (const auto& told : tabular::moved_columns(request.sketch, encoder)) {
      spdlog::warn("client={} joins after the start: {}", request.client.str(), told);
    }
    return fits ? Status()
                : Status(tl::unexpected(fits.error().within("client " + request.client.str() +
                                                            ": joins after the start")));
  }
  return {};
}

Result<wire::Task> Coordinator::task(const ClientId& client, Instant now) {
  if (state_.phase == rounds::Phase::kFailed) {
    return wire::Task{wire::Failed{state_.reason}};
  }
  refusal_.reset();
  apply(rounds::TaskAsked{client}, now);
  if (refusal_) {
    return tl::unexpected(*refusal_);
  }
  const auto& member = state_.members.at(client);
  switch (state_.phase) {
    case rounds::Phase::kJoining:
      return wire::Task{wire::Wait{}};
    case rounds::Phase::kSummarizing:
      if (member.has_summary) {
        return wire::Task{wire::Wait{}};
      }
      return wire::Task{wire::Summarize{plan_}};
    case rounds::Phase::kTraining: {
      if (!state_.selected.contains(client) || state_.reported.contains(client) ||
          member.standing.is_set_aside()) {
        return wire::Task{wire::Wait{}};
      }
      wire::Train train;
      train.round = state_.round;
      train.parameters_sha256 = global_sha256_;
      train.learning_rate = learning_rate();
      train.deadline_milliseconds =
          static_cast<std::uint64_t>(std::max<std::int64_t>(0, (state_.deadline - now).count()));
      return wire::Task{std::move(train)};
    }
    case rounds::Phase::kComplete:
      return wire::Task{wire::Finished{model_sha256_}};
    case rounds::Phase::kFailed:
      return wire::Task{wire::Failed{state_.reason}};
  }
  return wire::Task{wire::Wait{}};
}

Status Coordinator::add_summary(const wire::SummaryUpload& upload, Instant now) {
  if (upload.run != run_) {
    return fail(Errc::kConflict, "summary: of another run; join this one first");
  }
  const auto site = sites_.find(upload.client);
  if (site != sites_.end() && state_.phase == rounds::Phase::kSummarizing) {
    if (upload.summary.rows != site->second.rows) {
      return fail(Errc::kInvalidArgument,
                  "summary of client " + upload.client.str() + ": counts " +
                      std::to_string(upload.summary.rows) + " rows, but it joined with " +
                      std::to_string(site->second.rows));
    }
    tabular::Summary alone;
    if (auto fits = tabular::merge(alone, upload.summary, plan_); !fits) {
      return tl::unexpected(fits.error().within("summary of client " + upload.client.str()));
    }
  }
  refusal_.reset();
  pending_summary_ = &upload;
  apply(rounds::SummaryReceived{upload.client}, now);
  pending_summary_ = nullptr;
  return refusal_ ? Status(tl::unexpected(*refusal_)) : Status();
}

Result<std::shared_ptr<const std::string>> Coordinator::encoder() const {
  if (!encoder_json_) {
    return fail(Errc::kFailedPrecondition, "encoder: not agreed yet; ask for a task first");
  }
  return encoder_json_;
}

Result<std::shared_ptr<const std::string>> Coordinator::parameters(RoundId round) const {
  if (state_.phase != rounds::Phase::kTraining || round != state_.round) {
    return fail(Errc::kConflict,
                "round " + std::to_string(round.value) + ": not open; the current one is " +
                    std::to_string(state_.round.value));
  }
  return global_bytes_;
}

Result<Coordinator::Announced> Coordinator::announce_update(const ClientId& client,
                                                            RoundId round,
                                                            Instant now) {
  refusal_.reset();
  apply(rounds::UpdateAnnounced{client, round}, now);
  if (refusal_) {
    return tl::unexpected(*refusal_);
  }
  const bool is_taken = state_.members.at(client).last_round == round;
  return is_taken ? Announced::kTaken : Announced::kAwaited;
}

Status Coordinator::add_update(const wire::Update& update, Instant now) {
  const auto& metadata = update.metadata;
  if (metadata.run != run_) {
    return fail(Errc::kConflict, "update: of another run; join this one first");
  }
  const auto site = sites_.find(metadata.client);
  if (site == sites_.end()) {
    return fail(Errc::kFailedPrecondition, "client " + metadata.client.str() + ": join first");
  }
  if (state_.phase == rounds::Phase::kTraining && metadata.round == state_.round) {
    if (auto sound = check_update(update, site->second.rows, global_); !sound) {
      return refuse_update(metadata.client, sound.error(), now);
    }
  }
  refusal_.reset();
  pending_update_ = &update;
  apply(rounds::UpdateReceived{metadata.client, metadata.round}, now);
  pending_update_ = nullptr;
  return refusal_ ? Status(tl::unexpected(*refusal_)) : Status();
}

Status Coordinator::refuse_update(const ClientId& client, const Error& error, Instant now) {
  // It quotes what the client sent, and stays in status and checkpoints.
  constexpr std::size_t kLongestReason = 500;
  apply(rounds::UpdateRefused{client, printable(error.message, kLongestReason)}, now);
  return tl::unexpected(error.within("update of client " + client.str()));
}

}  // namespace genesis::aggregator
