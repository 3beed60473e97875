#include "worker/session.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include <spdlog/spdlog.h>

#include "common/base/overloaded.hpp"
#include "common/wire/compression.hpp"
#include "common/wire/messages.hpp"
#include "worker/metrics.hpp"

namespace genesis::worker {
namespace {

constexpr std::uint64_t kMaxAnswerBytes = std::uint64_t{64} << 20;

// Waits for `time`, or until there is reason to stop.
void pause_for(const std::stop_token& stop, Milliseconds time) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any nothing_else;
  nothing_else.wait_for(lock, stop, time, [] { return false; });
}

// As metrics name it.
std::string_view name_of(std::string_view encoding) {
  return encoding == "gzip" ? "gzip" : encoding == "zstd" ? "zstd" : "none";
}

std::int64_t whole_seconds(Milliseconds time) {
  return std::chrono::round<std::chrono::seconds>(time).count();
}

}  // namespace

Session::Session(http::Client client, const ClientOptions& options)
    : client_(std::move(client)),
      options_(options),
      jitter_(0, RoundId{0}, options.client.str(), "retry jitter"),
      policy_(exchange_policy(options.overrides)) {}

void Session::adopt(const spec::Communication& communication, const federation::Deadlines& waits) {
  policy_ = exchange_policy(communication, waits);
}

Result<std::string> Session::ask(const std::string& method,
                                 const std::string& path,
                                 std::string_view body) {
  policy_.is_name_awaited = !options_.takes_free_name;  // until a server has taken the name
  AskExchange exchange(policy_, jitter_, Send{.method = method, .path = path, .body = body}, now());
  GENESIS_RETURN_IF_ERROR(carry_out(exchange, path, [this](const http::ClientRequest& message) {
    return client_.request(message);
  }));
  return std::move(exchange.body());
}

void Session::pause(unsigned attempt) {
  pause_for(options_.stop, http::backoff(attempt, jitter_, policy_.backoff));
}

Result<Session::Download> Session::download(const std::string& path, std::string_view encoding) {
  DownloadExchange exchange(
      policy_, jitter_, DownloadRequest{.path = path, .encoding = std::string(encoding)}, now());
  const auto perform = [&](const http::ClientRequest& message) {
    return client_.stream(
        message,
        [&exchange](std::string_view part) { return exchange.take(part); },
        [&exchange](const http::ClientResponse& seen) { return exchange.head(seen); });
  };
  GENESIS_RETURN_IF_ERROR(carry_out(exchange, path, perform));
  auto& received = exchange.received();
  GENESIS_ASSIGN(
      auto bytes,
      wire::decompress(received.encoding, std::move(received.bytes), wire::kMaxModelBytes));
  return Download{std::move(bytes), name_of(received.encoding), received.travelled};
}

Status Session::upload(const std::string& path, std::string_view bytes, std::string_view encoding) {
  UploadExchange exchange(
      policy_, jitter_, chunk_length_, UploadRequest{path, bytes, std::string(encoding)}, now());
  return carry_out(exchange, path, [&](const http::ClientRequest& message) {
    auto response = client_.request(message);
    if (response && message.method == "PUT") {
      options_.metrics->sent(name_of(encoding), message.body.size());
    }
    return response;
  });
}

template <typename Exchange, typename Perform>
Status Session::carry_out(Exchange& exchange, const std::string& path, const Perform& perform) {
  Event event = Proceed{};
  std::optional<Status> end;
  while (!end) {
    const auto action = exchange.resume(std::move(event), now());
    std::visit(Overloaded{
                   [&](const Send& send) { event = Answered{perform(request(send))}; },
                   [&](const Pause& pause) { event = wait(path, pause); },
                   [&](const Warn& warning) {
                     warn(path, warning);
                     event = Proceed{};
                   },
                   [&](const Done&) { end = Status(); },
                   [&](const Failed& failed) { end = tl::unexpected(failed.error); },
               },
               action);
  }
  return std::move(*end);
}

http::ClientRequest Session::request(const Send& send) const {
  http::ClientRequest request;
  request.method = send.method;
  request.path = send.path;
  request.body = send.body;
  request.deadline = send.deadline;
  request.max_body = kMaxAnswerBytes;
  request.headers.push_back({std::string(wire::kInstanceHeader), options_.instance});
  if (options_.auth_token) {
    request.headers.push_back(
        {"Authorization", "Bearer " + std::string(options_.auth_token->reveal())});
  }
  request.headers.insert(request.headers.end(), send.headers.begin(), send.headers.end());
  return request;
}

Event Session::wait(const std::string& path, const Pause& pause) const {
  if (!options_.stop.stop_requested()) {
    spdlog::debug("retry client={} path={} attempt={} reason={}",
                  options_.client.str(),
                  path,
                  pause.attempt,
                  pause.reason.message);
    options_.metrics->retried();
    pause_for(options_.stop, pause.time);
  }
  return options_.stop.stop_requested() ? Event(Stop{}) : Event(Proceed{});
}

void Session::warn(const std::string& path, const Warn& warning) const {
  spdlog::warn(
      "retrying client={} host={} path={} seconds={} seconds-left={} retries-left={} reason={}",
      options_.client.str(),
      client_.url().authority(),
      path,
      whole_seconds(warning.retrying_for),
      whole_seconds(warning.patience_left),
      warning.attempts_left,
      warning.reason.message);
}

}  // namespace genesis::worker
