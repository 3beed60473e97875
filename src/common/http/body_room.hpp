#pragma once
// How many bodies are read at once. Private to this folder.
#include <cstdint>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "common/http/server_shared.hpp"

namespace genesis::http {

/// What one body counts for in ServerShared::body_bytes, for as long as it lives.
class BodyRoom {
 public:
  BodyRoom(ServerShared& shared, std::uint64_t expected);
  ~BodyRoom();
  BodyRoom(const BodyRoom&) = delete;
  BodyRoom& operator=(const BodyRoom&) = delete;

  /// Waits until there is room, or Limits::body_patience is over.
  asio::awaitable<void> take(asio::any_io_executor executor);

 private:
  ServerShared& shared_;
  std::uint64_t size_;
  bool is_taken_ = false;
};

}  // namespace genesis::http
