#pragma once
// The tables of a training's sites, where this machine holds them: for `genesis run` and
// `genesis validate --data`.
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/spec/federated_training.hpp"
#include "common/tabular/pool.hpp"

namespace genesis::cli {

/// Errors name the site that cannot be read.
[[nodiscard]] Result<std::vector<tabular::NamedTable>> read_sites(
    const spec::FederatedTraining& training);

/// Values that look alike, over all sites.
[[nodiscard]] std::vector<std::string> look_alikes(const std::vector<tabular::NamedTable>& sites);

/// What was found in the sites' files and not declared, and values that look alike.
[[nodiscard]] std::vector<std::string> remarks(const std::vector<tabular::NamedTable>& sites);

/// All their rows as the sites agree on them. Errors: those of tabular::plan.
[[nodiscard]] Result<tabular::Table> pooled(const spec::FederatedTraining& training,
                                            const std::vector<tabular::NamedTable>& sites);

}  // namespace genesis::cli
