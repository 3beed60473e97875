#pragma once
// The shape of an encoded table: all that a model needs to know of the columns, and the encoded
// rows. No one-hot matrix exists: a cell is a mode and, in continuous columns, a value.
//
// A model sees column c as [value] then one-hot(mode): a tanh scalar where has_value, then a
// softmax over `modes`. Categories, spikes, Gaussian components and "missing" are all modes.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace genesis::tabular {

struct ColumnLayout {
  std::string name;
  std::uint32_t modes = 0;   // 0 for identifiers, which a model does not see
  bool has_value = false;    // a scalar in [-1, 1] precedes the modes
  bool conditional = false;  // takes part in the conditional vector (discrete columns)
  // Per mode, its share of all sites' rows; sums to 1.
  std::vector<double> frequencies;
  // Per mode, whether the scalar means something there (Gaussian modes); elsewhere it is 0.
  // Empty unless has_value.
  std::vector<std::uint8_t> mode_has_value;
  std::optional<std::uint32_t> missing;  // the mode of cells without a value
  bool operator==(const ColumnLayout&) const = default;
};

struct Layout {
  std::vector<ColumnLayout> columns;

  /// Width of an encoded row: scalars and one-hot modes.
  [[nodiscard]] std::size_t width() const {
    std::size_t total = 0;
    for (const auto& column : columns) {
      total += column.modes + (column.has_value ? 1U : 0U);
    }
    return total;
  }
  /// Width of the conditional vector: the modes of all conditional columns.
  [[nodiscard]] std::size_t condition_width() const {
    std::size_t total = 0;
    for (const auto& column : columns) {
      total += column.conditional ? column.modes : 0U;
    }
    return total;
  }
  bool operator==(const Layout&) const = default;
};

struct EncodedColumn {
  std::vector<std::uint32_t> mode;  // one a row; empty for identifiers
  std::vector<float> value;         // one a row where has_value, else empty
};

struct EncodedTable {
  std::size_t rows = 0;
  std::vector<EncodedColumn> columns;  // parallel to Layout::columns
};

}  // namespace genesis::tabular
