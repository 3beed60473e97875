#pragma once
// The specs of FederatedTrainings as they were parsed. A running training has a pass every two
// seconds, and its spec does not change, so each generation of a spec is parsed and validated once.
// On the strand of the API client.
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/k8s/json.hpp"
#include "operator/shapes.hpp"

namespace genesis::control {

class SpecCache {
 public:
  /// Holds at most `capacity` specs and drops the one that was not used for the longest time. With
  /// more active trainings than that, some are parsed again on each pass.
  explicit SpecCache(std::size_t capacity = 1024) : capacity_(capacity) {}

  /// The spec of this FederatedTraining. The API server raises metadata.generation with each change
  /// of a spec, so that uid and generation identify it. The reference is valid until the next call.
  [[nodiscard]] const ParsedSpec& of(const k8s::Json& object);
  /// Drops the spec of a deleted training.
  void forget(std::string_view uid);
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string uid;
    std::int64_t generation = 0;
    ParsedSpec parsed;
  };

  std::size_t capacity_;
  std::list<Entry> entries_;  // the most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_uid_;
};

}  // namespace genesis::control
