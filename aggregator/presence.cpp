#include "aggregator/presence.hpp"

#include <utility>

namespace genesis::aggregator {

void Presence::seen(const ClientId& client, Connection connection) {
  last_.insert_or_assign(client, std::move(connection));
}

bool Presence::is_gone(const ClientId& client, Instant now) const {
  const auto known = last_.find(client);
  if (known == last_.end() || known->second == nullptr) {
    return now - started_ >= reclaim_;
  }
  return known->second->load() == http::ConnectionState::kClosedByPeer;
}

}  // namespace genesis::aggregator
