#pragma once
// The tables that the model is fitted to: the joint counts of two columns' bins and of the target's
// where there is one. A row adds 1 to at most one cell of each. Pure.
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "common/base/json_document.hpp"
#include "common/mixture/bins.hpp"
#include "common/tabular/table.hpp"

namespace genesis::mixture {

/// Cells of all tables together; where all pairs have more, some pairs are chosen.
inline constexpr std::uint64_t kMaxTableCells = std::uint64_t{1} << 19;

struct TablePlan {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;  // columns, the smaller one first
  std::optional<std::uint32_t> target;                         // in none of the pairs
  std::vector<std::uint32_t> bins;                             // of each column; 0: not counted
  bool operator==(const TablePlan&) const = default;

  [[nodiscard]] std::size_t target_bins() const { return target ? bins[*target] : 1; }
  [[nodiscard]] std::size_t cells(std::size_t pair) const {
    return std::size_t{bins[pairs[pair].first]} * bins[pairs[pair].second] * target_bins();
  }
  [[nodiscard]] std::size_t cells() const;
  /// Whether each counted column is in a pair or the target.
  [[nodiscard]] bool has_all_columns() const;
  /// Pairs of counted columns that there are beside the target.
  [[nodiscard]] std::size_t all_pairs() const;
};

/// All pairs with the target, or all pairs; where these have more than `most_cells`, each column
/// with as many of those that follow it, round the end, as fit. A table of fewer than three columns
/// with a target, or of one, has the tables that it can have.
[[nodiscard]] TablePlan plan_tables(const Binnings& binnings,
                                    std::optional<std::uint32_t> target,
                                    std::uint64_t most_cells = kMaxTableCells);

/// plan_tables(), without the target where its values leave no room for tables of all columns.
struct TableChoice {
  TablePlan plan;
  bool is_without_target = false;
};
[[nodiscard]] TableChoice choose_tables(const Binnings& binnings,
                                        std::optional<std::uint32_t> target);
inline constexpr std::string_view kWithoutTarget =
    "model.target: its values leave no room for tables of all columns; pairs are counted without "
    "it. Declare fewer categories of it, or fewer columns";

/// Table after table: cell (i, j, t) of a pair is at (i * bins of the second + j) * target_bins +
/// t. Threads change nothing. A row without a bin in one of a table's columns is not in that table.
[[nodiscard]] Result<Counts> count_tables(const tabular::Table& table,
                                          const Schema& schema,
                                          const Binnings& binnings,
                                          const TablePlan& plan,
                                          unsigned threads);

nlohmann::json to_json(const TablePlan& plan);
/// Errors: kInvalidArgument where it is none of `binnings`, kResourceExhausted for too many cells.
[[nodiscard]] Result<TablePlan> table_plan_from_json(JsonValue json, const Binnings& binnings);

}  // namespace genesis::mixture
