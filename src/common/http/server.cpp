#include "common/http/server.hpp"

#include <exception>
#include <memory>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/http/session.hpp"

namespace genesis::http {
namespace {

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

// Out of file descriptors: wait for some to come back rather than spin.
constexpr Milliseconds kAcceptPause{50};

Error listen_error(const ListenAddress& address, const ErrorCode& error) {
  const std::string where = address.host + ":" + std::to_string(address.port);
  if (error == asio::error::address_in_use) {
    return Error{
        Errc::kAlreadyExists, where + " is in use; choose another port", Setting::kListenPort};
  }
  if (error == asio::error::access_denied) {
    return Error{Errc::kPermissionDenied,
                 where + " requires root privileges; choose a port of 1024 or above",
                 Setting::kListenPort};
  }
  return Error{Errc::kInvalidArgument,
               "cannot listen on " + where + " (" + error.message() +
                   "); choose an address of this machine, or 0.0.0.0 for all addresses",
               Setting::kListenHost};
}

Result<tcp::acceptor> listen(const asio::any_io_executor& executor, const ListenAddress& address) {
  ErrorCode error;
  tcp::endpoint endpoint(asio::ip::make_address(address.host, error), address.port);
  if (error) {
    tcp::resolver resolver(executor);
    const auto found = resolver.resolve(address.host, std::to_string(address.port), error);
    if (error || found.empty()) {
      return tl::unexpected(
          Error{Errc::kInvalidArgument,
                address.host + ": the listen address cannot be resolved (" + error.message() + ")",
                Setting::kListenHost});
    }
    endpoint = found.begin()->endpoint();
  }
  tcp::acceptor acceptor(executor);
  acceptor.open(endpoint.protocol(), error);
  if (error == asio::error::address_family_not_supported &&
      endpoint.address() == asio::ip::address_v6::any()) {  // a system without IPv6
    endpoint = tcp::endpoint(asio::ip::address_v4::any(), address.port);
    acceptor.open(endpoint.protocol(), error);
  }
  if (!error) {
    acceptor.set_option(asio::socket_base::reuse_address(true), error);
  }
  if (!error && endpoint.address().is_v6()) {
    // "::" serves IPv4 too, whatever the system's default.
    acceptor.set_option(asio::ip::v6_only(false), error);
  }
  if (!error) {
    acceptor.bind(endpoint, error);
  }
  if (!error) {
    acceptor.listen(asio::socket_base::max_listen_connections, error);
  }
  if (error) {
    return tl::unexpected(listen_error(address, error));
  }
  return acceptor;
}

}  // namespace

class Server::Core : public std::enable_shared_from_this<Server::Core> {
 public:
  Core(asio::any_io_executor executor,
       tcp::acceptor acceptor,
       std::optional<tls::ServerContext> tls,
       const Limits& limits,
       Handler handler)
      : executor_(std::move(executor)),
        shared_(std::move(tls), limits, std::move(handler)),
        acceptor_(std::move(acceptor)),
        pause_(executor_),
        change_(executor_) {
    port_ = acceptor_.local_endpoint().port();
    const auto address = acceptor_.local_endpoint().address();
    const std::string host =
        address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
    url_ = (shared_.tls ? "https://" : "http://") + host + ":" + std::to_string(port_);
  }

  void begin() {
    is_accepting_ = true;
    auto self = shared_from_this();
    asio::co_spawn(executor_, accept_loop(), [self](const std::exception_ptr&) {
      self->is_accepting_ = false;
      self->change_.cancel();
    });
  }

  asio::awaitable<void> stop(Milliseconds grace) {
    shared_.is_stopping = true;
    close_listener();
    for (const auto& session : snapshot()) {
      session->close_if_idle();
    }
    co_await wait_until_done(std::chrono::steady_clock::now() + grace);
    abort_all();
    co_await wait_until_done(std::chrono::steady_clock::time_point::max());
  }

  void abandon() {
    shared_.is_stopping = true;
    close_listener();
    abort_all();
    shared_.pool.join();
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] const Counters& counters() const { return shared_.counters; }

 private:
  asio::awaitable<void> accept_loop() {
    while (acceptor_.is_open()) {
      auto [error, socket] = co_await acceptor_.async_accept(kAsTuple);
      if (!acceptor_.is_open()) {
        break;
      }
      if (error) {
        pause_.expires_after(kAcceptPause);
        co_await pause_.async_wait(kAsTuple);
        continue;
      }
      add(std::move(socket));
      ++shared_.counters
            .accepted;  // after `open`, so that nobody sees the connection gone too early
    }
  }

  void add(tcp::socket socket) {
    auto session = std::make_shared<Session>(shared_, ++last_id_, std::move(socket));
    sessions_.insert(session);
    session->enlist();
    ++shared_.counters.open;
    auto self = shared_from_this();
    auto finished = [self, session](const std::exception_ptr&) { self->remove(session); };
    auto bound = asio::bind_cancellation_slot(session->cancellation_slot(), std::move(finished));
    asio::co_spawn(executor_, session->run(), std::move(bound));
  }

  void remove(const std::shared_ptr<Session>& session) {
    sessions_.erase(session);
    --shared_.counters.open;
    change_.cancel();
  }

  // Wakes at each task's end, and at the latest at `deadline`.
  asio::awaitable<void> wait_until_done(std::chrono::steady_clock::time_point deadline) {
    while ((is_accepting_ || !sessions_.empty()) && std::chrono::steady_clock::now() < deadline) {
      change_.expires_at(deadline);
      co_await change_.async_wait(kAsTuple);
    }
  }

  void close_listener() {
    ErrorCode ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  }

  void abort_all() {
    for (const auto& session : snapshot()) {
      session->abort();
    }
  }

  [[nodiscard]] std::vector<std::shared_ptr<Session>> snapshot() const {
    return {sessions_.begin(), sessions_.end()};
  }

  // Constant.
  asio::any_io_executor executor_;
  std::uint16_t port_ = 0;
  std::string url_;
  // Executor.
  ServerShared shared_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  asio::steady_timer change_;  // cancelled whenever a task ends
  bool is_accepting_ = false;
  // Shared with the completion handlers of their coroutines.
  std::unordered_set<std::shared_ptr<Session>> sessions_;
  ConnectionId last_id_ = 0;
};

Server::Server(std::shared_ptr<Core> core) : core_(std::move(core)) {}

Server::~Server() {
  core_->abandon();
}

Result<std::unique_ptr<Server>> Server::start(asio::any_io_executor executor,
                                              const ListenAddress& address,
                                              std::optional<tls::ServerContext> tls,
                                              const Limits& limits,
                                              Handler handler) {
  GENESIS_ASSIGN(auto acceptor, listen(executor, address));
  auto core = std::make_shared<Core>(
      std::move(executor), std::move(acceptor), std::move(tls), limits, std::move(handler));
  core->begin();
  return std::unique_ptr<Server>(new Server(std::move(core)));  // the constructor is private
}

std::uint16_t Server::port() const {
  return core_->port();
}

std::string Server::url() const {
  return core_->url();
}

const Counters& Server::counters() const {
  return core_->counters();
}

asio::awaitable<void> Server::stop(Milliseconds grace) {
  return core_->stop(grace);
}

}  // namespace genesis::http
