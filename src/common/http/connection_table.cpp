#include "common/http/connection_table.hpp"

namespace genesis::http {

ConnectionTable::Key ConnectionTable::key_of(const Peer& peer) {
  if (!peer.name.empty()) {
    return {Kind::kName, peer.name};
  }
  return {peer.is_authenticated ? Kind::kAuthenticatedAddress : Kind::kAddress, peer.address};
}

std::size_t ConnectionTable::bound_of(const Key& key) const {
  return key.kind == Kind::kName ? bounds_.of_a_name : bounds_.of_an_address;
}

std::vector<ConnectionId> ConnectionTable::put(ConnectionId id, const Peer& peer) {
  remove(id);
  const Key key = key_of(peer);
  const auto group = groups_.try_emplace(key).first;
  if (group->second.is_member != peer.is_member) {
    // Membership is the peer's, so its earlier connections change with it.
    const std::size_t earlier = group->second.connections.size();
    members_ += peer.is_member ? earlier : 0;
    members_ -= peer.is_member ? 0 : earlier;
    group->second.is_member = peer.is_member;
  }
  group->second.connections.insert(id);
  members_ += peer.is_member ? 1 : 0;
  peers_[id] = key;

  std::vector<ConnectionId> closed;
  if (group->second.connections.size() > bound_of(key)) {
    closed.push_back(take_oldest(group));
  }
  while (peers_.size() - members_ > bounds_.total - bounds_.reserved_for_members) {
    closed.push_back(take_oldest(heaviest(Among::kOthersThanMembers)));
  }
  while (peers_.size() > bounds_.total) {
    closed.push_back(take_oldest(heaviest(Among::kAll)));
  }
  return closed;
}

void ConnectionTable::remove(ConnectionId id) {
  const auto known = peers_.find(id);
  if (known == peers_.end()) {
    return;
  }
  const auto group = groups_.find(known->second);
  peers_.erase(known);
  members_ -= group->second.is_member ? 1 : 0;
  group->second.connections.erase(id);
  if (group->second.connections.empty()) {
    groups_.erase(group);
  }
}

ConnectionId ConnectionTable::take_oldest(Groups::iterator group) {
  const ConnectionId oldest = *group->second.connections.begin();
  remove(oldest);
  return oldest;
}

// Of equals the one that has had a connection for longest.
ConnectionTable::Groups::iterator ConnectionTable::heaviest(Among among) {
  auto most = groups_.end();
  for (auto group = groups_.begin(); group != groups_.end(); ++group) {
    const auto& [connections, is_member] = group->second;
    if (among == Among::kOthersThanMembers && is_member) {
      continue;
    }
    if (most == groups_.end()) {
      most = group;
      continue;
    }
    const auto& others = most->second.connections;
    const bool is_older = *connections.begin() < *others.begin();
    if (connections.size() > others.size() || (connections.size() == others.size() && is_older)) {
      most = group;
    }
  }
  return most;
}

}  // namespace genesis::http
