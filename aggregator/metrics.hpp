#pragma once
// Every metric of genesis-aggregator, declared here and nowhere else; docs/metrics.md explains
// them. The coordinator and the HTTP face tell what they have done, on their own thread; the health
// listener reads from its own. Costs a pass over each update (norm and direction), so it is there
// only where somebody asked for metrics.
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/aggregation/direction.hpp"
#include "common/base/clock.hpp"
#include "common/base/ids.hpp"
#include "common/http/health.hpp"
#include "common/http/server.hpp"
#include "common/method/server_method.hpp"
#include "common/metrics/registry.hpp"
#include "common/rounds/step.hpp"
#include "common/rounds/telemetry_mean.hpp"
#include "common/wire/messages.hpp"

namespace genesis::aggregator {

class Metrics {
 public:
  /// `max_clients` bounds the series of each metric that has a client label.
  Metrics(metrics::Registry& registry, std::size_t max_clients);

  // From the coordinator.
  /// Declares the gauges of what the method's clients tell. Once, before anything is folded.
  void show(std::span<const method::TelemetryName> telemetry);
  /// The differential privacy of the training.
  void promises(const wire::PrivacyReport& privacy) {
    privacy_epsilon_.with({"claimed"}).set(privacy.epsilon);
    privacy_epsilon_.with({"worst"}).set(privacy.worst_epsilon);
  }
  /// A training that is under way already (resumed).
  void take_up(const rounds::State& state, Instant now);
  /// An effect has been carried out, which took so many seconds; `state` is the one after its step.
  void performed(const rounds::Effect& effect,
                 const rounds::State& state,
                 double seconds,
                 Instant now);
  /// A contribution of a client with so many rows has been folded.
  void folded(const rounds::Contribution& contribution, std::uint64_t rows);
  /// A secure sum over these sites has been opened: of each one no more is known.
  void summed(std::set<ClientId> members);
  /// The global model has moved by `step`: what the next round's updates are compared with.
  void stepped(std::vector<float> step) { direction_.point(std::move(step)); }
  void ticked() { heartbeat_.beat(); }
  /// The server asks nobody who it is, on an address that others reach.
  void open_to_all() { open_to_all_.set(1.0); }
  /// Its share of the open collection's sum, 0 to 1.
  void weighs(const ClientId& client, double share) {
    client_weight_share_.with({client.str()}).set(share);
  }
  /// Its update was longer than the round's bound.
  void scaled(const ClientId& client) { scaled_updates_.with({client.str()}).add(); }
  /// Whether the last closed round gave reason to think that the training diverges.
  void diverges(bool does) { diverging_.set(does ? 1.0 : 0.0); }

  // From the HTTP face.
  /// The same handler, with its refusals, joins and update bytes counted. This outlives it.
  [[nodiscard]] http::Handler measured(http::Handler handler);
  /// `request` without its body, whose size is content_length.
  void answered(const http::Request& request, const http::Response& response);
  /// Adds the server's own totals to every scrape. `counters` outlives the registry's last text().
  void watch(const http::Counters& counters);

  // For the health listener.
  [[nodiscard]] http::HealthChecks checks();
  http::Readiness& readiness() { return readiness_; }

 private:
  // What the open round has come to so far.
  struct Round {
    RoundId id;
    Instant opened;
    std::set<ClientId> selected;
    std::set<ClientId> reported;
    std::size_t rejected = 0;
    rounds::TelemetryMean telemetry;
    double update_norm = 0.0;  // sum
    bool is_protected = false;
    double seconds = 0.0;  // of folding and aggregating
  };

  void opened(const rounds::State& state, Instant now);
  void closed(double seconds, Instant now);
  void refused(int status);
  void show_clients();

  metrics::Registry& registry_;
  metrics::Gauge open_to_all_;
  metrics::Gauge round_;
  metrics::Family<metrics::Counter> rounds_;
  metrics::Histogram round_duration_;
  metrics::Family<metrics::Gauge> round_clients_;
  metrics::Family<metrics::Counter> update_bytes_;
  metrics::Gauge aggregation_seconds_;
  metrics::Gauge update_norm_;
  std::vector<std::pair<std::string, metrics::Gauge>> telemetry_;  // by its name
  metrics::Family<metrics::Gauge> client_divergence_, client_train_seconds_, client_weight_share_;
  metrics::Family<metrics::Counter> scaled_updates_, missed_rounds_;
  metrics::Gauge diverging_;
  metrics::Family<metrics::Gauge> privacy_epsilon_;
  metrics::Family<metrics::Counter> refused_, joins_;
  Round now_;
  aggregation::Compass direction_;  // points along the last closed round's step
  http::Readiness readiness_;
  http::Heartbeat heartbeat_;
};

}  // namespace genesis::aggregator
