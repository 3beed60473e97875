#pragma once
// Sends requests to the API server: keeps a few connections, sends the bearer token and follows its
// rotation, retries when the server asks for it, and enforces deadlines. rest_api.hpp says what the
// requests are. On one executor.
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "common/http/client.hpp"
#include "common/k8s/api.hpp"
#include "common/k8s/config.hpp"

namespace genesis::k8s {

/// One request and its answer, if there was one: for rest_client_requests_total{code,method,host}.
struct RequestReport {
  std::string_view code;    // "200", or "<error>" if there was no answer
  std::string_view method;  // "GET", …
  std::string_view host;    // "host:port"
  std::string_view path;    // with its query
  Milliseconds took;
};

struct Call {
  std::string method = "GET";
  std::string path;
  std::string body;
  std::string_view accept = "application/json";
  std::string_view content_type = "application/json";
  Milliseconds deadline = kRequestDeadline;  // of all tries together
  std::uint64_t max_body = std::uint64_t{8} << 20;
  std::stop_token stop;
  http::BodySink sink;  // takes the body part by part, for a watch
};

class RestTransport {
 public:
  using Observer = std::function<void(const RequestReport&)>;

  /// Errors: kInvalidArgument for certificates that do not parse, have expired or do not belong
  /// together, named as in `config`.
  [[nodiscard]] static Result<std::unique_ptr<RestTransport>> create(
      boost::asio::any_io_executor executor, Config config);
  ~RestTransport();
  RestTransport(const RestTransport&) = delete;
  RestTransport& operator=(const RestTransport&) = delete;

  /// An answer below 300; others are errors, which name method and path. A 401 is retried once with
  /// the token read again, 429 and 5xx with Retry-After are retried within the deadline.
  [[nodiscard]] boost::asio::awaitable<Result<http::ClientResponse>> call(Call call);

  /// Called after each try.
  void on_request(Observer observer);
  /// Ends calls under way and all later calls with kFailedPrecondition.
  void cancel();

 private:
  class Impl;
  explicit RestTransport(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace genesis::k8s
