#include "common/http/body_budget.hpp"

namespace genesis::http {

std::vector<ConnectionId> BodyBudget::grow(ConnectionId id,
                                           const std::string& peer,
                                           std::uint64_t bytes) {
  Body& body = bodies_[id];
  body.peer = peer;
  held_ += bytes - body.bytes;
  body.bytes = bytes;
  std::vector<ConnectionId> given_up;
  while (held_ > total_) {
    const auto next = to_give_up();
    if (next == bodies_.end()) {
      break;  // all have arrived: they go as soon as they are answered
    }
    given_up.push_back(next->first);
    release(next->first);
  }
  return given_up;
}

void BodyBudget::complete(ConnectionId id) {
  if (const auto body = bodies_.find(id); body != bodies_.end()) {
    body->second.is_complete = true;
  }
}

bool BodyBudget::is_complete(ConnectionId id) const {
  const auto body = bodies_.find(id);
  return body != bodies_.end() && body->second.is_complete;
}

void BodyBudget::release(ConnectionId id) {
  if (const auto body = bodies_.find(id); body != bodies_.end()) {
    held_ -= body->second.bytes;
    bodies_.erase(body);
  }
}

// The newest incomplete body of the peer that holds most, complete ones counted.
std::map<ConnectionId, BodyBudget::Body>::iterator BodyBudget::to_give_up() {
  std::map<std::string, std::uint64_t> held_by;
  for (const auto& [id, body] : bodies_) {
    held_by[body.peer] += body.bytes;
  }
  auto found = bodies_.end();
  for (auto body = bodies_.begin(); body != bodies_.end(); ++body) {
    const bool is_first = found == bodies_.end();
    if (!body->second.is_complete &&
        (is_first || held_by[body->second.peer] >= held_by[found->second.peer])) {
      found = body;
    }
  }
  return found;
}

}  // namespace genesis::http
