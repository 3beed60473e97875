#include "common/tabular/digits.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <span>
#include <string_view>

#include "common/base/check.hpp"
#include "common/tabular/table.hpp"

namespace genesis::tabular {
namespace {

// Of a double's shortest text d.ddde±x: its digits and the power of ten of the first one.
struct Shortest {
  int digits = 1;
  int exponent = 0;
};

constexpr std::size_t kTextSize = 32;

Shortest shortest(double value) {
  std::array<char, kTextSize> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific)
          .ptr;
  const std::string_view whole(text.data(), static_cast<std::size_t>(end - text.data()));
  const std::size_t mark = whole.find('e');
  GENESIS_CHECK(mark != std::string_view::npos, "a finite number");
  Shortest result;
  result.digits = static_cast<int>(std::count_if(whole.begin(),
                                                 whole.begin() + static_cast<std::ptrdiff_t>(mark),
                                                 [](char c) { return c >= '0' && c <= '9'; }));
  const std::size_t first = mark + (whole[mark + 1] == '+' ? 2 : 1);
  std::from_chars(whole.data() + first, whole.data() + whole.size(), result.exponent);
  return result;
}

// The least index such that the entries up to it hold 95% of all.
int cover(std::span<const std::uint64_t> counts) {
  const auto total = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    seen += counts[i];
    if (20 * seen >= 19 * total) {
      return static_cast<int>(i);
    }
  }
  return static_cast<int>(counts.size()) - 1;
}

}  // namespace

void DigitCounts::add(double value, std::uint64_t count) {
  if (value == 0.0) {
    decimals[0] += count;
    whole[0] += count;
    significant[0] += count;
    return;
  }
  const auto [digits, exponent] = shortest(value);
  if (digits >= static_cast<int>(kSignificant)) {
    full += count;
    return;
  }
  constexpr int kLast = static_cast<int>(kPlaces) - 1;
  decimals[static_cast<std::size_t>(std::clamp(digits - 1 - exponent, 0, kLast))] += count;
  whole[static_cast<std::size_t>(std::clamp(exponent + 1, 0, kLast))] += count;
  significant[static_cast<std::size_t>(digits)] += count;
}

DigitCounts& DigitCounts::operator+=(const DigitCounts& other) {
  const auto add_all = [](auto& to, const auto& from) {
    std::transform(to.begin(), to.end(), from.begin(), to.begin(), std::plus<>());
  };
  add_all(decimals, other.decimals);
  add_all(whole, other.whole);
  add_all(significant, other.significant);
  full += other.full;
  return *this;
}

Rounding rounding_of(const DigitCounts& counts) {
  const auto fewer =
      std::accumulate(counts.significant.begin(), counts.significant.end(), std::uint64_t{0});
  if (counts.full > fewer) {
    return {0, kAllDigits};
  }
  const int decimals = cover(counts.decimals);
  const int significant = cover(counts.significant);
  constexpr int kSaved = 3;
  const bool saves = decimals > 0 && cover(counts.whole) + decimals >= significant + kSaved;
  return saves || decimals > kMaxPrecision ? Rounding{0, std::max(1, significant)}
                                           : Rounding{decimals, 0};
}

Rounding finest_of(const DigitCounts& counts) {
  const auto fewer =
      std::accumulate(counts.significant.begin(), counts.significant.end(), std::uint64_t{0});
  if (counts.full > fewer) {
    return {0, kAllDigits};
  }
  const auto last = [](std::span<const std::uint64_t> entries) {
    const auto at =
        std::find_if(entries.rbegin(), entries.rend(), [](auto count) { return count > 0; });
    return static_cast<int>(std::max<std::ptrdiff_t>(0, entries.rend() - at - 1));
  };
  const int decimals = last(counts.decimals);
  return decimals > kMaxPrecision ? Rounding{0, std::max(1, last(counts.significant))}
                                  : Rounding{decimals, 0};
}

double round_to_significant(double value, int digits) {
  if (digits >= kAllDigits || value == 0.0 || !std::isfinite(value)) {
    return value;
  }
  std::array<char, kTextSize> text{};
  const auto end =
      std::to_chars(
          text.data(), text.data() + text.size(), value, std::chars_format::scientific, digits - 1)
          .ptr;
  double rounded = value;
  std::from_chars(text.data(), end, rounded);
  return rounded;
}

}  // namespace genesis::tabular
