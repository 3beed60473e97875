#pragma once
// The cells of one column as they are read, before their kind is known. Each distinct text is kept
// once, with a code a row; but a column of many different numbers keeps these instead, since a
// dictionary of them would be several times larger than they are.
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/tabular/dictionary.hpp"

namespace genesis::tabular {

/// What was seen of the numbers that a column keeps as such.
struct PlainNumbers {
  char decimal = '.';
  std::uint64_t cells = 0;
  int least_places = 0;        // after the point, that the shortest has
  int decimals = 0;            // places that the longest has
  bool digits_only = true;     // none has a decimal sign
  bool through_floats = true;  // whole numbers, as 41 or 41.0
  bool tells_sign = false;     // some can't be whole numbers with their thousands set apart
  double least = 0.0;
  double most = 0.0;
};

class RawColumn {
 public:
  explicit RawColumn(std::string column_name) : name(std::move(column_name)) {}

  void add(std::string_view text, std::uint64_t line);

  /// True once cells are kept as numbers; text that is none stays in the dictionary.
  [[nodiscard]] bool holds_numbers() const { return !numbers.empty(); }
  /// Writes the numbers out and keeps them as texts again. Zeros at the end of decimals are lost,
  /// and the lines of cells are those of a file without blank lines.
  void to_texts();
  [[nodiscard]] std::size_t rows() const { return codes.size() + numbers.size(); }

  std::string name;
  Dictionary dictionary;
  std::vector<std::uint32_t> codes;  // one a row, until numbers are kept
  std::vector<double> numbers;       // one a row, then: a number, or code_in() a text
  PlainNumbers plain;

 private:
  void to_numbers();
};

/// The code of a text that stands among numbers, as a NaN bears it; nothing for a number.
[[nodiscard]] inline std::optional<std::uint32_t> code_in(double cell) {
  return std::isnan(cell)
             ? std::optional(static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(cell)))
             : std::nullopt;
}

}  // namespace genesis::tabular
