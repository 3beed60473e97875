// Whole numbers that may be codes (typing.hpp).
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "common/tabular/encoder.hpp"
#include "common/tabular/typing.hpp"

namespace genesis::tabular {
namespace {

constexpr std::uint64_t kLeastRepeats = 3;   // rows of a value that repeats
constexpr std::size_t kLeastRepeated = 20;   // values that do
constexpr std::int64_t kLeastDistance = 20;  // of neighbours, on average

// Whether the ends of the numbers are those of rounding: people write 5,000 more often than 5,003.
bool are_heaped(const std::map<std::int64_t, std::uint64_t>& rows, std::int64_t unit) {
  const auto round = std::count_if(
      rows.begin(), rows.end(), [&](const auto& value) { return value.first / unit % 5 == 0; });
  return 5 * round > 2 * std::ssize(rows);  // a fifth by chance
}

}  // namespace

bool look_like_codes(const Typing& column, const Numbers& numbers) {
  if (!numbers.integral || column.raw.holds_numbers() || numbers.present < kFewestCells) {
    return false;
  }
  std::map<std::int64_t, std::uint64_t> rows;  // of each value
  for (std::size_t code = 0; code < numbers.values.size(); ++code) {
    if (!std::isnan(numbers.values[code])) {
      rows[static_cast<std::int64_t>(numbers.values[code])] += column.counts[code];
    }
  }
  const std::uint64_t most =
      std::max_element(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
        return a.second < b.second;
      })->second;
  if (rows.size() <= kFewValues || rows.size() > kMaxCategories || 2 * most > numbers.present ||
      kLeastRepeats * rows.size() > numbers.present) {
    return false;
  }
  const auto unit = std::accumulate(
      rows.begin(), rows.end(), std::int64_t{0}, [](auto common, const auto& value) {
        return std::gcd(common, value.first);
      });
  const auto range = (rows.rbegin()->first - rows.begin()->first) / unit;
  if (range < kLeastDistance * std::ssize(rows) || are_heaped(rows, unit)) {
    return false;
  }
  std::size_t repeated = 0;
  std::size_t alone = 0;
  for (const auto& [value, count] : rows) {
    if (count >= kLeastRepeats) {
      ++repeated;
      alone += rows.contains(value - unit) || rows.contains(value + unit) ? 0 : 1;
    }
  }
  return repeated >= kLeastRepeated && 10 * alone >= 9 * repeated;
}

}  // namespace genesis::tabular
