#pragma once
// Reads an aggregator's report of its training: the summary of GET /v1/status over mutual TLS, with
// the operator's client certificate for that training. Certificates are kept in memory. Connections
// are not kept: a thousand trainings would hold a thousand connections open.
#include <cstdint>
#include <map>
#include <optional>
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

  /// Reads the report of the aggregator at `address`, the IP of its pod. A certificate that has
  /// been renewed is used at once; where the aggregator does not take it yet, so is the one before.
  /// Errors say which step failed.
  [[nodiscard]] boost::asio::awaitable<Result<wire::StatusReport>> ask(Training training,
                                                                       std::string address);
  /// Drops the training's certificate and token.
  void forget(const std::string& uid) { identities_.erase(uid); }

 private:
  struct Identity {
    std::string secret;  // its uid
    std::string authority;
    std::string certificate;
    crypto::Secret key;
    crypto::Secret token;
  };
  struct Identities {
    Identity newest;
    std::optional<Identity> before;  // until the newest has been taken
  };
  [[nodiscard]] boost::asio::awaitable<Result<Identity>> read_identity(Training training);
  [[nodiscard]] boost::asio::awaitable<Result<wire::StatusReport>> ask_as(Identity identity,
                                                                          Training training,
                                                                          std::string address);

  boost::asio::any_io_executor executor_;
  k8s::Api& api_;
  const Origin& origin_;
  std::uint16_t port_;                            // of all aggregators
  std::map<std::string, Identities> identities_;  // by the training's uid
};

}  // namespace genesis::control
