#include "operator/training_metrics.hpp"

#include <array>

#include "operator/reasons.hpp"

namespace genesis::control {
namespace {

constexpr std::array kPhases = {
    "Pending", "Running", "Suspended", "Generating", "Succeeded", "Failed"};
// More than a cluster has; a series costs some hundred bytes once it is there.
constexpr std::size_t kMostSeries = 200'000;

double seconds(SystemTime time) {
  return static_cast<double>(time.time_since_epoch().count());
}

metrics::Labels of_training(std::vector<std::string> more = {}) {
  metrics::Labels labels{{"namespace", "name"}, kMostSeries};
  labels.names.insert(labels.names.end(), more.begin(), more.end());
  return labels;
}

std::string phase_of(const TrainingStatus& status) {
  return status.phase.empty() ? kPhases.front() : status.phase;
}

// What changes whenever the training gets on.
std::string stand_of(const Training& training) {
  const auto& status = training.status;
  const auto* const doing = status.condition(kTraining);
  return phase_of(status) + "/" + (doing == nullptr ? "" : doing->reason) + "/" +
         std::to_string(status.round ? status.round->current : 0) + "/" +
         std::to_string(status.retry);
}

}  // namespace

std::map<Series, double> series_of(const Training& training) {
  using enum TrainingMetric;
  const auto& status = training.status;
  std::map<Series, double> series;
  for (const char* const phase : kPhases) {
    series[{kStatus, {phase}}] = phase_of(status) == phase ? 1.0 : 0.0;
  }
  for (const auto& condition : status.conditions) {
    if (condition.holds) {
      series[{kCondition, {condition.type, condition.reason}}] = 1.0;
    }
  }
  if (status.start_time) {
    series[{kStartTime, {}}] = seconds(*status.start_time);
  }
  if (status.certificate_expiry) {
    series[{kCertificateExpiry, {}}] = seconds(*status.certificate_expiry);
  }
  if (status.completion_time) {
    series[{kCompletionTime, {}}] = seconds(*status.completion_time);
  }
  for (const auto& participant : status.participants) {
    series[{kParticipants, {participant.state}}] += 1.0;
  }
  if (!training.invalid.empty()) {
    return series;  // there is no spec to tell of
  }
  const auto& spec = training.spec;
  series[{kInfo, {spec.model.method, std::string(spec::to_string(spec.aggregation.strategy))}}] = 1;
  series[{kRound, {}}] = static_cast<double>(status.round ? status.round->current : 0);
  series[{kRounds, {}}] = static_cast<double>(spec.rounds.count);
  series[{kClients, {}}] = static_cast<double>(status.clients.value_or(0));
  series[{kClientsNeeded, {}}] = static_cast<double>(spec::min_clients_of(spec));
  series[{kRoundDeadline, {}}] = static_cast<double>(spec.rounds.deadline_seconds);
  if (const auto& privacy = spec.privacy.differential_privacy) {
    series[{kPrivacyEpsilon, {}}] = privacy->epsilon;
  }
  return series;
}

// In the order of TrainingMetric.
TrainingMetrics::TrainingMetrics(metrics::Registry& registry)
    : families_{
          registry.gauges({"genesis_training_status", "1 for the phase of the training, else 0."},
                          of_training({"phase"})),
          registry.gauges({"genesis_training_info", "Always 1; the labels tell what is trained."},
                          of_training({"method", "strategy"})),
          registry.gauges({"genesis_training_condition",
                           "1 for each condition of the training that holds, with its reason."},
                          of_training({"type", "reason"})),
          registry.gauges({"genesis_training_round", "The open round, or the last that closed."},
                          of_training()),
          registry.gauges({"genesis_training_rounds", "Rounds that the training is to have."},
                          of_training()),
          registry.gauges({"genesis_training_clients", "Clients that take part."}, of_training()),
          registry.gauges({"genesis_training_clients_needed", "Clients that a round needs."},
                          of_training()),
          registry.gauges({"genesis_training_participants", "Named sites by their state."},
                          of_training({"state"})),
          registry.gauges({"genesis_training_round_deadline_seconds",
                           "Time after which a round is closed or tried again."},
                          of_training()),
          registry.gauges({"genesis_training_start_timestamp_seconds", "When it started."},
                          of_training()),
          registry.gauges(
              {"genesis_training_completion_timestamp_seconds", "When it succeeded or failed."},
              of_training()),
          registry.gauges({"genesis_training_progress_timestamp_seconds",
                           "When this replica saw its phase or round change last."},
                          of_training()),
          registry.gauges({"genesis_training_certificate_expiry_timestamp_seconds",
                           "When the first certificate of the training ends."},
                          of_training()),
          registry.gauges({"genesis_training_privacy_epsilon",
                           "Epsilon that the training claims for the rows of each site."},
                          of_training())} {
  static_assert(static_cast<std::size_t>(TrainingMetric::kPrivacyEpsilon) + 1 == kTrainingMetrics);
}

void TrainingMetrics::set(const k8s::ObjectKey& key, const Series& series, double value) {
  std::vector<std::string> labels{key.ns, key.name};
  labels.insert(labels.end(), series.labels.begin(), series.labels.end());
  families_[static_cast<std::size_t>(series.metric)].with(labels).set(value);
}

void TrainingMetrics::replace(const k8s::ObjectKey& key,
                              Shown& shown,
                              const std::map<Series, double>& now) {
  for (const auto& series : shown.series) {
    if (!now.contains(series)) {
      std::vector<std::string> labels{key.ns, key.name};
      labels.insert(labels.end(), series.labels.begin(), series.labels.end());
      families_[static_cast<std::size_t>(series.metric)].remove(labels);
    }
  }
  shown.series.clear();
  for (const auto& [series, value] : now) {
    set(key, series, value);
    shown.series.insert(series);
  }
}

void TrainingMetrics::show(const Training& training, SystemTime now) {
  const k8s::ObjectKey key(training.ns, training.name);
  auto& shown = shown_[key];
  if (auto stand = training.uid + "/" + stand_of(training); shown.stand != stand) {
    shown.stand = std::move(stand);
    shown.progress = now;
  }
  auto series = series_of(training);
  series[{TrainingMetric::kProgressTime, {}}] = seconds(shown.progress);
  replace(key, shown, series);
}

void TrainingMetrics::forget(const k8s::ObjectKey& key) {
  if (const auto found = shown_.find(key); found != shown_.end()) {
    replace(key, found->second, {});
    shown_.erase(found);
  }
}

}  // namespace genesis::control
