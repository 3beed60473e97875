#include "common/rounds/step.hpp"

#include <algorithm>
#include <utility>

#include "common/base/check.hpp"
#include "common/base/overloaded.hpp"
#include "common/rounds/membership.hpp"
#include "common/rounds/selection.hpp"
#include "common/rounds/view.hpp"

namespace genesis::rounds {
namespace {

bool is_drawn(const State& state) {
  return state.phase == Phase::kCollecting && state.open.request.roster == Roster::kDrawn;
}

Progress progress(const State& state, Instant now) {
  return {.reported = state.open.reported.size(),
          .awaited = awaited(state).size(),
          .attempt = state.open.attempt,
          .is_due = now >= state.open.deadline};
}

void fail_training(Step& out, std::string reason) {
  out.state.phase = Phase::kFailed;
  out.state.reason = reason;
  out.effects.emplace_back(FailTraining{std::move(reason)});
}

void advance(Step& out) {
  out.state.phase = Phase::kAdvancing;
  out.effects.emplace_back(Advance{});
}

// Who has not answered what everyone was asked takes part no more.
void leave_out_the_missing(Step& out) {
  for (const auto& id : out.state.open.asked) {
    if (!out.state.open.reported.contains(id) && out.state.members.contains(id)) {
      out.state.members.erase(id);
      out.effects.emplace_back(LeaveOut{id});
    }
  }
}

// The next stage, among those who have answered the last one.
void next_stage(Step& out, Instant now) {
  auto& open = out.state.open;
  open.roster = std::exchange(open.reported, {});
  open.policy.needed = open.roster.size();
  open.deadline = now + open.policy.deadline;
  ++open.stage;
  out.effects.emplace_back(CloseStage{open.id});
}

void close(Step& out, const std::string& why, Instant now) {
  auto& state = out.state;
  if (state.phase == Phase::kCollecting && !state.open.is_last_stage()) {
    return next_stage(out, now);
  }
  if (state.phase == Phase::kCollecting) {
    state.last_close = name_of(state.open.request) + " closed " + why;
    if (state.open.request.roster == Roster::kEveryone) {
      leave_out_the_missing(out);
    }
  }
  advance(out);
}

std::string shortfall(const Config& config, const State& state) {
  const std::string clients = "only " + std::to_string(state.open.reported.size()) + " of the " +
                              std::to_string(config.min_clients) +
                              " clients that rounds.minClients asks for ";
  if (state.phase == Phase::kJoining) {
    return clients + "joined within rounds.startDeadlineSeconds";
  }
  const std::string times =
      state.open.attempt == 1 ? "" : std::to_string(state.open.attempt) + " times ";
  return name_of(state.open.request) + ": " + clients + "reported within " + times +
         "rounds.deadlineSeconds; missing: " + who_is_missing(state);
}

std::string too_few_agree(const Config& config, const State& state) {
  std::string reason = "only " + std::to_string(state.members.size()) + " of the " +
                       std::to_string(config.min_clients) +
                       " clients that rounds.minClients asks for agree on a table; refused: ";
  std::string refused;
  for (const auto& [client, why] : state.disqualified) {
    refused += (refused.empty() ? "" : "; ") + client.str() + " (" + why + ")";
  }
  return reason + refused;
}

// The members of a secure sum are those of its first stage.
void draw_replacements(const Config& config, Step& out) {
  if (!is_drawn(out.state) || out.state.open.is_staged()) {
    return;
  }
  for (auto& id : replacements(config, out.state)) {
    out.state.open.roster.insert(id);
    out.effects.emplace_back(DrawReplacement{std::move(id)});
  }
}

// All stages of a secure sum anew, with those who can still be asked.
void restart_stages(Step& out, Instant now) {
  auto& open = out.state.open;
  ++open.sum_attempt;
  open.stage = 0;
  open.reported.clear();
  open.roster.clear();
  for (const auto& id : open.asked) {
    const auto member = out.state.members.find(id);
    if (member != out.state.members.end() && member->second.standing.is_active()) {
      open.roster.insert(id);
    }
  }
  open.policy.needed = open.roster.size();
  open.deadline = now + open.policy.deadline;
  out.effects.emplace_back(RestartCollection{open.id});
}

void try_again(const Config& config, Step& out, Instant now) {
  auto& open = out.state.open;
  ++open.attempt;
  if (open.is_staged() && !open.is_settled()) {
    return restart_stages(out, now);
  }
  open.deadline = now + open.policy.deadline;
  out.effects.emplace_back(ExtendCollection{open.id, open.attempt});
  draw_replacements(config, out);
}

void act_on(Verdict verdict, const Config& config, Step& out, Instant now) {
  switch (verdict) {
    case Verdict::kOpen:
      return;
    case Verdict::kCloseComplete:
      return close(out,
                   "once it had the " + std::to_string(out.state.open.policy.needed) +
                       " contributions it needed",
                   now);
    case Verdict::kCloseNobodyLeft:
      return close(out, "once nobody else was awaited", now);
    case Verdict::kCloseAtDeadline:
      return close(out, "at its deadline", now);
    case Verdict::kRetry:
      return try_again(config, out, now);
    case Verdict::kFail:
      return fail_training(out, shortfall(config, out.state));
  }
}

// Closes the collection where nothing more is to come that it needs.
void close_if_done(const Config& config, Step& out, Instant now) {
  auto so_far = progress(out.state, now);
  so_far.is_due = false;  // deadlines are for ticks
  act_on(judge(out.state.open.policy, so_far), config, out, now);
}

void count_failure(const Config& config, Step& out, const ClientId& client, std::string reason) {
  auto& standing = out.state.members.at(client).standing;
  if (fail_once(standing, std::move(reason), out.state.open.request.round, config.max_failures)) {
    out.effects.emplace_back(QuarantineClient{client, why_quarantined(standing)});
  }
}

// The client has been heard of: it is lost no more.
void see(Step& out, const ClientId& client, Instant now) {
  auto& standing = out.state.members.at(client).standing;
  standing.last_seen = now;
  if (std::exchange(standing.is_lost, false)) {
    out.effects.emplace_back(ReadmitClient{client});
  }
}

void disqualify(Step& out, const ClientDisqualified& event) {
  auto& state = out.state;
  state.members.erase(event.client);
  state.disqualified.insert_or_assign(event.client, event.reason);
  out.effects.emplace_back(DisqualifyClient{event.client, event.reason});
  if (state.phase == Phase::kJoining) {
    state.open.roster.erase(event.client);
    state.open.reported.erase(event.client);
  }
}

Step disqualified(const Config& config, Step out, const ClientDisqualified& event) {
  const bool is_known = out.state.disqualified.contains(event.client);
  const bool has_room = is_known || out.state.disqualified.size() < config.max_clients;
  if (out.state.phase == Phase::kJoining && has_room) {
    disqualify(out, event);
  }
  return out;
}

// The open collection without what has been folded so far. As after a restart of the aggregator,
// those who have answered are asked again.
void restart(Step& out, Instant now) {
  auto& state = out.state;
  auto& open = state.open;
  const RoundId before{std::max(open.request.round.value, 1U) - 1};
  for (const auto& id : open.reported) {
    auto& member = state.members.at(id);
    member.last_collection = CollectionId{};
    member.last_round = std::min(member.last_round, before);
  }
  open.reported.clear();
  open.deadline = now + open.policy.deadline;
  out.effects.emplace_back(RestartCollection{open.id});
}

// Which contributions are folded does not depend on when the client was evicted, but that it was
// before the collection closed.
Step evicted(const Config& config, Step out, const ClientEvicted& event, Instant now) {
  auto& state = out.state;
  auto& open = state.open;
  if (state.members.erase(event.client) == 0) {
    return out;
  }
  state.evicted.insert(event.client);
  out.effects.emplace_back(EvictClient{event.client});
  const bool was_asked = open.roster.erase(event.client) > 0;
  const bool has_reported = open.reported.erase(event.client) > 0;
  open.asked.erase(event.client);
  if (state.phase == Phase::kJoining && config.participants.contains(event.client)) {
    open.policy.needed = std::max(open.policy.needed - 1, config.min_clients);
  } else if (state.phase == Phase::kCollecting && was_asked && open.is_staged()) {
    if (open.is_settled()) {  // its values are in the sum that is being opened
      open.policy.needed = open.roster.size();
    } else {
      restart_stages(out, now);
    }
  } else if (state.phase == Phase::kCollecting && was_asked) {
    if (open.request.roster == Roster::kEveryone) {
      open.policy.needed = open.roster.size();
    }
    if (has_reported) {
      restart(out, now);
    }
    draw_replacements(config, out);
  }
  if (state.phase == Phase::kJoining || state.phase == Phase::kCollecting) {
    close_if_done(config, out, now);
  }
  return out;
}

Step joined(const Config& config, Step out, const ClientJoined& event, Instant now) {
  auto& state = out.state;
  const auto& [client, instance] = event.speaker;
  if (auto refused = why_not_join(config, state, event.speaker, event.is_holder_gone)) {
    out.reply = std::move(*refused);
    return out;
  }
  if (const auto known = state.members.find(client); known != state.members.end()) {
    known->second.instance = instance;
    see(out, client, now);
    return out;
  }
  auto& member = state.members[client];
  member.instance = instance;
  state.disqualified.erase(client);
  state.evicted.erase(client);
  member.standing.last_seen = now;
  if (state.phase != Phase::kJoining) {
    member.standing.first_round = RoundId{state.open.request.round.value + 1};
    return out;
  }
  state.open.roster.insert(client);
  state.open.reported.insert(client);
  close_if_done(config, out, now);
  return out;
}

Step asked(const Config& config, Step out, const TaskAsked& event, Instant now) {
  if (auto refused = why_not_speak(out.state, event.speaker)) {
    out.reply = std::move(*refused);
    return out;
  }
  const auto& client = event.speaker.client;
  see(out, client, now);
  const bool returns = is_drawn(out.state) && try_return(out.state.members.at(client).standing,
                                                         out.state.open.request.round,
                                                         config.max_failures);
  if (returns) {
    out.effects.emplace_back(ReadmitClient{client});
  }
  draw_replacements(config, out);
  return out;
}

// Why a contribution that is not awaited is refused.
std::string why_stale(const State& state, const Member& member, CollectionId collection) {
  if (state.is_over()) {
    return "the training is over";
  }
  const bool is_open = state.phase == Phase::kCollecting;
  if (is_open && collection == state.open.id) {
    return member.standing.is_quarantined() ? "quarantined: " + why_quarantined(member.standing)
                                            : "not drawn for this round";
  }
  if (collection > state.open.id || state.phase == Phase::kJoining) {
    return "of a round that has not opened";
  }
  const CollectionId last{is_open ? state.open.id.value - 1 : state.open.id.value};
  return "too late: " + (collection == last && !state.last_close.empty()
                             ? state.last_close
                             : "collection " + std::to_string(collection.value) + " has closed");
}

std::string what_is_open(const State& state) {
  const auto& request = state.open.request;
  return request.round.value == 0
             ? "the current collection is " + std::to_string(state.open.id.value)
             : "the current round is " + std::to_string(request.round.value) + ", collection " +
                   std::to_string(state.open.id.value);
}

// Whether a message of a secure sum has been taken: of the open stage, or of one before it.
bool has_sent(const Collection& open, const ClientId& client, const StageStep& step) {
  const auto stage = std::ranges::find(open.stages, step.stage) - open.stages.begin();
  if (step.attempt != open.sum_attempt || stage > static_cast<std::ptrdiff_t>(open.stage)) {
    return false;
  }
  return stage < static_cast<std::ptrdiff_t>(open.stage) ? open.roster.contains(client)
                                                         : open.reported.contains(client);
}

// Whether it is what the open stage asks for.
bool is_of_open_stage(const Collection& open, const std::optional<StageStep>& step) {
  return open.is_staged()
             ? step && step->attempt == open.sum_attempt && step->stage == open.stages[open.stage]
             : !step;
}

// Whether the contribution is to be folded; else `out` says why not.
bool awaits_contribution(Step& out,
                         const Speaker& speaker,
                         CollectionId collection,
                         const std::optional<StageStep>& step,
                         Instant now) {
  auto& state = out.state;
  if (auto refused = why_not_speak(state, speaker)) {
    out.reply = std::move(*refused);
    return false;
  }
  see(out, speaker.client, now);
  auto& member = state.members.at(speaker.client);
  const bool is_open = state.phase == Phase::kCollecting && collection == state.open.id;
  const bool is_taken = is_open && step && has_sent(state.open, speaker.client, *step);
  if (is_taken || (collection.value != 0 && member.last_collection == collection)) {
    out.reply = Duplicate{};
    return false;
  }
  const bool is_awaited = is_open && is_of_open_stage(state.open, step) &&
                          state.open.awaits(speaker.client) && !member.standing.is_quarantined();
  if (!is_awaited) {
    const bool is_late = collection < state.open.id ||
                         (collection == state.open.id && state.phase != Phase::kCollecting);
    member.standing.late_updates += is_late ? 1 : 0;
    out.reply = Refused{Errc::kConflict,
                        "client " + speaker.client.str() + ": " +
                            why_stale(state, member, collection) + "; " + what_is_open(state)};
  }
  return is_awaited;
}

std::optional<StageStep> step_of(const Contribution& contribution) {
  const auto* masked = std::get_if<Masked>(&contribution.body);
  return masked == nullptr ? std::nullopt
                           : std::optional(StageStep{contribution.attempt, masked->stage});
}

Step announced(Step out, const ContributionAnnounced& event, Instant now) {
  awaits_contribution(out, event.speaker, event.collection, event.step, now);
  return out;
}

Step received(const Config& config, Step out, const ContributionReceived& event, Instant now) {
  const auto collection = event.contribution->collection;
  if (!awaits_contribution(out, event.speaker, collection, step_of(*event.contribution), now)) {
    return out;
  }
  const auto& client = event.speaker.client;
  auto& member = out.state.members.at(client);
  if (out.state.open.is_last_stage()) {
    member.last_collection = collection;
    member.last_round = out.state.open.request.round;
    succeed(member.standing);
  }
  out.state.open.reported.insert(client);
  out.effects.emplace_back(Fold{event.contribution});
  close_if_done(config, out, now);
  return out;
}

Step refused(const Config& config, Step out, const ContributionRefused& event, Instant now) {
  auto& state = out.state;
  const auto member = state.members.find(event.client);
  if (member == state.members.end() || !is_drawn(state)) {
    return out;
  }
  see(out, event.client, now);
  ++member->second.standing.invalid_updates;
  count_failure(config, out, event.client, "invalid update: " + event.reason);
  draw_replacements(config, out);
  close_if_done(config, out, now);
  return out;
}

ClosePolicy policy_of(const Config& config, const State& state, const Selection& selection) {
  ClosePolicy policy{.quorum = config.min_clients, .deadline = config.round_deadline};
  switch (state.open.request.roster) {
    case Roster::kEveryone:
      policy.needed = state.members.size();
      policy.waits_for_all = true;
      break;
    case Roster::kDrawn:
      policy.needed = selection.needed;
      policy.retries = config.retries;
      break;
  }
  return policy;
}

// The collection is a secure sum over its roster.
void protect(const Config& config, Collection& open) {
  open.stages = config.sum_stages;
  open.policy.quorum = std::max(open.policy.quorum, config.threshold(open.roster.size()));
  open.policy.needed = open.roster.size();
  open.policy.retries = config.retries;
}

Step opened(const Config& config, Step out, const NextRequested& event, Instant now) {
  auto& state = out.state;
  GENESIS_CHECK(state.phase == Phase::kAdvancing, "a collection opens once the last has closed");
  for (const auto& client : event.disqualified) {
    disqualify(out, client);
  }
  if (!event.disqualified.empty() && state.members.size() < config.min_clients) {
    fail_training(out, too_few_agree(config, state));
    return out;
  }
  Collection next;
  next.id = CollectionId{state.open.id.value + 1};
  next.request = event.request;
  state.open = std::move(next);
  Selection selection;
  if (event.request.roster == Roster::kDrawn) {
    selection = select_clients(config, state.members, event.request.round);
    state.open.roster = selection.clients;
  } else {
    for (const auto& [id, member] : state.members) {
      state.open.roster.insert(id);
    }
  }
  state.open.asked = state.open.roster;
  state.open.policy = policy_of(config, state, selection);
  if (config.threshold) {
    protect(config, state.open);
  }
  state.open.deadline = now + state.open.policy.deadline;
  state.phase = Phase::kCollecting;
  out.effects.emplace_back(OpenCollection{state.open.id});
  return out;
}

// Takes those who have been silent for as long as a round may take for lost.
void lose_the_silent(const Config& config, Step& out, Instant now) {
  for (auto& [id, member] : out.state.members) {
    auto& standing = member.standing;
    if (!standing.is_lost && now - standing.last_seen >= config.round_deadline) {
      standing.is_lost = true;
      standing.silence = std::chrono::duration_cast<std::chrono::seconds>(now - standing.last_seen);
      out.effects.emplace_back(LoseClient{id, why_lost(standing)});
    }
  }
}

void count_missed(const Config& config, Step& out) {
  for (const auto& id : awaited(out.state)) {
    count_failure(
        config,
        out,
        id,
        "sent no update of " + name_of(out.state.open.request) + " within rounds.deadlineSeconds");
  }
}

Step ticked(const Config& config, Step out, Instant now) {
  if (out.state.phase != Phase::kJoining && out.state.phase != Phase::kCollecting) {
    return out;
  }
  const auto& policy = out.state.open.policy;
  auto verdict = judge(policy, progress(out.state, now));
  if (is_drawn(out.state)) {
    if (verdict == Verdict::kCloseAtDeadline) {
      count_missed(config, out);  // before they are lost: a slow client is silent for as long
    }
    lose_the_silent(config, out, now);
    if (verdict == Verdict::kOpen && !out.effects.empty()) {
      draw_replacements(config, out);
      verdict = judge(policy, progress(out.state, now));
    }
  }
  act_on(verdict, config, out, now);
  return out;
}

Step rolled_back(Step out, const RolledBack& event) {
  auto& state = out.state;
  const bool can_go_back = state.phase == Phase::kCollecting &&
                           state.open.request.round.value > 0 &&
                           event.round < state.open.request.round;
  if (!can_go_back) {
    out.reply = Refused{Errc::kFailedPrecondition,
                        "rollback: only while a round after round " +
                            std::to_string(event.round.value) + " is open"};
    return out;
  }
  // What the sites have sent since counts for nothing, nor does how often they failed on the way.
  for (auto& [id, member] : state.members) {
    auto& standing = member.standing;
    succeed(standing);
    standing.returns_in = RoundId{0};
    standing.first_round = std::min(standing.first_round, RoundId{event.round.value + 1});
  }
  state.last_close = name_of(state.open.request) + " was rolled back to round " +
                     std::to_string(event.round.value);
  state.open.request.round = event.round;
  advance(out);
  return out;
}

Step finished(Step out) {
  GENESIS_CHECK(out.state.phase == Phase::kAdvancing, "a model comes of the last collection");
  out.state.phase = Phase::kComplete;
  out.effects.emplace_back(FinishTraining{});
  return out;
}

Step broken(Step out, const EffectFailed& event) {
  if (!out.state.is_over()) {
    fail_training(out, event.reason);
  }
  return out;
}

}  // namespace

State start(const Config& config, Instant now) {
  State state;
  state.open.request = {"join", Roster::kEveryone, RoundId{0}};
  state.open.policy = {.quorum = config.min_clients,
                       .needed = config.expected_clients,
                       .deadline = config.start_deadline,
                       .waits_for_all = true};
  state.open.deadline = now + config.start_deadline;
  return state;
}

Step resume(const Config& config,
            std::map<ClientId, Member> members,
            CollectionId closed,
            RoundId round,
            Instant now) {
  Step out{start(config, now), {}, {}};
  out.state.members = std::move(members);
  for (auto& [id, member] : out.state.members) {
    member.standing.last_seen = now;
  }
  out.state.open.id = closed;
  out.state.open.request.round = round;
  advance(out);
  return out;
}

Step step(const Config& config, State state, const Event& event, Instant now) {
  Step out{std::move(state), {}, {}};
  return std::visit(
      Overloaded{
          [&](const ClientJoined& e) { return joined(config, std::move(out), e, now); },
          [&](const TaskAsked& e) { return asked(config, std::move(out), e, now); },
          [&](const ContributionAnnounced& e) { return announced(std::move(out), e, now); },
          [&](const ContributionReceived& e) { return received(config, std::move(out), e, now); },
          [&](const ContributionRefused& e) { return refused(config, std::move(out), e, now); },
          [&](const ClientDisqualified& e) { return disqualified(config, std::move(out), e); },
          [&](const ClientEvicted& e) { return evicted(config, std::move(out), e, now); },
          [&](const RolledBack& e) { return rolled_back(std::move(out), e); },
          [&](const NextRequested& e) { return opened(config, std::move(out), e, now); },
          [&](const ModelReleased&) { return finished(std::move(out)); },
          [&](const EffectFailed& e) { return broken(std::move(out), e); },
          [&](const Tick&) { return ticked(config, std::move(out), now); },
      },
      event);
}

Todo todo(const State& state, const ClientId& client, Instant now) {
  switch (state.phase) {
    case Phase::kJoining:
    case Phase::kAdvancing:
      return Wait{};
    case Phase::kCollecting: {
      const auto& open = state.open;
      const bool is_asked =
          open.awaits(client) && !state.members.at(client).standing.is_quarantined();
      if (!is_asked) {
        return Wait{};
      }
      const auto remaining = std::max(Milliseconds(0), open.deadline - now);
      return Contribute{open.id,
                        open.is_staged() ? open.sum_attempt : open.attempt,
                        open.stages[open.stage],
                        remaining};
    }
    case Phase::kComplete:
      return Finish{};
    case Phase::kFailed:
      return GiveUp{state.reason};
  }
  return Wait{};
}

}  // namespace genesis::rounds
