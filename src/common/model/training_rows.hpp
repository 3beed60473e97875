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

/// What conditions are drawn by: a conditional column, uniformly, and in it a category by its
/// weight.
class Conditions {
 public:
  /// Of the next column, whose categories begin at `first` in the conditional vector. A category of
  /// weight 0 is never drawn.
  void add_column(std::size_t first, std::span<const double> weights);
  /// Fills `condition` with offsets in the conditional vector; not where there is no column.
  void draw(Rng& rng, std::span<std::uint32_t> condition) const;
  [[nodiscard]] bool empty() const { return columns_.empty(); }

 private:
  struct Column {
    std::vector<double> cumulative;        // over the categories with a weight, ends at 1
    std::vector<std::uint32_t> condition;  // their offsets in the conditional vector
  };
  std::vector<Column> columns_;
};

/// Whether `table` fits `layout`; it may be without rows. Errors: kInvalidArgument (a column of
/// another length; a mode outside its column).
[[nodiscard]] Status check_table(const tabular::Layout& layout, const tabular::EncodedTable& table);

/// Encodes `rows` of `table` into `out`, whose buffers are reused.
void gather(std::span<const Span> spans,
            const tabular::EncodedTable& table,
            std::span<const std::uint32_t> rows,
            RealRows& out);

class TrainingRows {
 public:
  /// Errors: kInvalidArgument (no rows; a column of another length; a mode outside its column).
  static Result<TrainingRows> create(const Network& network,
                                     const tabular::Layout& layout,
                                     tabular::EncodedTable table);

  /// Fills `condition` with offsets in the conditional vector: a conditional column, uniformly, and
  /// in it a category by the logarithm of its count here. A category without a row here is never
  /// drawn.
  void draw_conditions(Rng& rng, std::span<std::uint32_t> condition) const {
    conditions_.draw(rng, condition);
  }

  /// Row numbers with the category of each condition; without conditional columns any rows.
  void draw_rows(Rng& rng,
                 std::span<const std::uint32_t> condition,
                 std::span<std::uint32_t> rows) const;

  /// Encodes `rows` into `out`, whose buffers are reused.
  void gather(std::span<const std::uint32_t> rows, RealRows& out) const {
    model::gather(spans_, table_, rows, out);
  }

  [[nodiscard]] std::size_t row_count() const { return table_.rows; }

 private:
  struct Category {
    std::uint32_t first_row;  // in rows_
    std::uint32_t count;
  };

  std::vector<Span> spans_;
  tabular::EncodedTable table_;
  Conditions conditions_;
  std::vector<Category> categories_;  // by offset in the conditional vector
  std::vector<std::uint32_t> rows_;   // row numbers, grouped by category
};

}  // namespace genesis::model
