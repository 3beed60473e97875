#include "aggregator/service.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <future>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include "common/base/check.hpp"
#include "common/base/text.hpp"
#include "common/crypto/digest.hpp"
#include "common/crypto/entropy.hpp"
#include "common/federation/deadlines.hpp"
#include "common/federation/spec_views.hpp"
#include "common/http/range.hpp"
#include "common/http/worker_pool.hpp"
#include "common/rounds/membership.hpp"
#include "common/spec/parse.hpp"
#include "common/status_page/page.hpp"
#include "common/wire/compression.hpp"
#include "common/wire/messages.hpp"

namespace genesis::aggregator {
namespace {

constexpr auto kTick = std::chrono::milliseconds(100);
constexpr std::size_t kLongestInstance = 64;

http::Response not_found(const http::Request& request) {
  return http::error_response(
      404, Error{Errc::kNotFound, request.method + " " + request.path + ": no such resource"});
}

// The number in a path; nullopt where it is none.
std::optional<CollectionId> collection_of(std::string_view text) {
  CollectionId collection;
  const auto* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, collection.value);
  return error == std::errc() && at == end ? std::optional(collection) : std::nullopt;
}

// Whoever answers has been let in by admission.
http::RouteTable::Match route_of(const http::Request& request) {
  using http::Role;
  constexpr http::Roles kAll{Role::kAnyone, Role::kObserver, Role::kMember, Role::kAdmin};
  auto found = routes().find(request, kAll);
  auto* const match = std::get_if<http::RouteTable::Match>(&found);
  GENESIS_CHECK(match != nullptr, "a request that no route fits was admitted");
  return std::move(*match);
}

Resource resource_of(const http::RouteTable::Match& route) {
  return static_cast<Resource>(route.index);
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
      presence_(clock.now(), federation::deadlines(coordinator.training().rounds).reclaim),
      training_(std::make_shared<const std::string>(wire::encode(
          wire::JoinReply{coordinator.run(), spec::print_json(coordinator.training()), {}}))) {
  changed_.expires_after(long_poll_);
}

http::Handler Service::handler() {
  http::Handler handler;
  handler.admit = [this](const http::Request& request) { return admit(request); };
  handler.respond = [this](http::Request request) { return respond(std::move(request)); };
  handler.is_member = [this](const std::string& name) {
    return options_.is_mutual_tls &&
           roles_of(name, coordinator_.config().participants) != http::Roles{http::Role::kAnyone};
  };
  return handler;
}

Result<rounds::Speaker> Service::speaker(const http::Request& request,
                                         std::string_view name) const {
  GENESIS_ASSIGN(auto client, ClientId::parse(name));
  if (name == kObserverName || name == kAdminName) {
    return fail(Errc::kPermissionDenied,
                "client " + client.str() + ": this name stands for a role; choose another id");
  }
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

Result<http::Roles> Service::roles(const http::Request& request) const {
  using http::Role;
  if (options_.auth_token) {
    if (!request.is_tls && !request.is_loopback) {
      return fail(Errc::kPermissionDenied,
                  "token: not accepted over plain HTTP from another host; use TLS");
    }
    const auto token = request.bearer_token();
    if (!token || !options_.auth_token->equals(*token)) {
      return fail(Errc::kUnauthenticated, "token: missing or wrong; pass the training's token");
    }
  }
  if (!options_.is_mutual_tls) {
    return http::Roles{Role::kMember, Role::kObserver};  // nobody can be told from anybody
  }
  const std::string name = request.peer_name.value_or("");
  const auto roles = roles_of(name, coordinator_.config().participants);
  if (roles == http::Roles{Role::kAnyone}) {
    return fail(Errc::kPermissionDenied,
                "client " + printable(name, kLongestInstance) +
                    ": not among spec.participants of this training; add it there");
  }
  return roles;
}

std::variant<http::Admission, http::Response> Service::admit(const http::Request& request) {
  const auto asking = roles(request);
  auto found = routes().find(request, asking ? *asking : http::Roles{http::Role::kAnyone});
  if (auto* const refused = std::get_if<http::Response>(&found)) {
    // Who has no role here learns that, and not which resources there are.
    return asking ? std::move(*refused) : http::error_response(asking.error());
  }
  const auto& route = std::get<http::RouteTable::Match>(found);
  http::Admission admission{.max_body = route.route->max_body,
                            .is_authenticated = asking && options_.auth_token.has_value()};
  switch (resource_of(route)) {
    case Resource::kJoin:
      if (const auto may = admit_join(request); !may) {
        spdlog::warn(
            "join client={} refused: {}", request.peer_name.value_or(""), may.error().message);
        return http::error_response(may.error());
      }
      break;
    case Resource::kTask: {
      const auto name = request.query.find("client");
      const auto who = speaker(request, name == request.query.end() ? "" : name->second);
      if (!who) {
        return http::error_response(who.error());
      }
      break;
    }
    case Resource::kContribution:
      if (auto settled = admit_contribution(request)) {
        return std::move(*settled);
      }
      break;
    case Resource::kHealth:
    case Resource::kReady:
    case Resource::kTraining:
    case Resource::kDocument:
    case Resource::kUploadProgress:
    case Resource::kStatus:
    case Resource::kPage:
    case Resource::kRounds:
    case Resource::kEviction:
    case Resource::kRollback:
      break;
  }
  return admission;
}

Status Service::admit_join(const http::Request& request) const {
  if (!options_.is_mutual_tls) {
    return {};  // only the body says who joins
  }
  GENESIS_ASSIGN(const auto who, speaker(request, *request.peer_name));
  const bool is_gone = presence_.is_gone(who.client, clock_.now());
  const auto refused =
      rounds::why_not_join(coordinator_.config(), coordinator_.state(), who, is_gone);
  return refused ? Status(fail(refused->code, refused->message)) : Status();
}

boost::asio::awaitable<http::Response> Service::respond(http::Request request) {
  const auto route = route_of(request);
  const auto resource = resource_of(route);
  if (resource == Resource::kTask) {
    auto response = co_await task(std::move(request));
    co_return response;
  }
  if (resource == Resource::kJoin) {
    auto response = co_await join(std::move(request));
    announce_changes();
    co_return response;
  }
  if (resource == Resource::kContribution) {
    auto response = co_await contribution(std::move(request));
    announce_changes();
    co_return response;
  }
  auto response = answer(request, route);
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

http::Response Service::answer(const http::Request& request, const http::RouteTable::Match& route) {
  switch (resource_of(route)) {
    case Resource::kHealth:
    case Resource::kReady:
      return http::make_response(200, "text/plain", "ok\n");
    case Resource::kTraining:
      return http::shared_response(200, "application/json", training_);
    case Resource::kDocument: {
      const auto collection = collection_of(route.parts.at("collection"));
      return collection ? document(request, *collection, route.parts.at("name"))
                        : not_found(request);
    }
    case Resource::kUploadProgress:
      return upload_progress(request);
    case Resource::kStatus:
      note_watcher(request);
      return status(request);
    case Resource::kPage:
      return page();
    case Resource::kRounds:
      note_watcher(request);
      return rounds(request);
    case Resource::kEviction:
      return evict(route.parts.at("client"));
    case Resource::kRollback:
      return roll_back(request);
    case Resource::kJoin:
    case Resource::kTask:
    case Resource::kContribution:
      break;  // coroutines, see respond()
  }
  return not_found(request);
}

// A large body is parsed beside the loop, which all others wait for.
boost::asio::awaitable<http::Response> Service::join(http::Request request) {
  auto parse = [body = std::move(request.body)] { return wire::decode_join_request(body); };
  auto message = co_await http::off_loop(request.pool, std::move(parse));
  if (!message) {
    co_return http::error_response(message.error());
  }
  const auto who = speaker(request, message->client.str());
  if (!who) {
    co_return http::error_response(who.error());
  }
  const Instant now = clock_.now();
  const bool is_gone = presence_.is_gone(who->client, now);
  auto reply = coordinator_.join(*message, who->instance, is_gone, now);
  if (!reply) {
    spdlog::warn("join client={} refused: {}", who->client.str(), reply.error().message);
    co_return http::error_response(reply.error());
  }
  presence_.seen(who->client, request.connection);
  co_return http::json_response(200, wire::encode(*reply));
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
  auto response = http::shared_response(200, "application/octet-stream", whole->bytes);
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

namespace {

// Which message of a secure sum the request is about; nullopt where it names none.
Result<std::optional<rounds::StageStep>> step_of(const http::Request& request) {
  const auto attempt = request.query.find("attempt");
  const auto name = request.query.find("stage");
  if (attempt == request.query.end() && name == request.query.end()) {
    return std::optional<rounds::StageStep>();
  }
  const auto number =
      attempt == request.query.end() ? std::nullopt : collection_of(attempt->second);
  const auto stage = name == request.query.end() ? std::nullopt : rounds::parse_stage(name->second);
  if (!number || !stage) {
    return fail(Errc::kInvalidArgument,
                "attempt, stage: both are needed, a number and the name of a stage");
  }
  return std::optional(rounds::StageStep{number->value, *stage});
}

}  // namespace

std::variant<Service::Address, http::Response> Service::awaited(const http::Request& request) {
  const auto route = route_of(request);
  const auto collection = collection_of(route.parts.at("collection"));
  const auto name = route.parts.at("client");
  if (!collection || !ClientId::parse(name)) {
    return not_found(request);
  }
  auto who = speaker(request, name);
  if (!who) {
    return http::error_response(who.error());
  }
  auto step = step_of(request);
  if (!step) {
    return http::error_response(step.error());
  }
  Address address{*collection, std::move(*who), *step};
  if (auto answer = settled(request, address)) {
    return std::move(*answer);
  }
  return address;
}

bool Service::sees_all(const http::Request& request) const {
  const auto asking = roles(request);
  return asking && asking->meets({http::Role::kObserver, http::Role::kAdmin});
}

wire::StatusReport Service::report_for(const http::Request& request) const {
  auto report = coordinator_.status(clock_.now());
  const bool sees_all = this->sees_all(request);
  if (!sees_all) {
    report.warnings.clear();  // they tell of the others' rows and values
  }
  report.warnings.insert(report.warnings.end(), options_.warnings.begin(), options_.warnings.end());
  if (counters_ != nullptr) {
    report.bytes_received = counters_->bytes_in.load();
    report.bytes_sent = counters_->bytes_out.load();
  }
  for (auto& client : report.clients) {
    if (!sees_all && client.id != request.peer_name) {
      wire::ClientReport seen;
      seen.id = client.id;
      seen.state = client.state;
      seen.last_round = client.last_round;
      client = std::move(seen);
    }
  }
  return report;
}

http::Response Service::status(const http::Request& request) const {
  auto report = report_for(request);
  if (request.query.contains("summary")) {
    report = wire::summary_of(std::move(report));
  }
  return http::json_response(200, wire::encode(report));
}

http::Response Service::page() const {
  crypto::SystemEntropy entropy;
  return status_page::page(crypto::random_id(entropy));
}

// The means of all sites' losses tell a member of two those of the other.
http::Response Service::rounds(const http::Request& request) const {
  return status_page::numbers(wire::encode(report_for(request)),
                              sees_all(request) ? history_ : status_page::RoundHistory());
}

void Service::note_watcher(const http::Request& request) {
  if (coordinator_.is_over()) {
    watchers_.told_the_end(request.connection);
  } else {
    watchers_.told(request.connection, clock_.now());
  }
}

void Service::announce_changes() {
  if (announced_ != coordinator_.version()) {
    announced_ = coordinator_.version();
    uploads_.forget_before(coordinator_.state().open.id);
    const auto open = coordinator_.state().open.id;
    const bool has_moved = std::exchange(open_, open) != open;
    if (has_moved) {
      served_.clear();
    }
    if (has_moved || coordinator_.is_over()) {
      history_.add(coordinator_.status(clock_.now()));
    }
    changed_.expires_after(long_poll_);  // wakes every waiting poll
  }
}

boost::asio::awaitable<void> Service::run(Milliseconds grace) {
  boost::asio::steady_timer timer(executor_);
  std::optional<Instant> over_since;
  std::future<void> working;  // beside the loop, which all clients wait for
  while (true) {
    const Instant now = clock_.now();
    drop_the_denied();
    coordinator_.tick(now);
    if (auto work = coordinator_.take_work()) {
      working = std::async(std::launch::async, std::move(work));
    }
    if (working.valid() && working.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
      working.get();
      coordinator_.worked(now);
    }
    announce_changes();
    if (coordinator_.is_over()) {
      over_since = over_since.value_or(now);
      const auto listening = std::ranges::count_if(
          coordinator_.state().members, [](const auto& m) { return !m.second.standing.is_lost; });
      const bool all_know = std::cmp_greater_equal(told_the_end_.size(), listening) &&
                            !watchers_.is_awaited(*over_since, now);
      if (all_know || now - *over_since >= grace) {
        co_return;
      }
    }
    timer.expires_after(kTick);
    co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }
}

}  // namespace genesis::aggregator
