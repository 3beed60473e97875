#include "common/tabular/raw_column.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <utility>

#include "common/tabular/cell.hpp"

namespace genesis::tabular {
namespace {

constexpr std::size_t kManyTexts = std::size_t{1} << 14;
constexpr std::uint64_t kBoxed = 0x7FF8000000000000;  // a quiet NaN; codes are its low bits

double boxed(std::uint32_t code) {
  return std::bit_cast<double>(kBoxed | code);
}

struct Plain {
  double value = 0.0;
  int decimals = 0;
  bool zero_fraction = false;
};

// Digits with a sign and a decimal sign at most, few enough for an exact double. What else is a
// number is left to parse_number().
std::optional<Plain> parse_plain(std::string_view text, char decimal) {
  constexpr std::array<double, 16> kPowers = {
      1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  constexpr std::size_t kMostDigits = 15;
  const bool negative = !text.empty() && text.front() == '-';
  text.remove_prefix(negative ? 1 : 0);
  if (text.empty() || text.size() > kMostDigits + 1 ||
      (text.size() > 1 && text[0] == '0' && text[1] != decimal)) {
    return std::nullopt;
  }
  std::uint64_t mantissa = 0;
  std::size_t point = text.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = static_cast<unsigned>(text[i]) - static_cast<unsigned>('0');
    if (digit <= 9) {
      mantissa = mantissa * 10 + digit;
    } else if (text[i] == decimal && point == text.size() && i > 0 && i + 1 < text.size()) {
      point = i;
    } else {
      return std::nullopt;
    }
  }
  const bool has_point = point < text.size();
  const std::size_t decimals = has_point ? text.size() - point - 1 : 0;
  if (text.size() - (has_point ? 1 : 0) > kMostDigits) {
    return std::nullopt;
  }
  Plain plain;
  plain.value = static_cast<double>(mantissa) / kPowers[decimals];
  plain.value = negative && mantissa != 0 ? -plain.value : plain.value;
  plain.decimals = static_cast<int>(decimals);
  plain.zero_fraction = !has_point || plain.value == std::trunc(plain.value);
  return plain;
}

// Whether it can't be a whole number with its thousands set apart, as 1.234 can.
bool tells_sign(const Plain& number) {
  constexpr int kGroup = 3;
  const double size = std::abs(number.value);
  return number.decimals > 0 && (number.decimals != kGroup || size >= 1e3 || size < 1);
}

void note(const Plain& number, PlainNumbers& seen) {
  seen.least = seen.cells == 0 ? number.value : std::min(seen.least, number.value);
  seen.most = seen.cells == 0 ? number.value : std::max(seen.most, number.value);
  seen.least_places =
      seen.cells == 0 ? number.decimals : std::min(seen.least_places, number.decimals);
  ++seen.cells;
  seen.decimals = std::max(seen.decimals, number.decimals);
  seen.digits_only = seen.digits_only && number.decimals == 0;
  seen.through_floats = seen.through_floats && number.zero_fraction && number.decimals <= 1;
  seen.tells_sign = seen.tells_sign || tells_sign(number);
}

}  // namespace

void RawColumn::add(std::string_view text, std::uint64_t line) {
  if (holds_numbers()) {
    if (const auto number = parse_plain(text, plain.decimal)) {
      note(*number, plain);
      numbers.push_back(number->value);
    } else {
      numbers.push_back(boxed(dictionary.add(text, line)));
    }
    return;
  }
  const std::size_t known = dictionary.size();
  codes.push_back(dictionary.add(text, line));
  const std::size_t size = dictionary.size();
  if (size > known && size >= kManyTexts && std::has_single_bit(size)) {
    to_numbers();
  }
}

// Where nine of ten texts are plain numbers, and what their sign means is certain: as numbers they
// would lose the zeros by which 1.230 may be read as thousands.
void RawColumn::to_numbers() {
  std::size_t commas = 0;
  std::size_t points = 0;
  for (std::size_t code = 0; code < dictionary.size(); ++code) {
    const auto sign = decimal_sign_of(dictionary.text(code));
    commas += sign == ',' ? 1 : 0;
    points += sign == '.' ? 1 : 0;
  }
  const char decimal = commas > points ? ',' : '.';
  std::vector<double> cells(dictionary.size());
  std::vector<std::optional<Plain>> parsed;
  std::size_t plain_texts = 0;
  bool has_sign = false;
  bool is_certain = false;
  for (std::size_t code = 0; code < dictionary.size(); ++code) {
    const auto& number = parsed.emplace_back(parse_plain(dictionary.text(code), decimal));
    plain_texts += number ? 1 : 0;
    has_sign = has_sign || (number && number->decimals > 0);
    is_certain = is_certain || (number && tells_sign(*number));
  }
  if (plain_texts * 10 < dictionary.size() * 9 || (has_sign && !is_certain)) {
    return;
  }
  plain.decimal = decimal;
  const Dictionary texts = std::exchange(dictionary, {});
  numbers.reserve(codes.capacity());
  for (std::size_t code = 0; code < parsed.size(); ++code) {
    cells[code] = parsed[code] ? parsed[code]->value
                               : boxed(dictionary.add(texts.text(code), texts.line(code)));
  }
  for (const auto code : codes) {
    if (parsed[code]) {
      note(*parsed[code], plain);
    }
    numbers.push_back(cells[code]);
  }
  codes = {};
}

void RawColumn::to_texts() {
  Dictionary texts;
  codes.reserve(numbers.size());
  std::uint64_t line = 1;
  for (const double cell : numbers) {
    ++line;
    if (const auto code = code_in(cell)) {
      codes.push_back(texts.add(dictionary.text(*code), dictionary.line(*code)));
      continue;
    }
    std::array<char, 32> text{};  // a plain number has 15 digits at most
    char* const end =
        std::to_chars(text.data(), text.data() + text.size(), cell, std::chars_format::fixed).ptr;
    std::replace(text.data(), end, '.', plain.decimal);
    codes.push_back(texts.add({text.data(), static_cast<std::size_t>(end - text.data())}, line));
  }
  dictionary = std::move(texts);
  numbers = {};
}

}  // namespace genesis::tabular
