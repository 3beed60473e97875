#pragma once
// What the connections of one server share. Private to this folder.
#include <deque>
#include <map>
#include <optional>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "common/http/body_budget.hpp"
#include "common/http/connection_table.hpp"
#include "common/http/parse.hpp"
#include "common/http/server.hpp"
#include "common/http/worker_pool.hpp"

namespace genesis::http {

class Session;

/// What all connections of a server share. Constant after the start, but for what follows
/// `handler`, which the executor owns.
struct ServerShared {
  ServerShared(std::optional<tls::ServerContext> server_tls,
               const Limits& bounds,
               Handler plugged_in);

  std::optional<tls::ServerContext> tls;
  Limits limits;
  Handler handler;
  Counters counters;
  bool is_stopping = false;
  ConnectionTable connections;
  std::map<ConnectionId, Session*> sessions;   // each removes its own
  std::uint64_t body_bytes = 0;                // of bodies that are being read, as they count
  std::deque<asio::steady_timer*> body_queue;  // of those that wait; each removes its own
  BodyBudget bodies;
  std::map<std::string, ConnectionId> body_of_name;  // by certificate name: the one that has a body
  WorkerPool pool;
};

}  // namespace genesis::http
