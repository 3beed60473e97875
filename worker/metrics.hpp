#pragma once
// Every metric of genesis-worker, declared here and nowhere else; docs/metrics.md explains them.
// None tells of a row: losses, norms and times are what the server hears too. The training thread
// updates them; the health listener reads from its own.
#include <cstdint>
#include <string>
#include <string_view>

#include "common/http/health.hpp"
#include "common/metrics/registry.hpp"
#include "common/model/ctgan.hpp"
#include "common/wire/messages.hpp"

namespace genesis::worker {

class Metrics {
 public:
  explicit Metrics(metrics::Registry& registry);

  /// This site takes part: ready from here on.
  void joined(std::uint64_t rows);
  /// The server wants this site to join (again), and has not taken it yet.
  void joining() { readiness_.set_not_ready("has not joined the training yet"); }
  /// A round's training begins.
  void began(RoundId round);
  void stepped(const model::StepReport& step);
  void trained(const wire::UpdateMetadata& update);
  /// The body of an update that went out, or of parameters that came in, as it travelled.
  void sent(std::string_view encoding, std::uint64_t bytes);
  void received(std::string_view encoding, std::uint64_t bytes);
  /// A request is tried once more.
  void retried() { retries_.add(); }

  [[nodiscard]] http::HealthChecks checks();

 private:
  metrics::Gauge round_, rows_;
  metrics::Histogram step_seconds_;
  metrics::Counter epochs_;
  metrics::Gauge generator_loss_, discriminator_loss_, update_norm_;
  metrics::Family<metrics::Counter> update_bytes_;
  metrics::Counter retries_;
  http::Readiness readiness_;
};

}  // namespace genesis::worker
