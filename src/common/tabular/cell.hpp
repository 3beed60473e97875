#pragma once
// What a single cell's text can mean. Pure; used where a column's kind is inferred and where a
// declared kind is enforced.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace genesis::tabular {

/// Without spaces, tabs and no-break spaces at both ends.
std::string_view trim(std::string_view text);

/// Stands for "no value" in a continuous column: empty, NA, N/A, #N/A, NaN, null and none in any
/// case, and ?, - and a point alone. Expects trimmed text.
bool is_missing_token(std::string_view text);

/// What people also write where they have no value: "unknown", "not stated". Only a hint: it may be
/// a value in its own right.
bool looks_missing(std::string_view text);

/// The truth value that a word names: true, yes, t, y, ja, oui, 1 and their opposites, in any case.
std::optional<bool> truth(std::string_view text);
/// The word of the same pair with the other truth value, in the same case; nothing for another
/// word.
std::optional<std::string> opposite_of(std::string_view word);
/// Spellings of both truth values, in words, and nothing else.
bool is_boolean(std::span<const std::string> words);

/// No category, or only such that stand for "no value": the column of a site that has no value, and
/// so no opinion on its kind.
bool is_blank(std::span<const std::string> categories);

/// How a file writes numbers.
struct NumberStyle {
  char decimal = '.';
  /// Separator of thousands, '\0' for none; absent: the other of point and comma, a space, a
  /// no-break space or an apostrophe, one of them in each number.
  std::optional<char> thousands = std::nullopt;
};

struct Number {
  double value = 0.0;
  int decimals = 0;       // places after the point that the text needs ("1.50": 2, "1e-3": 3)
  bool integral = false;  // digits only, and exact: |value| < 2^53
  bool digits_only = false;
  bool percent = false;            // "12%", read as 12
  std::string_view currency = {};  // "eur", with a sign or code before or behind it
  bool grouped = false;            // thousands are set apart
};
/// A finite number, |x| <= 1e300, with an optional minus sign, point and exponent. Refuses leading
/// zeros ("007" is a code), a leading plus, "inf" and hexadecimal. Expects trimmed text.
std::optional<Number> parse_number(std::string_view text);

/// The same with leading zeros, for columns that are declared to be numbers.
std::optional<Number> parse_declared_number(std::string_view text);

/// The same in a file's style, with a leading plus, a currency, a percent sign, thousands set
/// apart, and an amount in brackets as negative.
std::optional<Number> parse_number(std::string_view text, const NumberStyle& style);
std::optional<Number> parse_declared_number(std::string_view text, const NumberStyle& style);

/// The decimal sign that `text` must have if it is a number; nothing where both fit, as in 1,234,
/// or where it is none.
std::optional<char> decimal_sign_of(std::string_view text);

/// A measurement beyond what a device can tell: "<0.1", ">= 900".
struct Censored {
  char side = '<';
  Number bound;
};
std::optional<Censored> parse_censored(std::string_view text, const NumberStyle& style);

/// "inf", "-Infinity" and the like.
bool is_infinity(std::string_view text);

/// Digits that begin with a zero, as codes do.
bool has_leading_zero(std::string_view text);

/// `value` rounded to `places` decimals; unchanged where doubles have no such digit.
double round_to(double value, int places);

/// 10^places, exact. 0 <= places <= 22.
double power_of_ten(int places);

bool is_utf8(std::string_view text);

/// The text as a message shows it: in quotes, shortened, control characters replaced.
std::string in_quotes(std::string_view text);

}  // namespace genesis::tabular
