#pragma once
// How many digits a column's values are written with, decided by most of its cells: one value with
// rounding noise (0.30000000000000004) does not give every cell seventeen digits. Pure; the counts
// add up over sites.
#include <array>
#include <cstddef>
#include <cstdint>

namespace genesis::tabular {

/// Significant digits that tell any two doubles apart: values are kept as they are.
inline constexpr int kAllDigits = 17;

/// How many cells need how many digits, of the shortest text that reads back as the same double.
struct DigitCounts {
  static constexpr std::size_t kPlaces = 24;       // the last entry counts all that need more
  static constexpr std::size_t kSignificant = 15;  // cells with fewer digits than that
  std::array<std::uint64_t, kPlaces> decimals{};   // by places after the point
  std::array<std::uint64_t, kPlaces> whole{};      // by digits before the point; 0 where |x| < 1
  std::array<std::uint64_t, kSignificant> significant{};
  std::uint64_t full = 0;  // cells of kSignificant digits or more, which are counted nowhere else

  void add(double value, std::uint64_t count);
  DigitCounts& operator+=(const DigitCounts& other);
  bool operator==(const DigitCounts&) const = default;
};

/// Values are rounded to `decimals` places, or to `significant` digits where that is not 0.
struct Rounding {
  int decimals = 0;
  int significant = 0;
  bool operator==(const Rounding&) const = default;
};

/// Cells of kSignificant digits or more are rounding noise unless they are half of all. Of the
/// others 95% keep their value. Significant digits are chosen where they are at least three fewer
/// than the digits before and after the point together, as in 3.2e-12 beside 41000.
[[nodiscard]] Rounding rounding_of(const DigitCounts& counts);

/// The digits that any cell needs, rounding noise left out: no value that somebody wrote changes.
[[nodiscard]] Rounding finest_of(const DigitCounts& counts);

/// `value` rounded to `digits` significant digits.
[[nodiscard]] double round_to_significant(double value, int digits);

}  // namespace genesis::tabular
