#pragma once
// Turns objects of the cluster into the values that plan() reads, and says what the informers keep
// of each object. Pure. An object may have any shape; what is missing is empty.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/k8s/api.hpp"
#include "common/k8s/json.hpp"
#include "operator/observed.hpp"

namespace genesis::control {

/// A spec as it was parsed: valid, unless `invalid` says what is wrong with it.
struct ParsedSpec {
  spec::FederatedTraining spec;
  std::string invalid;
};

/// metadata.generation, or 0.
[[nodiscard]] std::int64_t generation_of(const Json& object);
/// Parses and validates the spec of a FederatedTraining.
[[nodiscard]] ParsedSpec parse_spec(const Json& object);
/// A FederatedTraining whose spec has been parsed already.
[[nodiscard]] Training training_from(const Json& object, ParsedSpec parsed);

/// An object of one of kChildKinds. `owner` is the uid of the training.
[[nodiscard]] Child child_from(const k8s::Resource& kind,
                               const Json& object,
                               std::string_view owner);
[[nodiscard]] Pod pod_from(const Json& object);
/// The result that the aggregator writes as its termination message; nullopt if the message is
/// something else, such as the end of a log.
[[nodiscard]] std::optional<TrainingOutcome> outcome_from(std::string_view message);

/// What an informer asks for and keeps. Thousands of objects are held and few of their fields are
/// read.
struct Selection {
  k8s::Detail detail = k8s::Detail::kMetadataOnly;
  void (*keep)(Json& object) = nullptr;  // drops everything else
};
/// Of a kind in kChildKinds, of pods, or of FederatedTrainings.
[[nodiscard]] Selection selection_of(const k8s::Resource& resource);

}  // namespace genesis::control
