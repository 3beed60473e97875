#pragma once
// Training-by-sampling (Xu et al. 2019, sec. 4.3) over one site's own rows: draws conditions, and
// real rows that meet them. Private to this folder.
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/rng.hpp"
#include "common/model/discriminator.hpp"
#include "common/model/network.hpp"
#include "common/tabular/layout.hpp"

namespace genesis::model {

class TrainingRows {
 public:
  /// Errors: kInvalidArgument (no rows; a column of another length; a mode outside its column).
  static Result<TrainingRows> create(const Network& network,
                                     const tabular::Layout& layout,
                                     tabular::EncodedTable table);

  /// Fills `condition` with offsets in the conditional vector: a conditional column, uniformly, and
  /// in it a category by the logarithm of its count here. A category without a row here is never
  /// drawn.
  void draw_conditions(Rng& rng, std::span<std::uint32_t> condition) const;

  /// Row numbers with the category of each condition; without conditional columns any rows.
  void draw_rows(Rng& rng,
                 std::span<const std::uint32_t> condition,
                 std::span<std::uint32_t> rows) const;

  /// Encodes `rows` into `out`, whose buffers are reused.
  void gather(std::span<const std::uint32_t> rows, RealRows& out) const;

  [[nodiscard]] std::size_t row_count() const { return table_.rows; }

 private:
  struct Category {
    std::uint32_t column;     // in columns_
    std::uint32_t first_row;  // in rows_
    std::uint32_t count;
  };
  struct Column {
    std::vector<double> cumulative;        // over the categories present here, ends at 1
    std::vector<std::uint32_t> condition;  // their offsets in the conditional vector
  };

  std::vector<Span> spans_;
  tabular::EncodedTable table_;
  std::vector<Column> columns_;
  std::vector<Category> categories_;  // by offset in the conditional vector
  std::vector<std::uint32_t> rows_;   // row numbers, grouped by category
};

}  // namespace genesis::model
