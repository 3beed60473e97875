#pragma once
// Every metric of genesis-worker, declared here and nowhere else; docs/metrics.md explains them.
// None tells of a row: losses, norms and times are what the server hears too. The training thread
// updates them; the health listener reads from its own.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/http/health.hpp"
#include "common/method/site_method.hpp"
#include "common/metrics/registry.hpp"
#include "common/rounds/contribution.hpp"

namespace genesis::worker {

class Metrics {
 public:
  explicit Metrics(metrics::Registry& registry);

  /// Declares the gauges of what the method tells of its training, before it trains. Does nothing
  /// where they are there: a client whose name another has begins again with the next one.
  void show(std::span<const method::TelemetryName> telemetry);
  /// This site takes part: ready from here on.
  void joined(std::uint64_t rows);
  /// The server wants this site to join (again), and has not taken it yet.
  void joining() { readiness_.set_not_ready("has not joined the training yet"); }
  /// A round's training begins.
  void began(RoundId round);
  void stepped(const method::StepReport& step);
  void trained(const rounds::Telemetry& telemetry);
  /// The body of a contribution that went out, or of a document that came in, as it travelled.
  void sent(std::string_view encoding, std::uint64_t bytes);
  void received(std::string_view encoding, std::uint64_t bytes);
  /// The epsilon that the training claims for this site's rows, and what all trainings together
  /// have spent of them: against those that are claimed to be withstood, and if all others collude.
  void protects(double claimed, double spent, double worst_spent) {
    privacy_epsilon_.with({"claimed"}).set(claimed);
    privacy_epsilon_.with({"spent"}).set(spent);
    privacy_epsilon_.with({"worst_spent"}).set(worst_spent);
  }
  /// The policy of this site bounds the epsilon of all trainings.
  void bounds(double total) { privacy_epsilon_.with({"total"}).set(total); }
  /// A request is tried once more.
  void retried() { retries_.add(); }

  [[nodiscard]] http::HealthChecks checks();

 private:
  metrics::Gauge round_, rows_;
  metrics::Histogram step_seconds_;
  metrics::Counter epochs_;
  metrics::Registry& registry_;
  std::vector<std::pair<std::string, metrics::Gauge>> telemetry_;  // by its name
  metrics::Family<metrics::Counter> update_bytes_;
  metrics::Counter retries_;
  metrics::Family<metrics::Gauge> privacy_epsilon_;
  http::Readiness readiness_;
};

}  // namespace genesis::worker
