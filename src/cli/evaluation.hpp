#pragma once
// What `genesis run` and `genesis evaluate` compare: synthetic rows with real ones.
#include <filesystem>

#include "common/base/error.hpp"
#include "common/quality/evaluate.hpp"
#include "common/tabular/table.hpp"

namespace genesis::cli {

/// Compares the CSV `synthetic` with `real`; `holdout` names a CSV of real rows that were not
/// trained on, or is empty. `judging` says what classifiers are asked. Errors: those of
/// quality::read_beside and quality::evaluate.
[[nodiscard]] Result<quality::Report> evaluate_files(const tabular::Table& real,
                                                     const std::filesystem::path& synthetic,
                                                     const std::filesystem::path& holdout,
                                                     const quality::Judging& judging);

}  // namespace genesis::cli
