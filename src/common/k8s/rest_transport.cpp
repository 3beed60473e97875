#include "common/k8s/rest_transport.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/http/url.hpp"
#include "common/k8s/status_error.hpp"

namespace genesis::k8s {
namespace {

namespace asio = boost::asio;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t kMaxIdle = 4;  // connections kept for the next request
constexpr int kMaxTries = 10;

}  // namespace

class RestTransport::Impl {
 public:
  Impl(asio::any_io_executor executor,
       Config config,
       std::optional<tls::ClientContext> tls,
       http::Url url)
      : executor_(std::move(executor)),
        config_(std::move(config)),
        tls_(std::move(tls)),
        host_(url.authority()) {}

  // Any answer below 300. Errors carry the path.
  asio::awaitable<Result<http::ClientResponse>> call(Call call) {
    const std::string what = call.method + " " + call.path.substr(0, call.path.find('?'));
    const Instant end = clock_.now() + call.deadline;
    bool has_refreshed = false;
    for (int tries = 1;; ++tries) {
      Result<http::ClientResponse> answer = co_await send(call, end);
      if (!answer) {
        co_return tl::unexpected(answer.error().within(what));
      }
      if (answer->is_success()) {
        co_return answer;
      }
      if (answer->status == 401 && config_.token.is_used() && !has_refreshed) {
        has_refreshed = true;
        config_.token.refresh();
        continue;
      }
      const auto pause = retry_after(*answer);
      if (!pause || tries >= kMaxTries || clock_.now() + *pause >= end) {
        co_return tl::unexpected(error_of_answer(*answer).within(what));
      }
      const bool may_go_on = co_await wait(*pause, call.stop);
      if (!may_go_on) {
        co_return fail(Errc::kFailedPrecondition, what + ": the client is stopping");
      }
    }
  }

  void cancel() {
    is_cancelled_ = true;
    for (http::AsyncClient* client : busy_) {
      client->cancel();
    }
    for (asio::steady_timer* timer : timers_) {
      timer->cancel();
    }
    idle_.clear();
  }

  Observer on_request;

 private:
  asio::awaitable<Result<http::ClientResponse>> send(const Call& call, Instant end) {
    if (is_cancelled_ || call.stop.stop_requested()) {
      co_return fail(Errc::kFailedPrecondition, "the client is stopping");
    }
    http::ClientRequest request;
    request.method = call.method;
    request.path = call.path;
    request.body = call.body;
    request.max_body = call.max_body;
    request.headers.push_back(http::Header{"Accept", std::string(call.accept)});
    if (!call.body.empty()) {
      request.headers.push_back(http::Header{"Content-Type", std::string(call.content_type)});
    }
    if (config_.token.is_used()) {
      Result<crypto::Secret> token = config_.token.token(clock_.now());
      if (!token) {
        co_return tl::unexpected(std::move(token).error());
      }
      request.headers.push_back(
          http::Header{"Authorization", "Bearer " + std::string(token->reveal())});
    }
    const Instant begin = clock_.now();
    request.deadline = std::max(end - begin, Milliseconds(1));

    std::unique_ptr<http::AsyncClient> client = take_client();
    busy_.insert(client.get());
    std::optional<std::stop_callback<std::function<void()>>> on_stop;
    std::function<void()> cancel_this = [raw = client.get()] { raw->cancel(); };
    on_stop.emplace(call.stop, std::move(cancel_this));
    Result<http::ClientResponse> answer = fail(Errc::kInternal, "");
    if (call.sink) {
      answer = co_await client->stream(std::move(request), call.sink);
    } else {
      answer = co_await client->request(std::move(request));
    }
    on_stop.reset();
    busy_.erase(client.get());
    if (answer && !call.stop.stop_requested() && !is_cancelled_ && idle_.size() < kMaxIdle) {
      idle_.push_back(std::move(client));
    }
    report(call, answer, clock_.now() - begin);
    co_return answer;
  }

  std::unique_ptr<http::AsyncClient> take_client() {
    if (!idle_.empty()) {
      std::unique_ptr<http::AsyncClient> client = std::move(idle_.back());
      idle_.pop_back();
      return client;
    }
    // The server's URL has passed create(), which made one already.
    auto client = http::AsyncClient::create(executor_, config_.server, tls_);
    return std::make_unique<http::AsyncClient>(std::move(client).value());
  }

  void report(const Call& call,
              const Result<http::ClientResponse>& answer,
              Milliseconds took) const {
    if (on_request) {
      const std::string code = answer ? std::to_string(answer->status) : "<error>";
      on_request(RequestReport{code, call.method, host_, call.path, took});
    }
  }

  // False: stopped or cancelled meanwhile.
  asio::awaitable<bool> wait(Milliseconds time, std::stop_token stop) {
    asio::steady_timer timer(executor_, time);
    timers_.insert(&timer);
    std::function<void()> end = [&timer] { timer.cancel(); };
    std::optional<std::stop_callback<std::function<void()>>> on_stop;
    on_stop.emplace(stop, std::move(end));
    co_await timer.async_wait(kAsTuple);
    on_stop.reset();
    timers_.erase(&timer);
    co_return !is_cancelled_ && !stop.stop_requested();
  }

  // Constant.
  asio::any_io_executor executor_;
  SteadyClock clock_;
  // Strand.
  Config config_;  // its token rotates
  std::optional<tls::ClientContext> tls_;
  std::string host_;
  std::vector<std::unique_ptr<http::AsyncClient>> idle_;
  std::set<http::AsyncClient*> busy_;     // in frames of send()
  std::set<asio::steady_timer*> timers_;  // in frames of wait()
  bool is_cancelled_ = false;
};

RestTransport::RestTransport(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RestTransport::~RestTransport() = default;

Result<std::unique_ptr<RestTransport>> RestTransport::create(asio::any_io_executor executor,
                                                             Config config) {
  std::optional<tls::ClientContext> tls;
  if (config.tls) {
    GENESIS_ASSIGN(tls, tls::ClientContext::create(*config.tls));
  }
  GENESIS_ASSIGN(const auto client, http::AsyncClient::create(executor, config.server, tls));
  http::Url url = client.url();
  auto impl = std::make_unique<Impl>(
      std::move(executor), std::move(config), std::move(tls), std::move(url));
  return std::unique_ptr<RestTransport>(new RestTransport(std::move(impl)));
}

asio::awaitable<Result<http::ClientResponse>> RestTransport::call(Call call) {
  return impl_->call(std::move(call));
}

void RestTransport::on_request(Observer observer) {
  impl_->on_request = std::move(observer);
}

void RestTransport::cancel() {
  impl_->cancel();
}

}  // namespace genesis::k8s
