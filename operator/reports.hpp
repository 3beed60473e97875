#pragma once
// Reads an aggregator's report of its training: the summary of GET /v1/status over mutual TLS, with
// the operator's client certificate for that training. Certificates are kept in memory. Connections
// are not kept: a thousand trainings would hold a thousand connections open.
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "common/base/error.hpp"
#include "common/crypto/secret.hpp"
#include "common/k8s/api.hpp"
#include "common/wire/messages.hpp"
#include "operator/children.hpp"
#include "operator/observed.hpp"
#include "operator/origin.hpp"

namespace genesis::control {

class Reports {
 public:
  /// Both outlive it.
  Reports(boost::asio::any_io_executor executor,
          k8s::Api& api,
          const Origin& origin,
          std::uint16_t port = kAggregatorPort)
      : executor_(std::move(executor)), api_(api), origin_(origin), port_(port) {}

  /// Called with the end of a training's first certificate, once its certificates have been read.
  void on_expiry(std::function<void(const k8s::ObjectKey&, SystemTime)> handler) {
    on_expiry_ = std::move(handler);
  }

  /// Reads the report of the aggregator at `address`, the IP of its pod. Errors say which step
  /// failed.
  [[nodiscard]] boost::asio::awaitable<Result<wire::StatusReport>> ask(Training training,
                                                                       std::string address);
  /// Drops the training's certificate and token.
  void forget(const std::string& uid) { identities_.erase(uid); }

 private:
  struct Identity {
    std::string authority;
    std::string certificate;
    crypto::Secret key;
    crypto::Secret token;
  };
  [[nodiscard]] boost::asio::awaitable<Status> read_identity(Training training);

  boost::asio::any_io_executor executor_;
  k8s::Api& api_;
  const Origin& origin_;
  std::uint16_t port_;                          // of all aggregators
  std::map<std::string, Identity> identities_;  // by the training's uid
  std::function<void(const k8s::ObjectKey&, SystemTime)> on_expiry_;
};

}  // namespace genesis::control
