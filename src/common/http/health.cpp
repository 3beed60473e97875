#include "common/http/health.hpp"

#include <utility>

namespace genesis::http {
namespace {

Response verdict(const std::function<std::optional<std::string>()>& check) {
  const auto why_not = check ? check() : std::nullopt;
  return why_not ? make_response(503, "text/plain", *why_not + "\n")
                 : make_response(200, "text/plain", "ok\n");
}

Response answer(metrics::Registry& registry, const HealthChecks& checks, const Request& request) {
  if (request.path == "/metrics") {
    return make_response(200, std::string(metrics::kContentType), registry.text());
  }
  if (request.path == "/healthz") {
    return verdict(checks.why_not_alive);
  }
  return verdict(checks.why_not_ready);
}

std::variant<Admission, Response> admit(const Request& request) {
  if (request.path != "/metrics" && request.path != "/healthz" && request.path != "/readyz") {
    return error_response(
        404, Error{Errc::kNotFound, "this port serves only /metrics, /healthz and /readyz"});
  }
  if (request.method != "GET") {
    return error_response(405,
                          Error{Errc::kInvalidArgument, request.path + ": only GET is supported"});
  }
  return Admission{0};
}

// The same error of this listener's own settings.
Error of_metrics(Error error) {
  if (error.setting == Setting::kListenHost) {
    error.setting = Setting::kMetricsHost;
  } else if (error.setting == Setting::kListenPort) {
    error.setting = Setting::kMetricsPort;
  }
  return error;
}

boost::asio::awaitable<Response> respond(metrics::Registry& registry,
                                         const HealthChecks& checks,
                                         Request request) {
  co_return answer(registry, checks, request);
}

}  // namespace

Handler health_handler(metrics::Registry& registry, HealthChecks checks) {
  Handler handler;
  handler.admit = admit;
  // Not a coroutine itself: `checks` lives in the handler, which outlives its coroutines.
  handler.respond = [&registry, checks = std::move(checks)](Request request) {
    return respond(registry, checks, std::move(request));
  };
  return handler;
}

void Readiness::set_ready() {
  const std::lock_guard lock(mutex_);
  why_not_.reset();
}

void Readiness::set_not_ready(std::string why) {
  const std::lock_guard lock(mutex_);
  why_not_ = std::move(why);
}

std::optional<std::string> Readiness::why_not() const {
  const std::lock_guard lock(mutex_);
  return why_not_;
}

Heartbeat::Heartbeat(std::string what, Milliseconds patience)
    : what_(std::move(what)), patience_(patience), last_(SteadyClock().now()) {}

void Heartbeat::beat() {
  last_ = SteadyClock().now();
}

std::optional<std::string> Heartbeat::why_not() const {
  const auto silent = SteadyClock().now() - last_.load();
  if (silent <= patience_) {
    return std::nullopt;
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(silent).count();
  return what_ + " has been blocked for " + std::to_string(seconds) + " s";
}

HealthServer::HealthServer(std::unique_ptr<BackgroundServer> server) : server_(std::move(server)) {}

Result<std::unique_ptr<HealthServer>> HealthServer::start(const ListenAddress& address,
                                                          metrics::Registry& registry,
                                                          HealthChecks checks) {
  auto server =
      BackgroundServer::start(address, few_requests(), health_handler(registry, std::move(checks)));
  if (!server) {
    return tl::unexpected(of_metrics(std::move(server).error()));
  }
  return std::unique_ptr<HealthServer>(
      new HealthServer(std::move(*server)));  // private constructor
}

std::uint16_t HealthServer::port() const {
  return server_->port();
}

std::string HealthServer::url() const {
  return server_->url();
}

}  // namespace genesis::http
