#pragma once
// The third side of the seam: a released model that has been opened and makes rows.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/tabular/given_cells.hpp"
#include "common/tabular/table.hpp"

namespace genesis::method {

/// Rows that were completed: all columns of the model, with what was drawn where nothing was given.
struct Completed {
  tabular::Table rows;
  std::vector<std::vector<tabular::Given>> given;  // by column of `rows` and row
};

/// What may stand where nothing was given.
enum class Draw { kAnything, kValues /* never a missing cell, in columns that have values */ };

class Synthesizer {
 public:
  virtual ~Synthesizer() = default;

  /// Rows [block * kBlockRows, ...) of the endless sample named by `seed` and `where`, which holds
  /// conditions that all rows meet, in the grammar of tabular/where.hpp: rows do not depend on how
  /// the output is split. `rows` is at most kBlockRows. Errors: kInvalidArgument names the column
  /// or value of a condition that the model does not know; kResourceExhausted, with the share of
  /// drawn rows that meet the conditions, where that is too small to go on.
  static constexpr std::size_t kBlockRows = 4096;
  [[nodiscard]] virtual Result<tabular::Table> block(std::uint64_t seed,
                                                     std::uint64_t block,
                                                     std::size_t rows,
                                                     std::span<const std::string> where) const = 0;

  /// The categories of a column. Errors: kInvalidArgument where the model has no such column, or it
  /// holds no categories.
  [[nodiscard]] virtual Result<std::vector<std::string>> categories(
      std::string_view column) const = 0;

  /// Draws what is missing in `texts`, at most kBlockRows rows of text (read_text_table) that begin
  /// at row block * kBlockRows: each cell from its distribution given the row's other cells.
  /// Columns that the model does not have are passed over. Errors: kInvalidArgument where the
  /// method cannot.
  [[nodiscard]] virtual Result<Completed> complete(std::uint64_t seed,
                                                   std::uint64_t block,
                                                   const tabular::Table& texts,
                                                   Draw draw) const = 0;
};

}  // namespace genesis::method
