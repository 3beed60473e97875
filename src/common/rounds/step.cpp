#include "common/rounds/step.hpp"

#include <algorithm>
#include <cmath>

#include "common/base/overloaded.hpp"
#include "common/base/rng.hpp"

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
  state.selected = select_clients(config, state.members, round);
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

void close_round(const Config& config, Step& out, Instant now) {
  out.effects.emplace_back(CloseRound{out.state.round});
  open_next_round(config, out, out.state.round, now);
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
  const bool known = state.members.contains(event.client);
  if (!known && state.phase != Phase::kJoining) {
    out.effects.emplace_back(
        RefuseClient{event.client, "the training has started without this client"});
    return out;
  }
  if (!known && state.members.size() >= config.max_clients) {
    out.effects.emplace_back(RefuseClient{
        event.client,
        "rounds.maxClients: all " + std::to_string(config.max_clients) + " places are taken"});
    return out;
  }
  state.members.try_emplace(event.client);
  out.effects.emplace_back(AdmitClient{event.client});
  if (state.phase == Phase::kJoining && state.members.size() >= config.expected_clients) {
    request_summaries(config, out, now);
  }
  return out;
}

Step summarized(const Config& config, Step out, const SummaryReceived& event, Instant now) {
  auto& state = out.state;
  const auto member = state.members.find(event.client);
  if (member == state.members.end()) {
    out.effects.emplace_back(RefuseClient{event.client, "join first"});
    return out;
  }
  if (member->second.has_summary) {
    out.effects.emplace_back(IgnoreDuplicate{event.client});
    return out;
  }
  if (state.phase != Phase::kSummarizing) {
    out.effects.emplace_back(RejectStale{event.client, state.round});
    return out;
  }
  member->second.has_summary = true;
  out.effects.emplace_back(AddSummary{event.client});
  if (std::ranges::all_of(state.members, [](const auto& m) { return m.second.has_summary; })) {
    fit_and_start(config, out, now);
  }
  return out;
}

Step updated(const Config& config, Step out, const UpdateReceived& event, Instant now) {
  auto& state = out.state;
  const auto member = state.members.find(event.client);
  if (member == state.members.end()) {
    out.effects.emplace_back(RefuseClient{event.client, "join first"});
    return out;
  }
  if (event.round.value != 0 && member->second.last_round == event.round) {
    out.effects.emplace_back(IgnoreDuplicate{event.client});
    return out;
  }
  const bool awaited = state.phase == Phase::kTraining && event.round == state.round &&
                       state.selected.contains(event.client);
  if (!awaited) {
    out.effects.emplace_back(RejectStale{event.client, state.round});
    return out;
  }
  member->second.last_round = event.round;
  state.reported.insert(event.client);
  out.effects.emplace_back(FoldUpdate{event.client});
  if (state.reported.size() == state.selected.size()) {
    close_round(config, out, now);
  }
  return out;
}

Step ticked(const Config& config, Step out, Instant now) {
  auto& state = out.state;
  if (now < state.deadline) {
    return out;
  }
  switch (state.phase) {
    case Phase::kJoining:
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
      std::erase_if(state.members, [](const auto& m) { return !m.second.has_summary; });
      if (state.members.size() >= config.min_clients) {
        fit_and_start(config, out, now);
      } else {
        fail_training(out,
                      shortfall(state.members.size(),
                                config.min_clients,
                                "sent their summaries within rounds.deadlineSeconds"));
      }
      return out;
    }
    case Phase::kTraining:
      if (state.reported.size() >= config.min_clients) {
        close_round(config, out, now);
      } else if (state.attempt < config.round_attempts) {
        ++state.attempt;
        state.deadline = now + config.round_deadline;
        out.effects.emplace_back(ExtendRound{state.round, state.attempt});
      } else {
        fail_training(out,
                      "round " + std::to_string(state.round.value) + ": " +
                          shortfall(state.reported.size(),
                                    config.min_clients,
                                    "reported within " + std::to_string(state.attempt) +
                                        " times rounds.deadlineSeconds"));
      }
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
  out.state.round = closed;
  open_next_round(config, out, closed, now);
  return out;
}

Step step(const Config& config, State state, const Event& event, Instant now) {
  Step out{std::move(state), {}};
  return std::visit(
      Overloaded{
          [&](const ClientJoined& e) { return joined(config, std::move(out), e, now); },
          [&](const SummaryReceived& e) { return summarized(config, std::move(out), e, now); },
          [&](const UpdateReceived& e) { return updated(config, std::move(out), e, now); },
          [&](const Tick&) { return ticked(config, std::move(out), now); },
      },
      event);
}

std::set<ClientId> select_clients(const Config& config,
                                  const std::map<ClientId, Member>& members,
                                  RoundId round) {
  std::vector<ClientId> ids;
  ids.reserve(members.size());
  for (const auto& [id, member] : members) {
    ids.push_back(id);
  }
  const auto wanted =
      static_cast<std::size_t>(std::ceil(config.client_fraction * static_cast<double>(ids.size())));
  const std::size_t count = std::min(ids.size(), std::max(wanted, config.min_clients));
  Rng rng(config.seed, round, "", "client selection");
  for (std::size_t i = 0; i < count; ++i) {  // Fisher-Yates, the first `count` places
    std::swap(ids[i], ids[i + rng.below(ids.size() - i)]);
  }
  return {ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count)};
}

}  // namespace genesis::rounds
