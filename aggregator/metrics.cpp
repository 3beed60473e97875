#include "aggregator/metrics.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include "common/base/overloaded.hpp"

namespace genesis::aggregator {
namespace {

constexpr Milliseconds kHungAfter{60'000};

// Half a second to nine hours.
std::vector<double> round_buckets() {
  return metrics::exponential_buckets(0.5, 2.0, 17);
}

// Why requests are refused: by the status of the answer, or before there was a request at all.
constexpr std::array<std::pair<int, const char*>, 13> kReasons{{{400, "invalid"},
                                                                {401, "unauthenticated"},
                                                                {403, "forbidden"},
                                                                {404, "not_found"},
                                                                {405, "method"},
                                                                {408, "timeout"},
                                                                {409, "conflict"},
                                                                {412, "precondition"},
                                                                {413, "too_large"},
                                                                {416, "range"},
                                                                {422, "altered"},
                                                                {429, "rate"},
                                                                {503, "unavailable"}}};
// Of any method that trains: the seconds that a client's local training took.
constexpr const char* kTrainSeconds = "train_seconds";
constexpr const char* kOtherReason = "internal";
constexpr const char* kMalformed = "malformed";
constexpr const char* kHandshake = "handshake";
constexpr const char* kConnections = "connections";

bool is_update(const http::Request& request) {
  return request.method == "PUT" && request.path.find("/contributions/") != std::string::npos;
}

bool is_document(const http::Request& request) {
  return request.method == "GET" && request.path.find("/documents/") != std::string::npos;
}

std::string encoding_of(std::string_view content_encoding) {
  return content_encoding.empty() ? "none" : std::string(content_encoding);
}

boost::asio::awaitable<http::Response> respond(Metrics& metrics,
                                               const http::Handler& inner,
                                               http::Request request) {
  http::Request seen;  // what is asked of it afterwards; the body goes to the handler
  seen.method = request.method;
  seen.path = request.path;
  seen.headers = request.headers;
  seen.content_length = request.body.size();
  http::Response response = co_await inner.respond(std::move(request));
  metrics.answered(seen, response);
  co_return response;
}

}  // namespace

Metrics::Metrics(metrics::Registry& registry, std::size_t max_clients)
    : registry_(registry),
      open_to_all_(registry.gauge(
          {"genesis_unauthenticated_listener",
           "1 where the server accepts anybody on an address other than loopback, else 0."})),
      round_(registry.gauge({"genesis_round", "The open round; 0 before the first."})),
      rounds_(registry.counters(
          {"genesis_rounds_total",
           "Rounds by result: completed, retried (deadline without a quorum), failed."},
          {{"result"}})),
      round_duration_(registry.histogram(
          {"genesis_round_duration_seconds", "From a round's opening to its aggregate."},
          round_buckets())),
      round_clients_(registry.gauges(
          {"genesis_round_clients",
           "Clients of the open round: selected, reported, rejected (updates refused); dropped: "
           "selected in the round before, but not in its aggregate."},
          {{"state"}})),
      update_bytes_(registry.counters(
          {"genesis_update_bytes_total",
           "Bodies of contributions received and of documents sent, as they travelled."},
          {{"direction", "encoding"}, 32})),
      aggregation_seconds_(registry.gauge(
          {"genesis_aggregation_seconds",
           "Time spent on folding the last closed round's updates and applying their aggregate."})),
      update_norm_(registry.gauge(
          {"genesis_update_norm", "Mean Euclidean norm of the last closed round's updates."})),
      client_divergence_(registry.gauges(
          {"genesis_client_divergence",
           "1 - cos of the client's last update and the global step of the round before."},
          {{"client"}, max_clients})),
      client_train_seconds_(registry.gauges(
          {"genesis_client_train_seconds", "Local training of the client's last update."},
          {{"client"}, max_clients})),
      client_weight_share_(registry.gauges(
          {"genesis_client_weight_share", "Share of the client in the open collection's sum."},
          {{"client"}, max_clients})),
      scaled_updates_(registry.counters(
          {"genesis_scaled_updates_total",
           "Updates that were longer than the round's bound, and were scaled down to it."},
          {{"client"}, max_clients})),
      missed_rounds_(registry.counters(
          {"genesis_client_missed_rounds_total",
           "Closed rounds for which the client was selected, but whose aggregate it is not in."},
          {{"client"}, max_clients})),
      diverging_(registry.gauge({"genesis_training_diverging",
                                 "1 where more than half of the last closed round's updates were "
                                 "scaled down or refused."})),
      privacy_epsilon_(registry.gauges(
          {"genesis_privacy_epsilon",
           "Differential privacy of each site's rows in this training: claimed, and worst, if all "
           "others collude."},
          {{"kind"}})),
      refused_(registry.counters({"genesis_refused_requests_total",
                                  "Requests and connections that were refused, by reason."},
                                 {{"reason"}, 32})),
      joins_(registry.counters(
          {"genesis_joins_total", "Requests to join, a client's return included, by result."},
          {{"result"}})),
      readiness_("starting: does not listen yet"),
      heartbeat_("the training's loop", kHungAfter) {
  for (const auto* result : {"completed", "retried", "failed"}) {
    rounds_.with({result});
  }
  for (const auto* direction : {"received", "sent"}) {
    update_bytes_.with({direction, "none"});
  }
  for (const auto& [status, reason] : kReasons) {
    refused_.with({reason});
  }
  for (const auto* reason : {kOtherReason, kMalformed, kHandshake, kConnections}) {
    refused_.with({reason});
  }
  for (const auto* result : {"accepted", "refused"}) {
    joins_.with({result});
  }
  round_clients_.with({"dropped"});
  show_clients();
}

void Metrics::take_up(const rounds::State& state, Instant now) {
  if (state.phase == rounds::Phase::kCollecting && state.open.request.round.value > 0) {
    opened(state, now);
  }
}

void Metrics::show(std::span<const method::TelemetryName> telemetry) {
  for (const auto& [name, help] : telemetry) {
    auto gauge = registry_.gauge({"genesis_" + std::string(name),
                                  std::string(help) + " Mean of the last closed round's clients, "
                                                      "by rows."});
    telemetry_.emplace_back(name, gauge);
  }
}

void Metrics::performed(const rounds::Effect& effect,
                        const rounds::State& state,
                        double seconds,
                        Instant now) {
  const bool is_round = state.open.request.round.value > 0;
  std::visit(Overloaded{
                 [&](const rounds::OpenCollection&) {
                   if (is_round) {
                     opened(state, now);
                   }
                 },
                 [&](const rounds::RestartCollection&) {
                   if (is_round) {
                     const Instant begun = now_.opened;
                     opened(state, now);
                     now_.opened = begun;
                   }
                 },
                 [&](const rounds::Fold&) { now_.seconds += seconds; },
                 [&](const rounds::Advance&) {
                   if (is_round && now_.id == state.open.request.round) {
                     closed(seconds, now);
                   }
                 },
                 [&](const rounds::ExtendCollection&) { rounds_.with({"retried"}).add(); },
                 [&](const rounds::FailTraining&) { rounds_.with({"failed"}).add(); },
                 [](const auto&) {},  // of the others nothing is measured
             },
             effect);
  if (is_round && state.open.request.round == now_.id && now_.selected != state.open.roster) {
    now_.selected = state.open.roster;  // replacements have been drawn
  }
  show_clients();
}

void Metrics::opened(const rounds::State& state, Instant now) {
  now_ = Round{};
  now_.id = state.open.request.round;
  now_.opened = now;
  now_.selected = state.open.roster;
  round_.set(static_cast<double>(now_.id.value));
}

void Metrics::folded(const rounds::Contribution& contribution, std::uint64_t rows) {
  const auto& values = std::get<rounds::Plain>(contribution.body).values;
  const auto* update = std::get_if<Tensors>(&values);
  if (update == nullptr) {
    return;
  }
  const std::string& client = contribution.client.str();
  now_.reported.insert(contribution.client);
  now_.telemetry.add(contribution.telemetry, rows);
  const auto direction = direction_.of(update->values);
  now_.update_norm += direction.norm;
  if (const auto took = contribution.telemetry.find(kTrainSeconds);
      took != contribution.telemetry.end()) {
    client_train_seconds_.with({client}).set(took->second);
  }
  if (direction.divergence) {
    client_divergence_.with({client}).set(*direction.divergence);
  }
}

void Metrics::summed(std::set<ClientId> members) {
  now_.reported = std::move(members);
  now_.is_protected = true;
}

void Metrics::closed(double seconds, Instant now) {
  rounds_.with({"completed"}).add();
  std::size_t missed = 0;
  for (const auto& client : now_.selected) {
    if (!now_.reported.contains(client)) {
      missed_rounds_.with({client.str()}).add();
      ++missed;
    }
  }
  round_duration_.observe(std::chrono::duration<double>(now - now_.opened).count());
  round_clients_.with({"dropped"}).set(static_cast<double>(missed));
  aggregation_seconds_.set(now_.seconds + seconds);
  if (!now_.reported.empty() && !now_.is_protected) {
    const auto mean = now_.telemetry.mean();
    for (auto& [name, gauge] : telemetry_) {
      if (const auto told = mean.find(name); told != mean.end()) {
        gauge.set(told->second);
      }
    }
    update_norm_.set(now_.update_norm / static_cast<double>(now_.reported.size()));
  }
}

void Metrics::show_clients() {
  round_clients_.with({"selected"}).set(static_cast<double>(now_.selected.size()));
  round_clients_.with({"reported"}).set(static_cast<double>(now_.reported.size()));
  round_clients_.with({"rejected"}).set(static_cast<double>(now_.rejected));
}

http::Handler Metrics::measured(http::Handler handler) {
  http::Handler measuring;
  measuring.is_member = handler.is_member;
  measuring.admit = [this, admit = handler.admit](const http::Request& request) {
    auto decision = admit(request);
    if (const auto* settled = std::get_if<http::Response>(&decision)) {
      http::Request seen = request;
      seen.content_length = 0;  // the body is not read
      answered(seen, *settled);
    }
    return decision;
  };
  // Not a coroutine itself: the server keeps the handler for longer than its coroutines.
  measuring.respond = [this, handler = std::move(handler)](http::Request request) {
    return respond(*this, handler, std::move(request));
  };
  return measuring;
}

void Metrics::answered(const http::Request& request, const http::Response& response) {
  const bool is_refused = response.status >= 400;
  if (is_refused) {
    refused(response.status);
  }
  if (request.method == "POST" && request.path == "/v1/join") {
    joins_.with({is_refused ? "refused" : "accepted"}).add();
  }
  if (is_update(request)) {
    update_bytes_.with({"received", encoding_of(request.content_encoding())})
        .add(static_cast<double>(request.content_length.value_or(0)));
    // 416 only says where an upload is to go on.
    if (is_refused && response.status != 416 && response.status < 500) {
      ++now_.rejected;
      show_clients();
    }
  }
  if (is_document(request) && !is_refused) {
    update_bytes_
        .with({"sent", encoding_of(http::find_header(response.headers, "Content-Encoding"))})
        .add(static_cast<double>(response.bytes().size()));
  }
}

void Metrics::refused(int status) {
  const auto known = std::ranges::find(kReasons, status, &std::pair<int, const char*>::first);
  refused_.with({known == kReasons.end() ? kOtherReason : known->second}).add();
}

void Metrics::watch(const http::Counters& counters) {
  auto connections = registry_.gauge({"genesis_http_connections", "Open connections."});
  auto requests = registry_.counter({"genesis_http_requests_total", "Requests that parsed."});
  auto bytes = registry_.counters(
      {"genesis_http_bytes_total", "All of HTTP on the training's port, without TLS framing."},
      {{"direction"}});
  registry_.on_collect([&counters, connections, requests, bytes, refused = refused_]() mutable {
    const auto total = [](const std::atomic<std::uint64_t>& count) {
      return static_cast<double>(count.load());
    };
    connections.set(total(counters.open));
    requests.raise_to(total(counters.requests));
    bytes.with({"received"}).raise_to(total(counters.bytes_in));
    bytes.with({"sent"}).raise_to(total(counters.bytes_out));
    refused.with({kMalformed}).raise_to(total(counters.bad_requests));
    refused.with({kHandshake}).raise_to(total(counters.handshake_failures));
    refused.with({kConnections}).raise_to(total(counters.refused));
  });
}

http::HealthChecks Metrics::checks() {
  http::HealthChecks checks;
  checks.why_not_alive = [this] { return heartbeat_.why_not(); };
  checks.why_not_ready = [this] { return readiness_.why_not(); };
  return checks;
}

}  // namespace genesis::aggregator
