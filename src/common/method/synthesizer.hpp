#pragma once
// The third side of the seam: a released model that has been opened and makes rows.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "common/base/error.hpp"
#include "common/tabular/table.hpp"

namespace genesis::method {

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
};

}  // namespace genesis::method
