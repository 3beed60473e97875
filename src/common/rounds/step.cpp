#include "common/rounds/step.hpp"

#include <algorithm>
#include <utility>

#include "common/base/overloaded.hpp"
#include "common/rounds/selection.hpp"
#include "common/rounds/view.hpp"

namespace genesis::rounds {
namespace {

void fail_training(Step& out, std::string reason) {
  out.state.phase = Phase::kFailed;
  out.state.reason = reason;
  out.effects.emplace_back(FailTraining{std::move(reason)});
}

void open_round(const Config& config, Step& out, RoundId round, Instant now) {
  auto& state = out.state;
  state.phase = Phase::kTraining;
  state.round = round;
  state.attempt = 1;
  state.deadline = now + config.round_deadline;
  auto [needed, clients] = select_clients(config, state.members, round);
  state.needed = needed;
  state.selected = std::move(clients);
  state.reported.clear();
  out.effects.emplace_back(OpenRound{round});
}

void open_next_round(const Config& config, Step& out, RoundId closed, Instant now) {
  if (closed.value >= config.total_rounds) {
    out.state.phase = Phase::kComplete;
    out.effects.emplace_back(FinishTraining{});
    return;
  }
  open_round(config, out, RoundId{closed.value + 1}, now);
}

void close_round(const Config& config, Step& out, std::string why, Instant now) {
  out.state.last_close = std::move(why);
  out.effects.emplace_back(CloseRound{out.state.round});
  open_next_round(config, out, out.state.round, now);
}

// Closes the round where nothing more is to come that it needs.
void close_if_done(const Config& config, Step& out, Instant now) {
  const auto& state = out.state;
  if (state.reported.size() >= state.needed) {
    close_round(
        config, out, "once it had the " + std::to_string(state.needed) + " updates it needed", now);
  } else if (state.reported.size() >= config.min_clients && awaited(state).empty()) {
    close_round(config, out, "once nobody else was awaited", now);
  }
}

void draw_replacements(const Config& config, Step& out) {
  if (out.state.phase != Phase::kTraining) {
    return;
  }
  for (auto& id : replacements(config, out.state)) {
    out.state.selected.insert(id);
    out.effects.emplace_back(DrawReplacement{std::move(id)});
  }
}

void count_failure(const Config& config, Step& out, const ClientId& client, std::string reason) {
  auto& standing = out.state.members.at(client).standing;
  if (fail_once(standing, std::move(reason), out.state.round, config.max_failures)) {
    out.effects.emplace_back(SetAsideClient{client, why_set_aside(standing)});
  }
}

// The client has been heard of: it is lost no more.
void see(Step& out, const ClientId& client, Instant now) {
  auto& standing = out.state.members.at(client).standing;
  standing.last_seen = now;
  if (std::exchange(standing.is_lost, false)) {
    out.effects.emplace_back(TakeBackClient{client});
  }
}

void request_summaries(const Config& config, Step& out, Instant now) {
  out.state.phase = Phase::kSummarizing;
  out.state.deadline = now + config.round_deadline;
  out.effects.emplace_back(RequestSummaries{});
}

void fit_and_start(const Config& config, Step& out, Instant now) {
  out.effects.emplace_back(FitEncoder{});
  open_round(config, out, RoundId{1}, now);
}

std::string shortfall(std::size_t got, std::size_t needed, const std::string& what) {
  return "only " + std::to_string(got) + " of the " + std::to_string(needed) +
         " clients that rounds.minClients asks for " + what;
}

Step joined(const Config& config, Step out, const ClientJoined& event, Instant now) {
  auto& state = out.state;
  if (state.members.contains(event.client)) {
    see(out, event.client, now);
    out.effects.emplace_back(AdmitClient{event.client});
    return out;
  }
  if (state.phase == Phase::kSummarizing) {
    out.effects.emplace_back(DeferClient{
        event.client, "the sites are agreeing on an encoding; it may join once they have"});
    return out;
  }
  if (state.phase == Phase::kComplete || state.phase == Phase::kFailed) {
    out.effects.emplace_back(RefuseClient{event.client, "the training is over"});
    return out;
  }
  if (state.members.size() >= config.max_clients) {
    out.effects.emplace_back(RefuseClient{
        event.client,
        "rounds.maxClients: all " + std::to_string(config.max_clients) + " places are taken"});
    return out;
  }
  auto& member = state.members[event.client];
  member.standing.last_seen = now;
  if (state.phase == Phase::kTraining) {
    member.standing.first_round = RoundId{state.round.value + 1};
  }
  out.effects.emplace_back(AdmitClient{event.client});
  if (state.phase == Phase::kJoining && state.members.size() >= config.expected_clients) {
    request_summaries(config, out, now);
  }
  return out;
}

Step asked(const Config& config, Step out, const TaskAsked& event, Instant now) {
  const auto member = out.state.members.find(event.client);
  if (member == out.state.members.end()) {
    out.effects.emplace_back(RefuseClient{event.client, "join first"});
    return out;
  }
  see(out, event.client, now);
  if (out.state.phase == Phase::kTraining &&
      try_return(member->second.standing, out.state.round, config.max_failures)) {
    out.effects.emplace_back(TakeBackClient{event.client});
  }
  draw_replacements(config, out);
  return out;
}

Step summarized(const Config& config, Step out, const SummaryReceived& event, Instant now) {
  auto& state = out.state;
  const auto member = state.members.find(event.client);
  if (member == state.members.end()) {
    out.effects.emplace_back(RefuseClient{event.client, "join first"});
    return out;
  }
  see(out, event.client, now);
  if (member->second.has_summary) {
    out.effects.emplace_back(IgnoreDuplicate{event.client});
    return out;
  }
  if (state.phase != Phase::kSummarizing) {
    out.effects.emplace_back(RejectStale{event.client, state.round, "no summary is awaited"});
    return out;
  }
  member->second.has_summary = true;
  out.effects.emplace_back(AddSummary{event.client});
  if (std::ranges::all_of(state.members, [](const auto& m) { return m.second.has_summary; })) {
    fit_and_start(config, out, now);
  }
  return out;
}

// Why an update that is not awaited is refused.
std::string why_stale(const State& state, const Member& member, RoundId round) {
  if (state.phase != Phase::kTraining) {
    return state.phase == Phase::kComplete || state.phase == Phase::kFailed ? "the training is over"
                                                                            : "no round is open";
  }
  if (round == state.round) {
    return member.standing.is_set_aside() ? "set aside: " + why_set_aside(member.standing)
                                          : "not drawn for this round";
  }
  if (round > state.round) {
    return "of a round that has not opened";
  }
  const bool was_last = round.value + 1 == state.round.value && !state.last_close.empty();
  return "too late: round " + std::to_string(round.value) + " closed " +
         (was_last ? state.last_close : "before");
}

// Whether an update of `round` by `client` is to be folded; else `out` says why not.
bool awaits_update(Step& out, const ClientId& client, RoundId round, Instant now) {
  auto& state = out.state;
  const auto found = state.members.find(client);
  if (found == state.members.end()) {
    out.effects.emplace_back(RefuseClient{client, "join first"});
    return false;
  }
  see(out, client, now);
  auto& member = found->second;
  if (round.value != 0 && member.last_round == round) {
    out.effects.emplace_back(IgnoreDuplicate{client});
    return false;
  }
  const bool is_awaited = state.phase == Phase::kTraining && round == state.round &&
                          state.selected.contains(client) && !member.standing.is_set_aside();
  if (!is_awaited) {
    const bool is_late =
        round < state.round || (round == state.round && state.phase != Phase::kTraining);
    member.standing.late_updates += is_late ? 1 : 0;
    out.effects.emplace_back(RejectStale{client, state.round, why_stale(state, member, round)});
  }
  return is_awaited;
}

Step announced(Step out, const UpdateAnnounced& event, Instant now) {
  awaits_update(out, event.client, event.round, now);
  return out;
}

Step updated(const Config& config, Step out, const UpdateReceived& event, Instant now) {
  if (!awaits_update(out, event.client, event.round, now)) {
    return out;
  }
  auto& member = out.state.members.at(event.client);
  member.last_round = event.round;
  succeed(member.standing);
  out.state.reported.insert(event.client);
  out.effects.emplace_back(FoldUpdate{event.client});
  close_if_done(config, out, now);
  return out;
}

Step refused(const Config& config, Step out, const UpdateRefused& event, Instant now) {
  auto& state = out.state;
  const auto member = state.members.find(event.client);
  if (member == state.members.end() || state.phase != Phase::kTraining) {
    return out;
  }
  see(out, event.client, now);
  ++member->second.standing.invalid_updates;
  count_failure(config, out, event.client, "invalid update: " + event.reason);
  draw_replacements(config, out);
  close_if_done(config, out, now);
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
    count_failure(config,
                  out,
                  id,
                  "sent no update of round " + std::to_string(out.state.round.value) +
                      " within rounds.deadlineSeconds");
  }
}

void try_round_again(const Config& config, Step& out, Instant now) {
  auto& state = out.state;
  if (state.attempt <= config.retries) {
    ++state.attempt;
    state.deadline = now + config.round_deadline;
    out.effects.emplace_back(ExtendRound{state.round, state.attempt});
    draw_replacements(config, out);
    return;
  }
  fail_training(out,
                "round " + std::to_string(state.round.value) + ": " +
                    shortfall(state.reported.size(),
                              config.min_clients,
                              "reported within " + std::to_string(state.attempt) +
                                  " times rounds.deadlineSeconds; missing: ") +
                    who_is_missing(state));
}

void tick_round(const Config& config, Step& out, Instant now) {
  const bool is_due = now >= out.state.deadline;
  const bool has_quorum = out.state.reported.size() >= config.min_clients;
  if (is_due && has_quorum) {
    count_missed(config, out);  // before they are lost: a slow client is silent for as long
  }
  lose_the_silent(config, out, now);
  if (is_due && has_quorum) {
    close_round(config, out, "at its deadline", now);
  } else if (is_due) {
    try_round_again(config, out, now);
  } else if (!out.effects.empty()) {
    draw_replacements(config, out);
    close_if_done(config, out, now);
  }
}

Step ticked(const Config& config, Step out, Instant now) {
  auto& state = out.state;
  switch (state.phase) {
    case Phase::kJoining:
      if (now < state.deadline) {
        return out;
      }
      if (state.members.size() >= config.min_clients) {
        request_summaries(config, out, now);
      } else {
        fail_training(out,
                      shortfall(state.members.size(),
                                config.min_clients,
                                "joined within rounds.startDeadlineSeconds"));
      }
      return out;
    case Phase::kSummarizing: {
      if (now < state.deadline) {
        return out;
      }
      std::string missing;
      for (const auto& [id, member] : state.members) {
        missing += member.has_summary ? "" : (missing.empty() ? "" : ", ") + id.str();
      }
      std::erase_if(state.members, [](const auto& m) { return !m.second.has_summary; });
      if (state.members.size() >= config.min_clients) {
        fit_and_start(config, out, now);
      } else {
        fail_training(out,
                      shortfall(state.members.size(),
                                config.min_clients,
                                "sent their summaries within rounds.deadlineSeconds; missing: ") +
                          missing);
      }
      return out;
    }
    case Phase::kTraining:
      tick_round(config, out, now);
      return out;
    case Phase::kComplete:
    case Phase::kFailed:
      return out;
  }
  return out;
}

}  // namespace

State start(const Config& config, Instant now) {
  State state;
  state.deadline = now + config.start_deadline;
  return state;
}

Step resume(const Config& config, std::map<ClientId, Member> members, RoundId closed, Instant now) {
  Step out{start(config, now), {}};
  out.state.members = std::move(members);
  for (auto& [id, member] : out.state.members) {
    member.standing.last_seen = now;
  }
  out.state.round = closed;
  open_next_round(config, out, closed, now);
  return out;
}

Step step(const Config& config, State state, const Event& event, Instant now) {
  Step out{std::move(state), {}};
  return std::visit(
      Overloaded{
          [&](const ClientJoined& e) { return joined(config, std::move(out), e, now); },
          [&](const TaskAsked& e) { return asked(config, std::move(out), e, now); },
          [&](const SummaryReceived& e) { return summarized(config, std::move(out), e, now); },
          [&](const UpdateAnnounced& e) { return announced(std::move(out), e, now); },
          [&](const UpdateReceived& e) { return updated(config, std::move(out), e, now); },
          [&](const UpdateRefused& e) { return refused(config, std::move(out), e, now); },
          [&](const Tick&) { return ticked(config, std::move(out), now); },
      },
      event);
}

}  // namespace genesis::rounds
