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

/// A value that a column must have in every row.
struct Condition {
  std::string column;
  std::string value;
};

class Synthesizer {
 public:
  virtual ~Synthesizer() = default;

  /// Rows [block * kBlockRows, ...) of the endless sample named by `seed`: rows do not depend on
  /// how the output is split. `rows` is at most kBlockRows. Errors: kInvalidArgument names the
  /// column or value of a condition that the model does not know.
  static constexpr std::size_t kBlockRows = 4096;
  [[nodiscard]] virtual Result<tabular::Table> block(
      std::uint64_t seed,
      std::uint64_t block,
      std::size_t rows,
      std::span<const Condition> conditions) const = 0;
};

}  // namespace genesis::method
