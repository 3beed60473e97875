// A column's texts as numbers (typing.hpp).
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "common/tabular/typing.hpp"

namespace genesis::tabular {
namespace {

// Any number reads as one; a column of 41.0 and 41 is one of whole numbers that passed through
// floats.
class NumbersBuilder {
 public:
  void add(const Number& number, std::uint64_t cells) {
    numbers_.read += cells;
    percent_cells_ += number.percent ? cells : 0;
    numbers_.digits_only = numbers_.digits_only && number.digits_only;
    exact_ = exact_ && (!number.digits_only || number.integral);
    const bool whole = number.value == std::trunc(number.value) && number.decimals <= 1;
    passed_floats_ = passed_floats_ && whole && std::abs(number.value) < kExactBound &&
                     (number.digits_only || number.decimals == 1);
    numbers_.least_places = std::min(numbers_.least_places, number.decimals);
    numbers_.grouped = numbers_.grouped || number.grouped;
    numbers_.currency = numbers_.currency || !number.currency.empty();
    numbers_.percent = numbers_.percent || number.percent;
    all_percent_ = all_percent_ && number.percent;
  }
  void add(const PlainNumbers& plain) {
    numbers_.read += plain.cells;
    numbers_.present += plain.cells;
    numbers_.digits_only = numbers_.digits_only && plain.digits_only;
    passed_floats_ = passed_floats_ && plain.through_floats;
    numbers_.least_places = std::min(numbers_.least_places, plain.least_places);
    all_percent_ = all_percent_ && plain.cells == 0;
  }
  /// False where whole numbers are too large for a double: names, not amounts.
  [[nodiscard]] bool are_amounts() const { return !numbers_.digits_only || exact_; }
  /// Some numbers have a percent sign and some do not; which of them are fewer.
  enum class Odd { kNone, kPercent, kPlain };
  [[nodiscard]] Odd mixes_percent() const {
    if (!numbers_.percent || all_percent_) {
      return Odd::kNone;
    }
    return 2 * percent_cells_ > numbers_.read ? Odd::kPlain : Odd::kPercent;
  }

  Numbers& numbers() { return numbers_; }
  Numbers finish() && {
    numbers_.integral = exact_ && passed_floats_;
    return std::move(numbers_);
  }

 private:
  Numbers numbers_;
  bool exact_ = true;
  bool passed_floats_ = true;
  bool all_percent_ = true;
  std::uint64_t percent_cells_ = 0;
};

// Whether a column's name says that it numbers things: a word of it is "id", "key" and the like.
bool names_a_key(const std::string& name) {
  constexpr std::array<std::string_view, 14> kWords = {"id",
                                                       "ids",
                                                       "key",
                                                       "pk",
                                                       "uid",
                                                       "guid",
                                                       "uuid",
                                                       "mrn",
                                                       "ssn",
                                                       "nhs",
                                                       "iban",
                                                       "rowid",
                                                       "index",
                                                       "identifier"};
  std::string word;
  const auto ends = [&] { return std::find(kWords.begin(), kWords.end(), word) != kWords.end(); };
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool upper = c >= 'A' && c <= 'Z';
    const bool lower = c >= 'a' && c <= 'z';
    const bool after_lower = i > 0 && name[i - 1] >= 'a' && name[i - 1] <= 'z';
    if ((!upper && !lower) || (upper && after_lower)) {  // patientId, patient_id
      if (ends()) {
        return true;
      }
      word.clear();
    }
    if (upper || lower) {
      word += upper ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  return ends();
}

// As 3E33: programs write exponents with a sign or behind a point, 3e+33 and 3.0E33.
bool is_digits_and_letter(std::string_view text) {
  const auto letter = text.find('E');
  return letter != std::string_view::npos && letter > 0 &&
         text.find_first_not_of("0123456789E") == std::string_view::npos;
}

// 12% beside 12 is no number of the same column: the fewer of the two are odd.
void set_apart(const Typing& column, bool percent, Numbers& numbers) {
  for (std::uint32_t code = 0; code < column.size(); ++code) {
    const bool is_number = !std::isnan(numbers.values[code]);
    if (is_number && column.text(code).ends_with('%') == percent) {
      numbers.values[code] = kNoNumber;
      numbers.read -= column.counts[code];
      numbers.odd.push_back(code);
    }
  }
  std::sort(numbers.odd.begin(), numbers.odd.end());
}

// Sorting a million numbers to count the different ones would take as long as reading them.
class NumberSet {
 public:
  /// False where it is there already.
  bool add(double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value + 0.0);  // one zero
    const std::size_t at = find(slots_, bits);
    if (slots_[at] == bits) {
      return false;
    }
    slots_[at] = bits;
    if (2 * ++size_ > slots_.size()) {
      grow();
    }
    return true;
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};  // a NaN, which no number is

  static std::size_t find(const std::vector<std::uint64_t>& slots, std::uint64_t bits) {
    constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;  // Fibonacci hashing (Knuth, 6.4)
    const auto shift = static_cast<unsigned>(std::countl_zero(slots.size())) + 1;
    std::size_t at = (bits * kGolden) >> shift;
    while (slots[at] != kEmpty && slots[at] != bits) {
      at = (at + 1) & (slots.size() - 1);
    }
    return at;
  }
  void grow() {
    std::vector<std::uint64_t> larger(2 * slots_.size(), kEmpty);
    for (const auto bits : slots_) {
      if (bits != kEmpty) {
        larger[find(larger, bits)] = bits;
      }
    }
    slots_ = std::move(larger);
  }

  std::vector<std::uint64_t> slots_ = std::vector<std::uint64_t>(1024, kEmpty);
  std::size_t size_ = 0;
};

}  // namespace

std::optional<Numbers> read_numbers(const Typing& column) {
  NumbersBuilder builder;
  auto& numbers = builder.numbers();
  if (column.raw.holds_numbers()) {
    builder.add(column.raw.plain);
  }
  std::string_view currency;    // the first
  std::size_t with_letter = 0;  // of the texts, which are codes then
  for (std::size_t code = 0; code < column.size(); ++code) {
    const std::string_view text = column.text(code);
    numbers.values.push_back(kNoNumber);
    if (column.missing.in_values(text)) {
      continue;
    }
    numbers.present += column.counts[code];
    const auto number = parse_number(text, column.rules.style);
    const bool is_other_currency = number && !number->currency.empty() && !currency.empty() &&
                                   number->currency != currency;  // $5 beside €5
    if (number && !is_other_currency) {
      currency = number->currency.empty() ? currency : number->currency;
      with_letter += is_digits_and_letter(text) ? 1 : 0;
      builder.add(*number, column.counts[code]);
      numbers.values.back() = number->value;
    } else {
      numbers.odd.push_back(static_cast<std::uint32_t>(code));
    }
  }
  if (numbers.read == 0 || !builder.are_amounts() ||
      (2 * with_letter > column.size() && !column.raw.holds_numbers())) {
    return std::nullopt;
  }
  const auto mixed = builder.mixes_percent();
  auto result = std::move(builder).finish();
  if (mixed != NumbersBuilder::Odd::kNone) {
    set_apart(column, mixed == NumbersBuilder::Odd::kPercent, result);
  }
  return result;
}

std::vector<double> cells_of(const RawColumn& raw, const std::vector<double>& values) {
  std::vector<double> cells(raw.rows());
  const auto value_of = [&](double cell) {
    const auto code = code_in(cell);
    return code ? values[*code] : cell;
  };
  if (raw.holds_numbers()) {
    std::transform(raw.numbers.begin(), raw.numbers.end(), cells.begin(), value_of);
  } else {
    std::transform(
        raw.codes.begin(), raw.codes.end(), cells.begin(), [&](auto code) { return values[code]; });
  }
  return cells;
}

DistinctNumbers distinct_numbers(const RawColumn& raw, std::span<const double> values) {
  NumberSet seen;
  DistinctNumbers found;
  for (const std::span<const double> part : {values, std::span<const double>(raw.numbers)}) {
    for (const double value : part) {
      if (!std::isnan(value) && seen.add(value)) {
        found.least = seen.size() == 1 ? value : std::min(found.least, value);
        found.most = seen.size() == 1 ? value : std::max(found.most, value);
      }
    }
  }
  found.count = seen.size();
  return found;
}

bool is_key(const Typing& column, const Numbers& numbers) {
  if (!numbers.integral || numbers.grouped || numbers.currency || numbers.percent ||
      numbers.present < 2) {
    return false;
  }
  const auto cells = static_cast<double>(numbers.present);
  const auto& plain = column.raw.plain;
  const bool leaves_no_room = 2.0 * (plain.most - plain.least + 1.0) <= cells;
  if (column.raw.holds_numbers() && numbers.values.empty() && leaves_no_room) {
    return false;  // most values repeat, without counting them
  }
  const auto [count, least, most] = distinct_numbers(column.raw, numbers.values);
  const auto distinct = static_cast<double>(count);
  if (2.0 * distinct > cells && names_a_key(column.raw.name)) {
    return true;
  }
  constexpr double kFewestNumbers = 10;  // of which one can say that they all differ
  if (distinct < cells || cells < kFewestNumbers) {
    return false;
  }
  // n independent draws from a range of r values repeat none with probability exp(-n^2 / 2r) at
  // most: below 1 in 1,000 here.
  constexpr double kSurprise = 7.0;
  if (numbers.present >= kFewestCells && cells * cells > 2.0 * kSurprise * (most - least + 1.0)) {
    return true;
  }
  constexpr double kSevenDigits = 1e6;
  return least >= kSevenDigits && std::floor(std::log10(least)) == std::floor(std::log10(most));
}

std::optional<char> decimal_sign_of(const RawColumn& column) {
  if (column.holds_numbers() && column.plain.tells_sign) {
    return column.plain.decimal;
  }
  constexpr std::size_t kMostTexts = 2000;
  std::size_t commas = 0;
  std::size_t points = 0;
  std::size_t others = 0;  // hold a sign and are no numbers, such as 10.33.94.234
  const std::size_t texts = std::min(column.dictionary.size(), kMostTexts);
  for (std::size_t code = 0; code < texts; ++code) {
    const auto text = trim(column.dictionary.text(code));
    const auto sign = decimal_sign_of(text);
    commas += sign == ',' ? 1 : 0;
    points += sign == '.' ? 1 : 0;
    others += !sign && text.find_first_of(".,") != std::string_view::npos &&
                      !parse_number(text, NumberStyle{'.', std::nullopt}) &&
                      !parse_number(text, NumberStyle{',', std::nullopt})
                  ? 1
                  : 0;
  }
  if (commas == points || others > commas + points) {
    return std::nullopt;
  }
  return commas > points ? ',' : '.';
}

std::optional<char> decimal_sign_of(const RawTable& table) {
  std::size_t commas = 0;
  std::size_t points = 0;
  for (const auto& column : table.columns) {
    const auto sign = decimal_sign_of(column);
    commas += sign == ',' ? 1 : 0;
    points += sign == '.' ? 1 : 0;
  }
  if (commas == points) {
    return std::nullopt;
  }
  return commas > points ? ',' : '.';
}

}  // namespace genesis::tabular
