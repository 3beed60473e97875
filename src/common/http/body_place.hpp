#pragma once
// Whose bodies are held: one of each certificate name, and no more bytes in all than the server
// may hold. Private to this folder.
#include <cstdint>

#include "common/http/connection_table.hpp"
#include "common/http/server_shared.hpp"

namespace genesis::http {

/// A body's place among all bodies, and its name's only one, for as long as it lives.
class BodyPlace {
 public:
  BodyPlace(ServerShared& shared, ConnectionId id, const ConnectionTable::Peer& peer);
  ~BodyPlace();
  BodyPlace(const BodyPlace&) = delete;
  BodyPlace& operator=(const BodyPlace&) = delete;

  /// False where another body of the same name has arrived and is being answered; one that is still
  /// arriving gives way, for its sender has most likely lost that connection and tries again.
  [[nodiscard]] bool take();
  /// False where this body is given up.
  [[nodiscard]] bool grow(std::uint64_t bytes);
  void complete();
  /// As its end does: the answer has been made.
  void release();

 private:
  ServerShared& shared_;
  ConnectionId id_;
  const ConnectionTable::Peer& peer_;  // its session's
  bool is_taken_ = false;
};

}  // namespace genesis::http
