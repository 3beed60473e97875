// Columns that are almost numbers or dates (typing.hpp).
#include <algorithm>
#include <cmath>

#include "common/tabular/encoder.hpp"
#include "common/tabular/typing.hpp"

namespace genesis::tabular {
namespace {

// What a declaration would have to say, for the texts that keep a column from being numbers.
std::string remedy_for(const Typing& column, const Reading& reading) {
  const std::string_view first = column.text(reading.odd.front());
  const std::string in_columns = " in table.columns";
  const bool all_censored =
      std::all_of(reading.odd.begin(), reading.odd.end(), [&](std::uint32_t code) {
        return parse_censored(column.text(code), column.rules.style).has_value();
      });
  if (all_censored) {
    return "declare kind: decimal and censored: true" + in_columns + " to read it as a bound";
  }
  const std::string or_category = ", or declare kind: category" + in_columns;
  if (is_infinity(first)) {
    return "correct it, or list it in table.missingValues" + or_category;
  }
  return "correct it, or list it in table.missingValues if it stands for no value" + or_category;
}

// A decimal number with a flag behind it, as laboratories write what is high or low: "6.3 H".
bool is_flagged(std::string_view text, const NumberStyle& style) {
  constexpr std::size_t kLongestFlag = 2;
  const auto digit = text.find_last_of("0123456789");
  if (digit == std::string_view::npos || digit + 1 == text.size()) {
    return false;
  }
  const auto flag = trim(text.substr(digit + 1));
  const auto number = parse_number(text.substr(0, digit + 1), style);
  return number && number->decimals > 0 && flag.size() <= kLongestFlag;
}

// Whether the texts that are no numbers are all of a kind that says that the others are.
bool is_number_like(std::string_view text, const NumberStyle& style) {
  return parse_censored(text, style).has_value() || is_infinity(text);
}

// Codes with leading zeros are no numbers, and the digits beside them are codes too.
bool are_codes(const Typing& column, const Reading& reading) {
  return std::all_of(reading.odd.begin(), reading.odd.end(), [&](std::uint32_t code) {
    return has_leading_zero(column.text(code));
  });
}

}  // namespace

std::string percent_of(double share) {
  const auto tenths = static_cast<int>(std::floor(1000.0 * share));
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "%";
}

std::optional<NearMiss> find_near_miss(const Typing& column,
                                       const std::optional<Numbers>& numbers,
                                       const std::optional<Moments>& moments) {
  if (numbers && !numbers->odd.empty() && !are_codes(column, *numbers)) {
    std::uint64_t like = numbers->read;
    std::size_t other = 0;
    for (const auto code : numbers->odd) {
      const auto text = column.text(code);
      const bool is_like = is_number_like(text, column.rules.style) ||
                           (numbers->share() > 0.5 && is_flagged(text, column.rules.style));
      like += is_like ? column.counts[code] : 0;
      other += is_like ? 0 : 1;
    }
    const double share = static_cast<double>(like) / static_cast<double>(numbers->present);
    // A few words among many different numbers say the same, however often they occur.
    constexpr std::size_t kFewWords = 3;
    const bool many_numbers =
        column.raw.holds_numbers() || numbers->values.size() - numbers->odd.size() > kFewValues;
    const bool words_among_numbers = other <= kFewWords && share > 0.5 && many_numbers;
    if (share > kNearMiss || words_among_numbers) {
      return NearMiss{"number", *numbers, ""};
    }
  }
  if (moments && !moments->reading.odd.empty() && moments->reading.share() > kNearMiss) {
    return NearMiss{"date", moments->reading, moments->format};
  }
  return find_units(column, numbers);
}

std::string to_text(const Typing& column, const NearMiss& miss) {
  const std::string what(miss.what);
  const std::size_t others = miss.reading.odd.size() - 1;
  std::string text = in_quotes(column.text(miss.reading.odd.front()));
  if (!miss.unit.empty()) {
    return text + " is a number with a unit, as " + percent_of(miss.reading.share()) +
           " of the cells are: write the numbers alone, all in one unit, or declare kind: category "
           "or identifier in table.columns";
  }
  if (others == 0) {
    text += " is no " + what;
  } else {
    text += " and " + std::to_string(others) + (others == 1 ? " other text" : " other texts") +
            " are no " + what + "s";
  }
  text += ", as " + percent_of(miss.reading.share()) + " of the cells are";
  if (!miss.format.empty()) {
    text += " (" + miss.format + ")";
  }
  return text + ": " + remedy_for(column, miss.reading);
}

}  // namespace genesis::tabular
