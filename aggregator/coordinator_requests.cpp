// What clients ask of a training: the requests of Coordinator, each checked before it becomes an
// event.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "aggregator/coordinator.hpp"
#include "common/aggregation/mean.hpp"
#include "common/base/overloaded.hpp"
#include "common/base/text.hpp"
#include "common/crypto/digest.hpp"
#include "common/rounds/membership.hpp"
#include "common/spec/parse.hpp"
#include "common/sums/task.hpp"

namespace genesis::aggregator {
namespace {

Status status_of(const rounds::Reply& reply) {
  const auto* refused = std::get_if<rounds::Refused>(&reply);
  return refused == nullptr ? Status() : Status(fail(refused->code, refused->message));
}

Status check_protocol(const wire::JoinRequest& request) {
  if (request.protocol == wire::kProtocolVersion) {
    return {};
  }
  return fail(Errc::kInvalidArgument,
              "client " + request.client.str() + ": speaks protocol version " +
                  std::to_string(request.protocol) + ", this server version " +
                  std::to_string(wire::kProtocolVersion) +
                  "; run the same release of genesis on both sides");
}

Status check_rows(const ClientId& client,
                  std::uint64_t rows,
                  std::optional<std::uint64_t> max_rows) {
  if (rows > max_rows.value_or(rows)) {
    return fail(Errc::kInvalidArgument,
                "client " + client.str() + ": says " + std::to_string(rows) +
                    " rows, more than the " + std::to_string(*max_rows) +
                    " of its participants.maxRows");
  }
  if (rows <= aggregation::kMaxWeight) {
    return {};
  }
  return fail(Errc::kInvalidArgument,
              "client " + client.str() + ": says " + std::to_string(rows) +
                  " rows; an update may weigh at most " + std::to_string(aggregation::kMaxWeight));
}

// By which the other sites know this one's messages.
Status check_signing_key(const wire::JoinRequest& request,
                         const std::optional<std::string>& expected) {
  const auto key = sums::from_hex(request.signing_key);
  if (!key || key->empty()) {
    return fail(Errc::kInvalidArgument,
                "client " + request.client.str() +
                    ": the training has secure sums, and the client names no key to sign with; run "
                    "the same release of genesis on both sides");
  }
  const auto digest = crypto::sha256_hex(*key);
  if (expected && *expected != digest) {
    return fail(Errc::kPermissionDenied,
                "client " + request.client.str() + ": signs with the public key of SHA-256 " +
                    digest +
                    ", and the spec's participants.publicKeySha256 is another; correct "
                    "the spec, or start the client with its key");
  }
  return {};
}

}  // namespace

Result<wire::JoinReply> Coordinator::join(const wire::JoinRequest& request,
                                          const std::string& instance,
                                          bool is_holder_gone,
                                          Instant now) {
  const rounds::Speaker speaker{request.client, instance};
  GENESIS_RETURN_IF_ERROR(check_protocol(request));
  if (auto refused = rounds::why_not_join(config_, state_, speaker, is_holder_gone)) {
    return fail(refused->code, refused->message);
  }
  const bool is_late = is_protected() && state_.phase != rounds::Phase::kJoining &&
                       !state_.members.contains(request.client);
  if (is_late) {
    return fail(Errc::kFailedPrecondition,
                "client " + request.client.str() +
                    ": the members of secure sums are those who have joined before the first one");
  }
  if (config_.threshold) {
    const auto named =
        std::ranges::find(training_.participants, request.client.str(), &spec::Participant::name);
    GENESIS_RETURN_IF_ERROR(check_signing_key(
        request, named == training_.participants.end() ? std::nullopt : named->public_key_sha256));
  }
  GENESIS_RETURN_IF_ERROR(check_paillier_key(request));
  // With another key it comes anew, as with another table.
  const auto digest = crypto::sha256_hex(request.introduction + request.paillier_modulus);
  const auto known = sites_.find(request.client);
  if (known != sites_.end() && !known->second.refused.empty()) {
    if (known->second.introduction_sha256 == digest) {
      return fail(Errc::kInvalidArgument,
                  "client " + request.client.str() + ": " + known->second.refused);
    }
  } else if (known != sites_.end() && known->second.introduction_sha256 != digest) {
    return fail(Errc::kConflict,
                "client " + request.client.str() +
                    ": has joined with other data already; restart the training to change it");
  }
  if (!state_.members.contains(request.client)) {
    GENESIS_ASSIGN(auto rows, method_->introduce(request.client, request.introduction));
    rows = is_protected() ? 0 : rows;  // it has told none
    if (auto weighs = check_rows(request.client, rows, max_rows(request.client)); !weighs) {
      method_->leave(request.client);
      return tl::unexpected(weighs.error());
    }
    const std::string ledger_head =
        known == sites_.end() ? std::string() : known->second.ledger_head;
    sites_.insert_or_assign(request.client,
                            Site{.rows = rows,
                                 .introduction_sha256 = digest,
                                 .telemetry = {},
                                 .ledger_head = ledger_head,
                                 .signing_key = request.signing_key,
                                 .paillier_modulus = request.paillier_modulus});
    for (auto& [client, reason] : method_->take_disqualified()) {
      apply(rounds::ClientDisqualified{std::move(client), std::move(reason)}, now);
    }
    settle_paillier_key(now);
    if (const auto& refused = sites_.at(request.client).refused; !refused.empty()) {
      return fail(Errc::kInvalidArgument, "client " + request.client.str() + ": " + refused);
    }
  }
  if (sites_.at(request.client).signing_key != request.signing_key) {
    return fail(Errc::kConflict,
                "client " + request.client.str() +
                    ": has joined with another signing key already; keep the key when a "
                    "certificate is renewed, and the client's state");
  }
  const auto reply = apply(rounds::ClientJoined{speaker, is_holder_gone}, now);
  GENESIS_RETURN_IF_ERROR(status_of(reply));
  const auto& site = sites_.at(request.client);
  const auto told = site.rows;  // 0: none
  spdlog::info(
      "join client={}{}", request.client.str(), told > 0 ? fmt::format(" rows={}", told) : "");
  return wire::JoinReply{run_, spec::print_json(training_), site.ledger_head};
}

Status Coordinator::check_paillier_key(const wire::JoinRequest& request) const {
  const auto& secure = training_.privacy.secure_aggregation;
  if (!secure || secure->encryption != spec::Encryption::kPaillier) {
    return {};
  }
  const auto refused = [&](const std::string& why) {
    return fail(Errc::kInvalidArgument, "client " + request.client.str() + ": " + why);
  };
  const auto modulus = sums::from_hex(request.paillier_modulus);
  const auto key =
      modulus ? secure::PaillierPublicKey::from_modulus(*modulus) : tl::unexpected(modulus.error());
  if (!key) {
    return refused("the modulus of its Paillier key: " + key.error().message);
  }
  if (secure->key_bits && key->bits() < *secure->key_bits) {
    return refused("its Paillier key has " + std::to_string(key->bits()) +
                   " bits, and privacy.secureAggregation.keyBits asks for " +
                   std::to_string(*secure->key_bits) + "; make one with genesis keys paillier");
  }
  if (!paillier_modulus_.empty() && request.paillier_modulus != paillier_modulus_) {
    return refused(
        "its Paillier key is not that of the training's sites; give all sites the same "
        "paillier.key");
  }
  return {};
}

void Coordinator::settle_paillier_key(Instant now) {
  if (!paillier_modulus_.empty()) {
    return;  // it was checked at the join
  }
  std::map<std::string, std::size_t> votes;
  std::size_t sites = 0;
  for (const auto& [id, site] : sites_) {
    if (site.refused.empty()) {
      ++votes[site.paillier_modulus];
      ++sites;
    }
  }
  for (const auto& [modulus, count] : votes) {
    if (2 * count <= sites) {
      continue;
    }
    std::vector<ClientId> others;
    for (const auto& [id, site] : sites_) {
      if (site.refused.empty() && site.paillier_modulus != modulus) {
        others.push_back(id);
      }
    }
    for (auto& other : others) {
      apply(rounds::ClientDisqualified{std::move(other),
                                       "its Paillier key is not that of most sites; give all "
                                       "sites the same paillier.key"},
            now);
    }
  }
}

Result<std::string> Coordinator::agreed_paillier_modulus() const {
  if (!paillier_modulus_.empty()) {
    return paillier_modulus_;
  }
  const auto& first = *state_.open.roster.begin();
  for (const auto& id : state_.open.roster) {
    if (sites_.at(id).paillier_modulus != sites_.at(first).paillier_modulus) {
      return fail(Errc::kFailedPrecondition,
                  "the Paillier keys of " + first.str() + " and " + id.str() +
                      " differ, and no majority says which is right; give all sites the same "
                      "paillier.key");
    }
  }
  return sites_.at(first).paillier_modulus;
}

Result<wire::Task> Coordinator::task(const rounds::Speaker& speaker, Instant now) {
  if (state_.phase == rounds::Phase::kFailed) {
    return wire::Task{wire::Failed{state_.reason}};
  }
  GENESIS_RETURN_IF_ERROR(status_of(apply(rounds::TaskAsked{speaker}, now)));
  return std::visit(
      Overloaded{
          [](const rounds::Wait&) -> wire::Task { return wire::Wait{}; },
          [&](const rounds::Contribute& todo) -> wire::Task {
            wire::Contribute task;
            task.collection = todo.collection;
            task.attempt = todo.attempt;
            task.purpose = ask_.request.purpose;
            task.round = ask_.request.round;
            task.parameters = ask_.parameters;
            task.stage = rounds::to_string(todo.stage);
            const auto add = [&](const method::Document& document) {
              task.documents.push_back({document.name, document.sha256, document.bytes->size()});
            };
            const bool is_first = todo.stage == rounds::Stage::kInput ||
                                  todo.stage == rounds::Stage::kKeys ||
                                  todo.stage == rounds::Stage::kEncrypted;
            if (is_first) {
              std::ranges::for_each(ask_.documents, add);
            }
            if (todo.stage != rounds::Stage::kInput) {
              if (const auto message = protected_sum_->message_for(speaker.client)) {
                add(*message);
              }
            }
            task.deadline_milliseconds = static_cast<std::uint64_t>(todo.remaining.count());
            return task;
          },
          [&](const rounds::Finish&) -> wire::Task { return wire::Finished{model_sha256_}; },
          [](const rounds::GiveUp& end) -> wire::Task { return wire::Failed{end.reason}; },
      },
      rounds::todo(state_, speaker.client, now));
}

Result<method::Document> Coordinator::document(CollectionId collection,
                                               std::string_view name) const {
  if (state_.phase != rounds::Phase::kCollecting || collection != state_.open.id) {
    return fail(Errc::kConflict,
                "collection " + std::to_string(collection.value) +
                    ": not open; the current one is " + std::to_string(state_.open.id.value));
  }
  const auto found = std::ranges::find(ask_.documents, name, &method::Document::name);
  if (found == ask_.documents.end() && protected_sum_) {
    if (auto message = protected_sum_->message(name)) {
      return *std::move(message);
    }
  }
  if (found == ask_.documents.end()) {
    return fail(Errc::kNotFound,
                "collection " + std::to_string(collection.value) + ": has no such document");
  }
  return *found;
}

Result<Coordinator::Announced> Coordinator::announce(const rounds::Speaker& speaker,
                                                     CollectionId collection,
                                                     const std::optional<rounds::StageStep>& step,
                                                     Instant now) {
  const auto reply = apply(rounds::ContributionAnnounced{speaker, collection, step}, now);
  GENESIS_RETURN_IF_ERROR(status_of(reply));
  return std::holds_alternative<rounds::Duplicate>(reply) ? Announced::kTaken : Announced::kAwaited;
}

Status Coordinator::contribute(const std::string& instance,
                               rounds::Contribution contribution,
                               Instant now) {
  const auto client = contribution.client;
  if (contribution.run != run_) {
    return fail(Errc::kConflict, "contribution: of another run; join this one first");
  }
  const auto site = sites_.find(client);
  const bool is_open = site != sites_.end() && state_.phase == rounds::Phase::kCollecting &&
                       contribution.collection == state_.open.id;
  const rounds::Speaker speaker{client, instance};
  if (is_open && protected_sum_) {
    GENESIS_RETURN_IF_ERROR(take_protected(speaker, contribution, now));
  } else if (is_open) {
    auto sound = check_form(contribution.body, ask_.combine);
    if (sound) {
      sound = method_->check(std::get<rounds::Plain>(contribution.body), site->second.rows);
    }
    if (!sound) {
      return refuse(client, sound.error(), now);
    }
  }
  auto shared = std::make_shared<const rounds::Contribution>(std::move(contribution));
  return status_of(apply(rounds::ContributionReceived{speaker, std::move(shared)}, now));
}

Status Coordinator::take_protected(const rounds::Speaker& speaker,
                                   const rounds::Contribution& contribution,
                                   Instant now) {
  std::optional<rounds::StageStep> step;
  if (const auto* masked = std::get_if<rounds::Masked>(&contribution.body)) {
    step = rounds::StageStep{contribution.attempt, masked->stage};
  }
  GENESIS_ASSIGN(const auto announced, announce(speaker, contribution.collection, step, now));
  if (announced == Announced::kTaken) {
    return {};
  }
  const auto taken = protected_sum_->take(speaker.client, contribution.body);
  if (!taken && taken.error().code != Errc::kConflict) {
    return refuse(speaker.client, taken.error(), now);
  }
  return taken;
}

Status Coordinator::refuse(const ClientId& client, const Error& error, Instant now) {
  if (sites_.contains(client) && state_.open.request.round.value > 0) {
    limits_.refused.insert(client);
  }
  // It quotes what the client sent, and stays in status and checkpoints.
  constexpr std::size_t kLongestReason = 500;
  apply(rounds::ContributionRefused{client, printable(error.message, kLongestReason)}, now);
  return tl::unexpected(error.within("contribution of client " + client.str()));
}

}  // namespace genesis::aggregator
