#pragma once
// The aggregator's HTTP face, under /v1/ (docs/protocol.md): routes to one Coordinator. All runs on
// one executor; long polls wait there for the coordinator's next change.
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "aggregator/coordinator.hpp"
#include "common/base/clock.hpp"
#include "common/crypto/secret.hpp"
#include "common/http/server.hpp"

namespace genesis::aggregator {

struct ServiceOptions {
  std::optional<crypto::Secret> auth_token;  // asked of every request when given
  bool is_mutual_tls = false;  // then the client certificate's CN is who a client may speak for
};

/// Certificate name that may read /v1/status without being a client.
inline constexpr std::string_view kObserverName = "genesis-observer";

class Service {
 public:
  Service(boost::asio::any_io_executor executor,
          Coordinator& coordinator,
          const Clock& clock,
          ServiceOptions options);

  [[nodiscard]] http::Handler handler();
  /// Set once the server runs, for the byte counts of /v1/status.
  void observe(const http::Counters& counters) { counters_ = &counters; }

  /// Ticks the coordinator until it is over and every client has heard so, or `grace` after that.
  [[nodiscard]] boost::asio::awaitable<void> run(Milliseconds grace);

 private:
  [[nodiscard]] std::variant<http::Admission, http::Response> admit(
      const http::Request& request) const;
  [[nodiscard]] boost::asio::awaitable<http::Response> respond(http::Request request);
  [[nodiscard]] http::Response answer(const http::Request& request);
  [[nodiscard]] boost::asio::awaitable<http::Response> task(ClientId client);
  [[nodiscard]] http::Response join(const http::Request& request);
  [[nodiscard]] http::Response summary(const http::Request& request);
  [[nodiscard]] http::Response update(const http::Request& request);
  /// The answer to an update that is none, which counts as a failure of its client.
  [[nodiscard]] http::Response refuse(const ClientId& client, const Error& error);
  [[nodiscard]] http::Response status();
  /// The client that a request speaks for, if it may.
  [[nodiscard]] Result<ClientId> speaker(const http::Request& request, std::string_view name) const;
  void announce_changes();

  boost::asio::any_io_executor executor_;
  Coordinator& coordinator_;
  const Clock& clock_;
  ServiceOptions options_;
  const http::Counters* counters_ = nullptr;
  Milliseconds long_poll_;
  boost::asio::steady_timer changed_;  // long polls wait on it; a change cancels the wait
  std::uint64_t announced_ = 0;
  std::set<ClientId> told_the_end_;
};

}  // namespace genesis::aggregator
