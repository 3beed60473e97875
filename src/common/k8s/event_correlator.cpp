// The pure half of event_recorder.hpp.
#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "common/k8s/event_recorder.hpp"

namespace genesis::k8s {
namespace {

constexpr std::size_t kLongestStem = 230;  // an object's name has at most 253 characters

std::string identity_of(const Event& event) {
  std::string text = event.about.uid;
  text.append("\n").append(event.about.resource.kind).append("\n").append(event.about.key.str());
  text.append(event.type == EventType::kNormal ? "\nN\n" : "\nW\n");
  return text.append(event.reason).append("\n").append(event.message);
}

}  // namespace

std::optional<EventWrite> EventCorrelator::correlate(const Event& event,
                                                     Instant now,
                                                     SystemTime wall) {
  if (!has_budget(event.about.uid, now)) {
    return std::nullopt;
  }
  std::string identity = identity_of(event);
  const auto found = by_identity_.find(identity);
  if (found != by_identity_.end() && now - found->second->at < limits_.window) {
    Known& known = *found->second;
    known.at = now;
    known.write.kind = EventWrite::Kind::kCount;
    ++known.write.count;
    known.write.last = wall;
    known_.splice(known_.begin(), known_, found->second);
    return known.write;
  }
  if (found != by_identity_.end()) {
    known_.erase(found->second);
    by_identity_.erase(found);
  }
  const auto ticks = std::chrono::duration_cast<std::chrono::nanoseconds>(wall.time_since_epoch());
  last_suffix_ = std::max(last_suffix_ + 1, static_cast<std::uint64_t>(ticks.count()));
  std::array<char, 24> suffix{};
  std::snprintf(
      suffix.data(), suffix.size(), ".%016llx", static_cast<unsigned long long>(last_suffix_));
  EventWrite write;
  write.name = event.about.key.name.substr(0, kLongestStem) + suffix.data();
  write.first = wall;
  write.last = wall;
  known_.push_front(Known{identity, write, now});
  by_identity_.emplace(std::move(identity), known_.begin());
  if (known_.size() > limits_.remembered) {
    by_identity_.erase(known_.back().identity);
    known_.pop_back();
  }
  return write;
}

void EventCorrelator::forget(const Event& event) {
  const auto found = by_identity_.find(identity_of(event));
  if (found != by_identity_.end()) {
    known_.erase(found->second);
    by_identity_.erase(found);
  }
}

bool EventCorrelator::has_budget(const std::string& uid, Instant now) {
  const double per_refill = static_cast<double>(limits_.refill.count());
  const auto refilled = [&](const Budget& budget) {
    const double passed = static_cast<double>((now - budget.at).count());
    return std::min(limits_.burst, budget.tokens + std::max(0.0, passed) / per_refill);
  };
  if (budgets_.size() > 2 * limits_.remembered) {
    // A full budget is what an unknown object has.
    std::erase_if(budgets_,
                  [&](const auto& entry) { return refilled(entry.second) >= limits_.burst; });
  }
  Budget& budget = budgets_.try_emplace(uid, Budget{limits_.burst, now}).first->second;
  budget.tokens = refilled(budget);
  budget.at = now;
  if (budget.tokens < 1.0) {
    return false;
  }
  budget.tokens -= 1.0;
  return true;
}

}  // namespace genesis::k8s
