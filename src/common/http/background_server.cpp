#include "common/http/background_server.hpp"

#include <csignal>
#include <thread>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <pthread.h>

namespace genesis::http {
namespace {

constexpr Milliseconds kGrace{500};

}  // namespace

struct BackgroundServer::Impl {
  boost::asio::io_context io{1};
  std::unique_ptr<Server> server;
  std::thread thread;
};

BackgroundServer::BackgroundServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
  // Signals are for the process's own threads; one that is started now inherits the mask.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  impl_->thread = std::thread([this] { impl_->io.run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

BackgroundServer::~BackgroundServer() {
  boost::asio::co_spawn(impl_->io, impl_->server->stop(kGrace), boost::asio::use_future).wait();
  impl_->io.stop();
  impl_->thread.join();
}

Result<std::unique_ptr<BackgroundServer>> BackgroundServer::start(const ListenAddress& address,
                                                                  const Limits& limits,
                                                                  Handler handler) {
  auto impl = std::make_unique<Impl>();
  GENESIS_ASSIGN(
      impl->server,
      Server::start(impl->io.get_executor(), address, std::nullopt, limits, std::move(handler)));
  return std::unique_ptr<BackgroundServer>(
      new BackgroundServer(std::move(impl)));  // private constructor
}

std::uint16_t BackgroundServer::port() const {
  return impl_->server->port();
}

std::string BackgroundServer::url() const {
  return impl_->server->url();
}

Limits few_requests() {
  Limits limits;
  limits.header_bytes = 8 * 1024;
  limits.body_bytes = 0;
  limits.connections = 64;
  return limits;
}

}  // namespace genesis::http
