#pragma once
// What a single cell's text can mean. Pure; used where a column's kind is inferred and where a
// declared kind is enforced.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace genesis::tabular {

/// Without spaces and tabs at both ends.
std::string_view trim(std::string_view text);

/// Stands for "no value" in a continuous column: empty, NA, N/A, NaN, null or None in any case.
/// Expects trimmed text.
bool is_missing_token(std::string_view text);

/// No category, or only such that stand for "no value": the column of a site that has no value, and
/// so no opinion on its kind.
bool is_blank(std::span<const std::string> categories);

struct Number {
  double value = 0.0;
  int decimals = 0;       // places after the point that the text needs ("1.50": 2, "1e-3": 3)
  bool integral = false;  // digits only, and exact: |value| < 2^53
  bool digits_only = false;
};
/// A finite number, |x| <= 1e300, with an optional minus sign, point and exponent. Refuses leading
/// zeros ("007" is a code), a leading plus, "inf" and hexadecimal. Expects trimmed text.
std::optional<Number> parse_number(std::string_view text);

/// The same with leading zeros, for columns that are declared to be numbers.
std::optional<Number> parse_declared_number(std::string_view text);

/// `value` rounded to `places` decimals; unchanged where doubles have no such digit.
double round_to(double value, int places);

/// 10^places, exact. 0 <= places <= 22.
double power_of_ten(int places);

bool is_utf8(std::string_view text);

/// The text as a message shows it: in quotes, shortened, control characters replaced.
std::string in_quotes(std::string_view text);

}  // namespace genesis::tabular
