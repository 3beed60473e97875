#pragma once
// Rows that have gaps, and the same rows with the gaps filled by a model.
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/method/synthesizer.hpp"
#include "common/tabular/table.hpp"
#include "genesis/federated_synthesizer.hpp"

namespace genesis {

/// Which columns are written.
enum class Columns { kOfFile, kOfModel };

/// Completes `texts` block by block and gives the CSV text to `take`, a header line first. What was
/// given stands as it was; `cells` is for what is drawn. Returns what became of the model's columns
/// that the table has. Errors: kInvalidArgument where it has none of them, or as
/// Synthesizer::complete.
[[nodiscard]] Result<std::vector<CompletedColumn>> complete_table(
    const method::Synthesizer& synthesizer,
    const tabular::Table& texts,
    std::uint64_t seed,
    Columns columns,
    tabular::TextCells cells,
    const std::function<Status(std::string_view)>& take);

/// The same, as all columns of the model block by block. Whoever has the rows has what was given:
/// Completed::given says which cells these are.
[[nodiscard]] Result<std::vector<CompletedColumn>> complete_rows(
    const method::Synthesizer& synthesizer,
    const tabular::Table& texts,
    std::uint64_t seed,
    Columns columns,
    const std::function<void(const method::Completed&)>& take);

}  // namespace genesis
