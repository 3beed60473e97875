#include "aggregator/watchers.hpp"

#include <algorithm>
#include <utility>

namespace genesis::aggregator {
namespace {

bool is_open(const Watchers::Connection& connection) {
  return connection != nullptr && connection->load() == http::ConnectionState::kOpen;
}

}  // namespace

void Watchers::told(Connection connection, Instant now) {
  std::erase_if(last_, [](const auto& one) { return !is_open(one.first); });
  if (is_open(connection)) {
    last_.insert_or_assign(std::move(connection), now);
  }
}

bool Watchers::is_awaited(Instant over, Instant now) const {
  return now - over < kPatience && std::ranges::any_of(last_, [&](const auto& one) {
           return is_open(one.first) && over - one.second < kPatience;
         });
}

}  // namespace genesis::aggregator
