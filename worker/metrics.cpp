#include "worker/metrics.hpp"

namespace genesis::worker {

Metrics::Metrics(metrics::Registry& registry)
    : round_(registry.gauge(
          {"genesis_local_round", "The round that this site has trained last; 0 before."})),
      rows_(registry.gauge({"genesis_local_rows", "Rows of this site."})),
      step_seconds_(registry.histogram(
          {"genesis_local_step_seconds", "A training step: discriminator and generator."},
          // One millisecond to eight seconds.
          metrics::exponential_buckets(0.001, 2.0, 14))),
      epochs_(registry.counter({"genesis_local_epochs_total", "Passes over this site's rows."})),
      registry_(registry),
      update_bytes_(registry.counters(
          {"genesis_update_bytes_total",
           "Bodies of contributions sent and of documents received, as they travelled."},
          {{"direction", "encoding"}, 32})),
      retries_(registry.counter(
          {"genesis_retried_requests_total", "Requests to the server that were tried once more."})),
      privacy_epsilon_(registry.gauges(
          {"genesis_local_privacy_epsilon",
           "Differential privacy of this site's rows: claimed for this training; spent by all "
           "trainings, and worst_spent, if all others collude; total that its policy allows."},
          {{"kind"}})),
      readiness_("has not joined the training yet") {
  for (const auto* direction : {"received", "sent"}) {
    update_bytes_.with({direction, "none"});
  }
}

void Metrics::joined(std::uint64_t rows) {
  rows_.set(static_cast<double>(rows));
  readiness_.set_ready();
}

void Metrics::began(RoundId round) {
  round_.set(static_cast<double>(round.value));
}

void Metrics::stepped(const method::StepReport& step) {
  step_seconds_.observe(step.seconds);
  if (step.ends_epoch) {
    epochs_.add();
  }
}

void Metrics::show(std::span<const method::TelemetryName> telemetry) {
  if (!telemetry_.empty()) {
    return;
  }
  for (const auto& [name, help] : telemetry) {
    auto gauge = registry_.gauge({"genesis_local_" + std::string(name), std::string(help)});
    telemetry_.emplace_back(name, gauge);
  }
}

void Metrics::trained(const rounds::Telemetry& telemetry) {
  for (auto& [name, gauge] : telemetry_) {
    if (const auto told = telemetry.find(name); told != telemetry.end()) {
      gauge.set(told->second);
    }
  }
}

void Metrics::sent(std::string_view encoding, std::uint64_t bytes) {
  update_bytes_.with({"sent", std::string(encoding)}).add(static_cast<double>(bytes));
}

void Metrics::received(std::string_view encoding, std::uint64_t bytes) {
  update_bytes_.with({"received", std::string(encoding)}).add(static_cast<double>(bytes));
}

http::HealthChecks Metrics::checks() {
  http::HealthChecks checks;
  checks.why_not_ready = [this] { return readiness_.why_not(); };
  return checks;
}

}  // namespace genesis::worker
