#pragma once
// The aggregator's HTTP face, under /v1/ (docs/protocol.md): routes to one Coordinator. All runs on
// one executor; long polls wait there for the coordinator's next change.
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "aggregator/coordinator.hpp"
#include "aggregator/presence.hpp"
#include "aggregator/routes.hpp"
#include "aggregator/uploads.hpp"
#include "aggregator/watchers.hpp"
#include "common/base/clock.hpp"
#include "common/crypto/secret.hpp"
#include "common/http/server.hpp"
#include "common/status_page/round_history.hpp"

namespace genesis::aggregator {

struct ServiceOptions {
  std::optional<crypto::Secret> auth_token;  // asked of every request when given
  bool is_mutual_tls = false;  // then the client certificate's CN is who a client may speak for
  std::filesystem::path
      uploads;  // folder for contributions that are still arriving; Uploads owns it
  /// Refuses the client's certificates from now on, also after a restart. Needs mutual TLS.
  std::function<Status(const ClientId& client)> evict = nullptr;
  /// The certificate names that are refused now, whoever has said so. Empty: none ever is.
  std::function<std::set<std::string>()> denied = nullptr;
  /// The checkpoint of a round that has closed, for a rollback. Errors: kNotFound names those that
  /// there are. Empty: none is kept.
  std::function<Result<wire::Checkpoint>(RoundId)> checkpoint_of = nullptr;
  std::vector<std::string> warnings = {};  // for /v1/status
};

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
  // Where a contribution goes, and from whom: /v1/collections/N/contributions/ID; the message of a
  // secure sum with ?attempt=A&stage=S.
  struct Address {
    CollectionId collection;
    rounds::Speaker speaker;
    std::optional<rounds::StageStep> step = {};
  };
  // A document as it travels, compressed once.
  struct Served {
    std::string encoding;
    std::shared_ptr<const std::string> bytes;
    std::string sha256;
  };

  [[nodiscard]] std::variant<http::Admission, http::Response> admit(const http::Request& request);
  /// The answer to a contribution that can be refused without its bytes.
  [[nodiscard]] std::optional<http::Response> admit_contribution(const http::Request& request);
  /// Why a join is refused whatever it says.
  [[nodiscard]] Status admit_join(const http::Request& request) const;
  /// What who asks has shown to be: by its certificate, else by the token. Errors: no or a wrong
  /// token, or a certificate of nobody whom this training is for.
  [[nodiscard]] Result<http::Roles> roles(const http::Request& request) const;
  [[nodiscard]] boost::asio::awaitable<http::Response> respond(http::Request request);
  [[nodiscard]] http::Response answer(const http::Request& request,
                                      const http::RouteTable::Match& route);
  [[nodiscard]] boost::asio::awaitable<http::Response> task(http::Request request);
  [[nodiscard]] boost::asio::awaitable<http::Response> join(http::Request request);
  [[nodiscard]] http::Response document(const http::Request& request,
                                        CollectionId collection,
                                        std::string_view name);
  [[nodiscard]] Result<Served> served(const method::Document& document, std::string_view encoding);
  /// Where the request's contribution goes while it is awaited there, from whom it may come; else
  /// the answer.
  [[nodiscard]] std::variant<Address, http::Response> awaited(const http::Request& request);
  /// The answer where the contribution need not travel: it is not awaited, or has been taken.
  [[nodiscard]] std::optional<http::Response> settled(const http::Request& request,
                                                      const Address& address);
  [[nodiscard]] http::Response upload_progress(const http::Request& request);
  [[nodiscard]] boost::asio::awaitable<http::Response> contribution(http::Request request);
  /// The contribution that the bytes hold, decoded beside the loop, which all others wait for.
  /// Errors as the answer to it.
  [[nodiscard]] boost::asio::awaitable<std::variant<rounds::Contribution, http::Response>> decode(
      Address address, Uploads::Whole whole, std::string encoding, http::WorkerPool* pool);
  [[nodiscard]] http::Response fold(const Address& address, rounds::Contribution contribution);
  [[nodiscard]] http::Response progress_response(int status, const Address& address) const;
  [[nodiscard]] http::Response refuse_chunk(const Address& address, const Error& error) const;
  /// The answer to a contribution that is none, which counts as a failure of its client.
  [[nodiscard]] http::Response refuse(const ClientId& client, const Error& error);
  // Of admins (service_admin.cpp).
  [[nodiscard]] http::Response evict(std::string_view name);
  [[nodiscard]] http::Response roll_back(const http::Request& request);
  /// Members whose certificates are refused leave the training.
  void drop_the_denied();
  /// A member reads of the others whether they take part, but not their rows, losses and failures.
  [[nodiscard]] wire::StatusReport report_for(const http::Request& request) const;
  [[nodiscard]] bool sees_all(const http::Request& request) const;
  [[nodiscard]] http::Response status(const http::Request& request) const;
  /// The page that shows it in a browser, and that page's numbers; past rounds not for members.
  [[nodiscard]] http::Response page() const;
  [[nodiscard]] http::Response rounds(const http::Request& request) const;
  /// A conflict tells the current round, so that a client knows where to go on.
  [[nodiscard]] http::Response reply(const Status& status) const;
  /// Who speaks in a request, if it may.
  [[nodiscard]] Result<rounds::Speaker> speaker(const http::Request& request,
                                                std::string_view name) const;
  /// The status is told in answer to `request`.
  void note_watcher(const http::Request& request);
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
  std::set<ClientId> decoding_;  // whose contribution is being decoded
  Presence presence_;
  Watchers watchers_;
  const std::shared_ptr<const std::string> training_;  // the answer to GET /v1/training
  std::map<std::string, Served> served_;  // by the document's digest; of the open collection
  CollectionId open_;
  status_page::RoundHistory history_;  // since this process has started
  std::set<ClientId> told_the_end_;
};

}  // namespace genesis::aggregator
