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

constexpr std::string_view kCollections = "/v1/collections/";
constexpr std::string_view kDocuments = "/documents/";
constexpr std::string_view kContributions = "/contributions/";
constexpr std::size_t kLongestInstance = 64;

// What a path below /v1/collections/ names: "12", "/documents/", "encoder".
struct CollectionPath {
  CollectionId collection;
  std::string_view name;
};

// nullopt where `path` is not kCollections, a number, `kind` and a name.
std::optional<CollectionPath> parse_path(std::string_view path, std::string_view kind) {
  if (!path.starts_with(kCollections)) {
    return std::nullopt;
  }
  path.remove_prefix(kCollections.size());
  const auto cut = path.find(kind);
  if (cut == std::string_view::npos) {
    return std::nullopt;
  }
  CollectionPath parsed;
  const auto* const end = path.data() + cut;
  const auto [at, error] = std::from_chars(path.data(), end, parsed.collection.value);
  if (error != std::errc() || at != end) {
    return std::nullopt;
  }
  parsed.name = path.substr(cut + kind.size());
  return parsed;
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
      uploads_(options_.uploads),
      presence_(clock.now(), federation::deadlines(coordinator.training().rounds).reclaim) {
  changed_.expires_after(long_poll_);
}

http::Handler Service::handler() {
  http::Handler handler;
  handler.admit = [this](const http::Request& request) { return admit(request); };
  handler.respond = [this](http::Request request) { return respond(std::move(request)); };
  return handler;
}

Result<rounds::Speaker> Service::speaker(const http::Request& request,
                                         std::string_view name) const {
  GENESIS_ASSIGN(auto client, ClientId::parse(name));
  if (options_.is_mutual_tls && request.peer_name != client.str()) {
    return fail(Errc::kPermissionDenied,
                "client " + client.str() + ": the certificate presented is that of " +
                    request.peer_name.value_or("nobody") + "; a client speaks only for itself");
  }
  const auto instance = request.header(wire::kInstanceHeader);
  if (instance.size() > kLongestInstance) {
    return fail(Errc::kInvalidArgument,
                std::string(wire::kInstanceHeader) + ": longer than " +
                    std::to_string(kLongestInstance) + " bytes");
  }
  return rounds::Speaker{std::move(client), std::string(instance)};
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
    return admit_contribution(request);
  }
  if (request.method == "POST" && request.path == "/v1/join") {
    return http::Admission{kMaxControlBytes};
  }
  return not_found(request);
}

boost::asio::awaitable<http::Response> Service::respond(http::Request request) {
  if (request.method == "GET" && request.path == "/v1/task") {
    auto response = co_await task(std::move(request));
    co_return response;
  }
  auto response = answer(request);
  announce_changes();
  co_return response;
}

boost::asio::awaitable<http::Response> Service::task(http::Request request) {
  const auto name = request.query.find("client");
  const auto who = speaker(request, name == request.query.end() ? "" : name->second);
  if (!who) {
    co_return http::error_response(who.error());
  }
  const auto give_up = std::chrono::steady_clock::now() + long_poll_;
  while (true) {
    auto task = coordinator_.task(*who, clock_.now());
    if (!task) {
      co_return http::error_response(task.error());
    }
    presence_.seen(who->client, request.connection);
    const bool is_wait = std::holds_alternative<wire::Wait>(*task);
    if (!is_wait || std::chrono::steady_clock::now() >= give_up) {
      if (coordinator_.is_over()) {
        told_the_end_.insert(who->client);
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
    if (const auto named = parse_path(request.path, kDocuments)) {
      return document(request, named->collection, named->name);
    }
    if (request.path.starts_with(kCollections)) {
      return upload_progress(request);
    }
    return not_found(request);
  }
  if (request.path == "/v1/join") {
    return join(request);
  }
  return contribution(request);
}

http::Response Service::join(const http::Request& request) {
  auto message = wire::decode_join_request(request.body);
  if (!message) {
    return http::error_response(message.error());
  }
  const auto who = speaker(request, message->client.str());
  if (!who) {
    return http::error_response(who.error());
  }
  const Instant now = clock_.now();
  const bool is_gone = presence_.is_gone(who->client, now);
  auto reply = coordinator_.join(*message, who->instance, is_gone, now);
  if (!reply) {
    spdlog::warn("join client={} refused: {}", who->client.str(), reply.error().message);
    return http::error_response(reply.error());
  }
  presence_.seen(who->client, request.connection);
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
      std::string(to_string(error.code)), error.message, coordinator_.state().open.request.round};
  return http::json_response(http::status_of(error.code), wire::encode(body));
}

http::Response Service::document(const http::Request& request,
                                 CollectionId collection,
                                 std::string_view name) {
  auto document = coordinator_.document(collection, name);
  if (!document) {
    return reply(tl::unexpected(document.error()));
  }
  const auto encoding =
      federation::content_encoding(coordinator_.training().communication.compression);
  auto whole = served(*document, accepts(request, encoding) ? encoding : "");
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

Result<Service::Served> Service::served(const method::Document& document,
                                        std::string_view encoding) {
  if (encoding.empty()) {
    return Served{"", document.bytes, document.sha256};
  }
  const auto known = served_.find(document.sha256);
  if (known != served_.end()) {
    return known->second;
  }
  GENESIS_ASSIGN(auto packed, wire::compress(encoding, *document.bytes));
  const auto sha256 = crypto::sha256_hex(packed);
  const Served made{
      std::string(encoding), std::make_shared<const std::string>(std::move(packed)), sha256};
  return served_.emplace(document.sha256, made).first->second;
}

std::variant<Service::Address, http::Response> Service::awaited(const http::Request& request) {
  const auto named = parse_path(request.path, kContributions);
  if (!named || !ClientId::parse(named->name)) {
    return not_found(request);
  }
  auto who = speaker(request, named->name);
  if (!who) {
    return http::error_response(who.error());
  }
  Address address{named->collection, std::move(*who)};
  if (auto answer = settled(request, address)) {
    return std::move(*answer);
  }
  return address;
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
    uploads_.forget_before(coordinator_.state().open.id);
    if (std::exchange(open_, coordinator_.state().open.id) != coordinator_.state().open.id) {
      served_.clear();
    }
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
