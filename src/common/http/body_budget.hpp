#pragma once
// How many bytes of request bodies a server holds, as pure bookkeeping: each body counts with what
// has arrived of it, until its answer is made. Where all together are too many, the peer that holds
// most gives up its newest body, so nobody's body waits for a stranger's, and nothing can deadlock.
// Private to this folder; used by session.cpp.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/http/connection_table.hpp"

namespace genesis::http {

class BodyBudget {
 public:
  explicit BodyBudget(std::uint64_t total) : total_(total) {}

  /// The body that `id` is sending for `peer` now holds `bytes`. Returns the connections whose
  /// bodies are given up for it, which are no longer counted; `id` may be one.
  [[nodiscard]] std::vector<ConnectionId> grow(ConnectionId id,
                                               const std::string& peer,
                                               std::uint64_t bytes);
  /// It has arrived in full: from here on it is not given up.
  void complete(ConnectionId id);
  [[nodiscard]] bool is_complete(ConnectionId id) const;
  void release(ConnectionId id);

  [[nodiscard]] std::uint64_t held() const { return held_; }
  [[nodiscard]] std::uint64_t total() const { return total_; }

 private:
  struct Body {
    std::string peer;
    std::uint64_t bytes = 0;
    bool is_complete = false;
  };

  [[nodiscard]] std::map<ConnectionId, Body>::iterator to_give_up();

  std::uint64_t total_;
  std::uint64_t held_ = 0;
  std::map<ConnectionId, Body> bodies_;
};

}  // namespace genesis::http
