#pragma once
// The parts of genesis._core, each of which adds what it has to the module.
#include <string>
#include <utility>
#include <vector>

#include <nanobind/nanobind.h>

#include "common/spec/parse.hpp"

namespace genesis::python {

using Overrides = std::vector<std::pair<std::string, std::string>>;  // path of the spec, value

[[nodiscard]] inline std::vector<spec::Override> overrides_of(const Overrides& pairs) {
  std::vector<spec::Override> overrides;
  for (const auto& [path, value] : pairs) {
    overrides.push_back({path, value});
  }
  return overrides;
}

/// Model: load, save, sample, card.
void add_model(nanobind::module_& module);
/// Job, Server: trainings, servers and clients that run while Python waits or does other things.
void add_jobs(nanobind::module_& module);

}  // namespace genesis::python
