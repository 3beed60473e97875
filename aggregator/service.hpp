#pragma once
// The aggregator's HTTP face, under /v1/ (docs/protocol.md): routes to one Coordinator. All runs on
// one executor; long polls wait there for the coordinator's next change.
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "aggregator/coordinator.hpp"
#include "aggregator/uploads.hpp"
#include "common/base/clock.hpp"
#include "common/crypto/secret.hpp"
#include "common/http/server.hpp"

namespace genesis::aggregator {

struct ServiceOptions {
  std::optional<crypto::Secret> auth_token;  // asked of every request when given
  bool is_mutual_tls = false;     // then the client certificate's CN is who a client may speak for
  std::filesystem::path uploads;  // folder for updates that are still arriving; Uploads owns it
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
  // Where an update goes: /v1/rounds/N/updates/ID.
  struct UpdateAddress {
    RoundId round;
    ClientId client;
  };
  // The global parameters as they travel, made once a round.
  struct Served {
    RoundId round;
    std::string encoding;
    std::shared_ptr<const std::string> bytes;
    std::string sha256;
  };

  [[nodiscard]] std::variant<http::Admission, http::Response> admit(const http::Request& request);
  [[nodiscard]] std::variant<http::Admission, http::Response> admit_update(
      const http::Request& request);
  [[nodiscard]] boost::asio::awaitable<http::Response> respond(http::Request request);
  [[nodiscard]] http::Response answer(const http::Request& request);
  [[nodiscard]] boost::asio::awaitable<http::Response> task(ClientId client);
  [[nodiscard]] http::Response join(const http::Request& request);
  [[nodiscard]] http::Response summary(const http::Request& request);
  [[nodiscard]] http::Response parameters(const http::Request& request, RoundId round);
  [[nodiscard]] Result<Served> served(RoundId round, std::string_view encoding);
  /// nullopt: no such path.
  [[nodiscard]] static std::optional<UpdateAddress> update_address(std::string_view path);
  /// Where the request's update goes while it is awaited there, from whom it may come; else the
  /// answer.
  [[nodiscard]] std::variant<UpdateAddress, http::Response> awaited(const http::Request& request);
  /// The answer where the update need not travel: it is not awaited, or has been taken.
  [[nodiscard]] std::optional<http::Response> settled(const http::Request& request,
                                                      const UpdateAddress& address);
  [[nodiscard]] http::Response upload_progress(const http::Request& request);
  [[nodiscard]] http::Response update(const http::Request& request);
  [[nodiscard]] http::Response fold(const UpdateAddress& address,
                                    std::string_view encoding,
                                    std::string bytes);
  [[nodiscard]] http::Response progress_response(int status, const UpdateAddress& address) const;
  /// The answer to an update that is none, which counts as a failure of its client.
  [[nodiscard]] http::Response refuse(const ClientId& client, const Error& error);
  [[nodiscard]] http::Response status();
  /// A conflict tells the current round, so that a client knows where to go on.
  [[nodiscard]] http::Response reply(const Status& status) const;
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
  Uploads uploads_;
  std::optional<Served> served_;
  std::set<ClientId> told_the_end_;
};

}  // namespace genesis::aggregator
