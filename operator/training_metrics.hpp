#pragma once
// What the statuses of FederatedTrainings say, as metrics of the operator: a failure is seen
// although the pods of the training are gone. Each replica shows all trainings, so queries take one
// of equal series (max by). On the strand of the API client.
#include <compare>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/k8s/object.hpp"
#include "common/metrics/registry.hpp"
#include "operator/observed.hpp"

namespace genesis::control {

enum class TrainingMetric {
  kStatus,
  kInfo,
  kCondition,
  kRound,
  kRounds,
  kClients,
  kClientsNeeded,
  kParticipants,
  kRoundDeadline,
  kStartTime,
  kCompletionTime,
  kProgressTime,
  kCertificateExpiry,
  kPrivacyEpsilon,
};
inline constexpr std::size_t kTrainingMetrics = 14;

/// One series of a training. `labels` are those after namespace and name.
struct Series {
  TrainingMetric metric = TrainingMetric::kStatus;
  std::vector<std::string> labels;
  auto operator<=>(const Series&) const = default;
};

/// All series of a training but its progress, which its status does not tell.
[[nodiscard]] std::map<Series, double> series_of(const Training& training);

class TrainingMetrics {
 public:
  /// The registry outlives it.
  explicit TrainingMetrics(metrics::Registry& registry);

  /// The training as it is at `now`.
  void show(const Training& training, SystemTime now);
  /// The training is gone, and so are its series.
  void forget(const k8s::ObjectKey& key);

 private:
  struct Shown {
    std::set<Series> series;
    std::string stand;  // phase, round and how often it was started: a change is progress
    SystemTime progress;
  };
  void set(const k8s::ObjectKey& key, const Series& series, double value);
  void replace(const k8s::ObjectKey& key, Shown& shown, const std::map<Series, double>& now);

  std::vector<metrics::Family<metrics::Gauge>> families_;  // by TrainingMetric
  std::map<k8s::ObjectKey, Shown> shown_;
};

}  // namespace genesis::control
