#pragma once
// The status of a FederatedTraining, with the fields of the CRD. Pure.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/k8s/json.hpp"
#include "operator/time.hpp"

namespace genesis::control {

using k8s::Json;

/// KEP-1623.
struct Condition {
  std::string type;
  bool holds = false;
  std::string reason;
  std::string message;
  SystemTime since;  // when `holds` changed last
  std::int64_t observed_generation = 0;
  bool operator==(const Condition&) const = default;
};

struct ParticipantStatus {
  std::string name;
  std::string state;
  std::optional<std::int64_t> rows;
  std::optional<std::int64_t> last_round;
  std::optional<std::int64_t> replaced_after_round;  // when its Job was replaced
  std::string reason;
  bool operator==(const ParticipantStatus&) const = default;
};

struct ModelStatus {
  std::string sha256;
  std::optional<std::int64_t> bytes;
  std::string path;
  bool operator==(const ModelStatus&) const = default;
};

struct RoundStatus {
  std::int64_t current = 0;
  std::int64_t total = 0;
  std::optional<std::int64_t> estimated_remaining_seconds;
  bool operator==(const RoundStatus&) const = default;
};

/// The uids of a training's children by kind and name.
using Record = std::map<std::string, std::string>;
/// "Secret/hospitals-operator".
[[nodiscard]] std::string record_key(std::string_view kind, std::string_view name);

struct TrainingStatus {
  std::int64_t observed_generation = 0;
  std::string phase;
  std::vector<Condition> conditions;
  std::optional<RoundStatus> round;
  std::optional<std::int64_t> clients;
  std::int64_t min_clients = 0;  // that is in force; 0 in a status of old
  // For people, who see them in columns:
  std::string rounds;  // "34/300"
  std::string joined;  // "3/3"
  std::string reason;  // of the condition that matters most at the moment
  std::vector<ParticipantStatus> participants;
  std::optional<ModelStatus> model;
  std::string spec_sha256;
  std::int64_t retry = 0;  // of the spec, as far as it was acted on
  std::optional<SystemTime> retry_time;
  std::optional<std::int64_t> replaced_after_round;  // when the aggregator's Job was replaced
  // The images that the training started with, by "aggregator", "worker", or as the spec names
  // them.
  std::map<std::string, std::string> images;
  std::optional<SystemTime> certificate_expiry;  // of the first that ends, until it is over
  std::optional<SystemTime> start_time;
  std::optional<SystemTime> completion_time;
  std::optional<Record> children;  // those that were created; absent in a status of old
  bool operator==(const TrainingStatus&) const = default;

  /// The condition of that type, or null.
  [[nodiscard]] const Condition* condition(std::string_view type) const;
  [[nodiscard]] bool holds(std::string_view type) const;
  /// Whether Jobs of the training have been replaced: those that are not on record are of old then.
  [[nodiscard]] bool has_replaced_jobs() const;
};

/// Fields that are missing or of another type keep their default, for other programs may have
/// written the status.
[[nodiscard]] TrainingStatus status_from_json(const Json& json);
[[nodiscard]] Json to_json(const TrainingStatus& status);

}  // namespace genesis::control
