#pragma once
// What `genesis run` and `genesis evaluate` compare: synthetic rows with real ones.
#include <filesystem>

#include "common/base/error.hpp"
#include "common/quality/evaluate.hpp"
#include "common/spec/federated_training.hpp"
#include "common/tabular/table.hpp"

namespace genesis::cli {

/// The rows of all sites as one table, in the column order of the first, read again as one CSV, so
/// that kinds and precision are those of all rows together. Kept in memory: real rows are written
/// nowhere. Each participant has a data path. Errors: those of tabular::read_csv, and
/// kInvalidArgument naming a site whose columns are others than the first site's.
[[nodiscard]] Result<tabular::Table> pooled_rows(const spec::FederatedTraining& training);

/// Compares the CSV `synthetic` with `real`; `holdout` names a CSV of real rows that were not
/// trained on, or is empty. Errors: those of quality::read_beside and quality::evaluate.
[[nodiscard]] Result<quality::Report> evaluate_files(const tabular::Table& real,
                                                     const std::filesystem::path& synthetic,
                                                     const std::filesystem::path& holdout);

}  // namespace genesis::cli
