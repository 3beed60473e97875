#include "aggregator/service.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include "common/crypto/digest.hpp"
#include "common/federation/deadlines.hpp"
#include "common/federation/spec_views.hpp"
#include "common/http/range.hpp"
#include "common/spec/parse.hpp"
#include "common/wire/compression.hpp"
#include "common/wire/messages.hpp"

namespace genesis::aggregator {
namespace {

constexpr auto kTick = std::chrono::milliseconds(100);
constexpr std::uint64_t kMaxControlBytes = std::uint64_t{64} << 20;

constexpr std::string_view kRounds = "/v1/rounds/";
constexpr std::string_view kParameters = "/parameters";
constexpr std::string_view kUpdates = "/updates/";

std::optional<RoundId> parse_round(std::string_view text) {
  RoundId round;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), round.value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return round;
}

http::Response shared_body(std::string content_type, std::shared_ptr<const std::string> body) {
  http::Response response;
  response.content_type = std::move(content_type);
  response.body = std::move(body);
  return response;
}

http::Response not_found(const http::Request& request) {
  return http::error_response(
      404, Error{Errc::kNotFound, request.method + " " + request.path + ": no such resource"});
}

bool accepts(const http::Request& request, std::string_view encoding) {
  return !encoding.empty() &&
         request.header("accept-encoding").find(encoding) != std::string_view::npos;
}

}  // namespace

Service::Service(boost::asio::any_io_executor executor,
                 Coordinator& coordinator,
                 const Clock& clock,
                 ServiceOptions options)
    : executor_(std::move(executor)),
      coordinator_(coordinator),
      clock_(clock),
      options_(std::move(options)),
      long_poll_(federation::deadlines(coordinator.training().rounds).long_poll),
      changed_(executor_),
      uploads_(options_.uploads) {
  changed_.expires_after(long_poll_);
}

http::Handler Service::handler() {
  http::Handler handler;
  handler.admit = [this](const http::Request& request) { return admit(request); };
  handler.respond = [this](http::Request request) { return respond(std::move(request)); };
  return handler;
}

Result<ClientId> Service::speaker(const http::Request& request, std::string_view name) const {
  GENESIS_ASSIGN(auto client, ClientId::parse(name));
  if (options_.is_mutual_tls && request.peer_name != client.str()) {
    return fail(Errc::kPermissionDenied,
                "client " + client.str() + ": the certificate presented is that of " +
                    request.peer_name.value_or("nobody") + "; a client speaks only for itself");
  }
  return client;
}

std::variant<http::Admission, http::Response> Service::admit(const http::Request& request) {
  if (request.path == "/healthz" || request.path == "/readyz") {
    return http::Admission{0};
  }
  if (options_.auth_token) {
    if (!request.is_tls && !request.is_loopback) {
      return http::error_response(
          Error{Errc::kPermissionDenied,
                "token: not accepted over plain HTTP from another host; use TLS"});
    }
    const auto token = request.bearer_token();
    if (!token || !options_.auth_token->equals(*token)) {
      return http::error_response(
          Error{Errc::kUnauthenticated, "token: missing or wrong; pass the training's token"});
    }
  }
  if (request.method == "GET") {
    return http::Admission{0};
  }
  if (request.method == "PUT") {
    return admit_update(request);
  }
  if (request.method == "POST" && (request.path == "/v1/join" || request.path == "/v1/summary")) {
    return http::Admission{kMaxControlBytes};
  }
  return not_found(request);
}

boost::asio::awaitable<http::Response> Service::respond(http::Request request) {
  if (request.method == "GET" && request.path == "/v1/task") {
    const auto name = request.query.find("client");
    const auto client = speaker(request, name == request.query.end() ? "" : name->second);
    if (!client) {
      co_return http::error_response(client.error());
    }
    auto response = co_await task(*client);
    co_return response;
  }
  auto response = answer(request);
  announce_changes();
  co_return response;
}

boost::asio::awaitable<http::Response> Service::task(ClientId client) {
  const auto give_up = std::chrono::steady_clock::now() + long_poll_;
  while (true) {
    auto task = coordinator_.task(client, clock_.now());
    if (!task) {
      co_return http::error_response(task.error());
    }
    const bool is_wait = std::holds_alternative<wire::Wait>(*task);
    if (!is_wait || std::chrono::steady_clock::now() >= give_up) {
      if (coordinator_.is_over()) {
        told_the_end_.insert(client);
      }
      co_return http::json_response(200, wire::encode(*task));
    }
    if (changed_.expiry() <= std::chrono::steady_clock::now()) {
      changed_.expires_after(long_poll_);
    }
    co_await changed_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }
}

http::Response Service::answer(const http::Request& request) {
  if (request.method == "GET") {
    if (request.path == "/healthz" || request.path == "/readyz") {
      return http::make_response(200, "text/plain", "ok\n");
    }
    if (request.path == "/v1/training") {
      wire::JoinReply reply{coordinator_.run(), spec::print_json(coordinator_.training())};
      return http::json_response(200, wire::encode(reply));
    }
    if (request.path == "/v1/status") {
      return status();
    }
    if (request.path == "/v1/encoder") {
      auto encoder = coordinator_.encoder();
      if (!encoder) {
        return http::error_response(encoder.error());
      }
      const auto sha256 = crypto::sha256_hex(**encoder);
      return http::part_of(request, shared_body("application/json", std::move(*encoder)), sha256);
    }
    const std::string_view path = request.path;
    if (path.starts_with(kRounds) && path.ends_with(kParameters)) {
      const auto round = parse_round(
          path.substr(kRounds.size(), path.size() - kRounds.size() - kParameters.size()));
      if (!round) {
        return not_found(request);
      }
      return parameters(request, *round);
    }
    if (path.starts_with(kRounds)) {
      return upload_progress(request);
    }
    return not_found(request);
  }
  if (request.path == "/v1/join") {
    return join(request);
  }
  if (request.path == "/v1/summary") {
    return summary(request);
  }
  return update(request);
}

http::Response Service::join(const http::Request& request) {
  auto message = wire::decode_join_request(request.body);
  if (!message) {
    return http::error_response(message.error());
  }
  if (auto allowed = speaker(request, message->client.str()); !allowed) {
    return http::error_response(allowed.error());
  }
  auto reply = coordinator_.join(*message, clock_.now());
  if (!reply) {
    spdlog::warn("join client={} refused: {}", message->client.str(), reply.error().message);
    return http::error_response(reply.error());
  }
  spdlog::info("join client={} rows={}", message->client.str(), message->sketch.rows);
  return http::json_response(200, wire::encode(*reply));
}

http::Response Service::reply(const Status& status) const {
  if (status) {
    return http::json_response(200, "{}");
  }
  const auto& error = status.error();
  if (error.code != Errc::kConflict) {
    return http::error_response(error);
  }
  const wire::ErrorReply body{
      std::string(to_string(error.code)), error.message, coordinator_.state().round};
  return http::json_response(http::status_of(error.code), wire::encode(body));
}

http::Response Service::summary(const http::Request& request) {
  auto message = wire::decode_summary_upload(request.body);
  if (!message) {
    return http::error_response(message.error());
  }
  if (auto allowed = speaker(request, message->client.str()); !allowed) {
    return http::error_response(allowed.error());
  }
  return reply(coordinator_.add_summary(*message, clock_.now()));
}

http::Response Service::parameters(const http::Request& request, RoundId round) {
  const auto encoding =
      federation::content_encoding(coordinator_.training().communication.compression);
  auto whole = served(round, accepts(request, encoding) ? encoding : "");
  if (!whole) {
    return http::error_response(whole.error());
  }
  auto response = shared_body("application/octet-stream", whole->bytes);
  if (!whole->encoding.empty()) {
    response.headers.push_back({"Content-Encoding", whole->encoding});
  }
  response.headers.push_back({"Vary", "Accept-Encoding"});
  return http::part_of(request, std::move(response), whole->sha256);
}

Result<Service::Served> Service::served(RoundId round, std::string_view encoding) {
  GENESIS_ASSIGN(auto plain, coordinator_.parameters(round));
  if (encoding.empty()) {
    return Served{round, "", plain, coordinator_.parameters_sha256()};
  }
  if (!served_ || served_->round != round) {
    GENESIS_ASSIGN(auto packed, wire::compress(encoding, *plain));
    const auto sha256 = crypto::sha256_hex(packed);
    served_ = Served{round,
                     std::string(encoding),
                     std::make_shared<const std::string>(std::move(packed)),
                     sha256};
  }
  return *served_;
}

std::optional<Service::UpdateAddress> Service::update_address(std::string_view path) {
  if (!path.starts_with(kRounds)) {
    return std::nullopt;
  }
  path.remove_prefix(kRounds.size());
  const auto cut = path.find(kUpdates);
  if (cut == std::string_view::npos) {
    return std::nullopt;
  }
  const auto round = parse_round(path.substr(0, cut));
  auto client = ClientId::parse(path.substr(cut + kUpdates.size()));
  if (!round || !client) {
    return std::nullopt;
  }
  return UpdateAddress{*round, std::move(*client)};
}

std::variant<Service::UpdateAddress, http::Response> Service::awaited(
    const http::Request& request) {
  auto address = update_address(request.path);
  if (!address) {
    return not_found(request);
  }
  if (auto allowed = speaker(request, address->client.str()); !allowed) {
    return http::error_response(allowed.error());
  }
  if (auto answer = settled(request, *address)) {
    return std::move(*answer);
  }
  return std::move(*address);
}

http::Response Service::status() {
  auto report = coordinator_.status(clock_.now());
  if (counters_ != nullptr) {
    report.bytes_received = counters_->bytes_in.load();
    report.bytes_sent = counters_->bytes_out.load();
  }
  return http::json_response(200, wire::encode(report));
}

void Service::announce_changes() {
  if (announced_ != coordinator_.version()) {
    announced_ = coordinator_.version();
    uploads_.forget_before(coordinator_.state().round);
    changed_.expires_after(long_poll_);  // wakes every waiting poll
  }
}

boost::asio::awaitable<void> Service::run(Milliseconds grace) {
  boost::asio::steady_timer timer(executor_);
  std::optional<Instant> over_since;
  while (true) {
    const Instant now = clock_.now();
    coordinator_.tick(now);
    announce_changes();
    if (coordinator_.is_over()) {
      over_since = over_since.value_or(now);
      const auto listening = std::ranges::count_if(
          coordinator_.state().members, [](const auto& m) { return !m.second.standing.is_lost; });
      if (std::cmp_greater_equal(told_the_end_.size(), listening) || now - *over_since >= grace) {
        co_return;
      }
    }
    timer.expires_after(kTick);
    co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }
}

}  // namespace genesis::aggregator
