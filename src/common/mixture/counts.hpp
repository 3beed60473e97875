#pragma once
// What a site counts, and in which order the counts stand. A row adds 1 to at most one cell of each
// table, so a set of tables has the L2 sensitivity sqrt(number of tables), whatever the rows hold.
// Pure; no cell is an error.
//
//   fine    one table a column: its categories, at most 256 equal bins of its domain, or a fixed
//           grid that is the same for everybody where no bounds are declared; then a cell for
//           missing values, unless there are none
//   zoom    one table a column that has ranges: their cells, in steps that the ask gives
#include <cstdint>
#include <span>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "common/base/json_document.hpp"
#include "common/mixture/schema.hpp"
#include "common/tabular/table.hpp"

namespace genesis::mixture {

using Counts = std::vector<std::uint64_t>;

inline constexpr std::uint64_t kFineBins = 256;
/// Of all ranges together; more is refused.
inline constexpr std::uint64_t kMaxZoomCells = std::uint64_t{1} << 20;

/// Which column of `table` each of `schema` is. Errors: kInvalidArgument names what is missing.
[[nodiscard]] Result<std::vector<std::size_t>> match_columns(const tabular::Table& table,
                                                             const Schema& schema);

/// The grid of numbers and dates without bounds: of numbers 16 bins a decade of their magnitude
/// from 1e-4 to 1e12 with one for 0, of dates the years from 1900 to 2099. What is outside falls
/// into the outermost bins.
struct OpenGrid {
  std::size_t bins = 0;
  // How many decimal places a value needs, where that is not declared: cells are class after class.
  std::vector<int> precisions;
};
[[nodiscard]] OpenGrid open_grid(const Column& column);
[[nodiscard]] double lower_edge(const Column& column, std::size_t bin);  // of bin + 1: upper edge

/// Units that one fine bin of a column with bounds has.
[[nodiscard]] std::uint64_t fine_width(const Column& column);
/// Cells of the column's fine table without the one for missing values.
[[nodiscard]] std::size_t fine_values(const Column& column);
[[nodiscard]] std::size_t fine_cells(const Column& column);
[[nodiscard]] std::size_t fine_cells(const Schema& schema);
[[nodiscard]] std::size_t counted_columns(const Schema& schema);

/// Cells of `step` units each; the last one may have fewer.
struct Range {
  std::uint32_t column = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive
  std::uint64_t step = 1;
  bool operator==(const Range&) const = default;
  [[nodiscard]] std::uint64_t cells() const { return (last - first) / step + 1; }
};
using Ranges = std::vector<Range>;  // by column, then by first unit; they do not overlap
[[nodiscard]] std::size_t zoom_cells(const Ranges& ranges);
[[nodiscard]] std::size_t zoomed_columns(const Ranges& ranges);

[[nodiscard]] Result<Counts> count_fine(const tabular::Table& table, const Schema& schema);
[[nodiscard]] Result<Counts> count_zoom(const tabular::Table& table,
                                        const Schema& schema,
                                        const Ranges& ranges);

nlohmann::json to_json(const Ranges& ranges);
/// Errors: kInvalidArgument where they are not ranges of `schema` in their order.
[[nodiscard]] Result<Ranges> ranges_from_json(JsonValue json, const Schema& schema);

}  // namespace genesis::mixture
