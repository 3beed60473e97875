#pragma once
// How far synthetic rows are from real ones. Pure. A model that memorises gives rows equal to, or
// closer to, the rows that it was trained on.
#include <cstdint>
#include <span>
#include <vector>

#include "common/quality/compare.hpp"
#include "common/quality/evaluate.hpp"

namespace genesis::quality {

/// Share of synthetic rows that equal no real row in every compared column (missing equals
/// missing).
[[nodiscard]] double new_row_share(std::span<const ComparedColumn> columns);

/// Rows as points: one coordinate a column, so that min(|a - b|, 1) is the column's distance.
/// A point a row; `width` coordinates each.
struct Points {
  std::size_t width = 0;
  std::vector<float> values;

  [[nodiscard]] std::size_t size() const { return width == 0 ? 0 : values.size() / width; }
  [[nodiscard]] std::span<const float> row(std::size_t index) const {
    return std::span(values).subspan(index * width, width);
  }
};

/// For each query, the distance (Distances in evaluate.hpp) to the closest of `points`, which must
/// not be empty. O(queries * points * width).
[[nodiscard]] std::vector<float> closest(const Points& queries, const Points& points);

/// Rows are drawn as kDistanceRows says. Without held-out cells their figures are absent.
[[nodiscard]] Distances measure_distances(std::span<const ComparedColumn> columns);

}  // namespace genesis::quality
