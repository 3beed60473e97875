#pragma once
// HTTP/1.1 client of one server: one connection, kept and reused, remade when the server has closed
// it. AsyncClient is for coroutines; Client blocks its calling thread (worker, CLI, tests).
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "common/http/message.hpp"
#include "common/http/proxy.hpp"
#include "common/http/url.hpp"
#include "common/tls/context.hpp"

namespace genesis::http {

struct ClientRequest {
  std::string method = "GET";
  std::string path = "/";         // with its query, encoded; the URL's base path goes before it
  std::string_view body;          // must outlive the request: it is not copied
  Headers headers;                // Content-Type, Authorization, …
  Milliseconds deadline{30'000};  // from call to last byte, with connecting; add a long poll's wait
  std::uint64_t max_body = 1024 * 1024;  // of the response; more is kResourceExhausted
};

/// Takes a body part by part, as it comes. An error ends the request with it.
using BodySink = std::function<Status(std::string_view part)>;
/// Sees status and headers before the first part; its `body` is empty.
using HeadSink = std::function<Status(const ClientResponse& head)>;

/// Errors of a request, in words that say host, port and what to do:
///   kUnavailable        refused, reset, closed early, name not found: try again later
///   kDeadlineExceeded   time was up, or 4 s to connect: try again later
///   kUnauthenticated    the server's certificate did not pass, or the server refused ours
///   kInvalidArgument    the peer does not speak HTTP(S) here
///   kResourceExhausted  the response is larger than max_body
///   kFailedPrecondition cancelled
/// Their setting is kServerUrl, kServerAuthority or kClientCertificate where changing it helps. A
/// response of 400 and above is not an error here: see error_of.
///
/// A request on a reused connection that turns out to be closed is sent again once, on a new one,
/// if its method is idempotent (all but POST and PATCH). Bodies above 256 KiB wait for "100
/// Continue", so that a refusal costs no upload.
class AsyncClient {
 public:
  /// An https URL needs `tls`, an http URL forbids it; with `proxy` all goes through that. Errors:
  /// kInvalidArgument of the setting kServerUrl or kServerAuthority.
  [[nodiscard]] static Result<AsyncClient> create(boost::asio::any_io_executor executor,
                                                  std::string_view url,
                                                  std::optional<tls::ClientContext> tls,
                                                  std::optional<Proxy> proxy = std::nullopt);
  ~AsyncClient();
  AsyncClient(AsyncClient&&) noexcept;
  AsyncClient& operator=(AsyncClient&&) noexcept;

  /// One at a time, on the executor; the client must outlive it.
  [[nodiscard]] boost::asio::awaitable<Result<ClientResponse>> request(ClientRequest request);
  /// The same, but a 2xx body of any length goes to `sink` and the response's own is empty. `head`
  /// may be null; it is called for a 2xx alone.
  [[nodiscard]] boost::asio::awaitable<Result<ClientResponse>> stream(ClientRequest request,
                                                                      BodySink sink,
                                                                      HeadSink head = nullptr);
  /// Ends the request under way and all later ones with kFailedPrecondition. On the executor.
  void cancel();
  /// Closes the connection, between requests; the next one makes a new one.
  void disconnect();
  [[nodiscard]] const Url& url() const;

 private:
  class Impl;
  explicit AsyncClient(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  // shared with a request that is under way
};

class Client {
 public:
  [[nodiscard]] static Result<Client> create(std::string_view url,
                                             std::optional<tls::ClientContext> tls = std::nullopt,
                                             std::optional<Proxy> proxy = std::nullopt);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  /// Blocks until the response or the deadline. One thread at a time.
  [[nodiscard]] Result<ClientResponse> request(const ClientRequest& request);
  /// As AsyncClient's; the sinks are called on this thread.
  [[nodiscard]] Result<ClientResponse> stream(const ClientRequest& request,
                                              BodySink sink,
                                              HeadSink head = nullptr);
  /// Ends the request under way and all later ones with kFailedPrecondition. From any thread.
  void cancel();
  void disconnect();
  [[nodiscard]] const Url& url() const;

 private:
  struct Loop;
  explicit Client(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace genesis::http
