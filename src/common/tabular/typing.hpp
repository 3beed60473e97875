#pragma once
// Reading the distinct texts of one column as numbers, moments or words. Used by infer.cpp alone.
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/tabular/datetime.hpp"
#include "common/tabular/infer.hpp"

namespace genesis::tabular {

inline constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kExactBound = 9007199254740992.0;  // 2^53
inline constexpr std::size_t kFewestCells = 100;           // that tell an identifier

/// The texts that stand for "no value" in a column.
class MissingValues {
 public:
  explicit MissingValues(const TypingRules& rules);

  /// In a column of numbers, dates or booleans. `text` is trimmed.
  [[nodiscard]] bool in_values(std::string_view text) const;
  /// In a column of words, where "none" may be one.
  [[nodiscard]] bool in_words(std::string_view text) const;

 private:
  [[nodiscard]] bool is_declared(std::string_view text) const;

  bool are_declared_ = false;
  std::vector<std::string> texts_;
  std::vector<double> numbers_;
};

/// One column on its way from texts to values. What is said of a text holds for all its cells.
struct Typing {
  const RawColumn& raw;
  const TypingRules& rules;
  MissingValues missing;
  std::vector<std::uint64_t> counts;  // rows that hold each text

  [[nodiscard]] std::size_t size() const { return raw.dictionary.size(); }
  [[nodiscard]] std::string_view text(std::size_t code) const {
    return trim(raw.dictionary.text(code));
  }

  [[nodiscard]] tl::unexpected<Error> refuse(std::size_t code, const std::string& what) const {
    return fail(Errc::kInvalidArgument,
                rules.source + ":" + std::to_string(raw.dictionary.line(code)) + ": column '" +
                    raw.name + "': " + what);
  }
  [[nodiscard]] tl::unexpected<Error> refuse_column(const std::string& what) const {
    return fail(Errc::kInvalidArgument, rules.source + ": column '" + raw.name + "': " + what);
  }
};

/// A column read as one kind of value.
struct Reading {
  std::vector<double> values;      // per text; NaN is missing or not read
  std::vector<std::uint32_t> odd;  // texts that are not of the kind, in order of occurrence
  std::uint64_t present = 0;       // cells with a value
  std::uint64_t read = 0;          // of these, of the kind

  [[nodiscard]] bool is_whole() const { return odd.empty() && present > 0; }
  [[nodiscard]] double share() const {
    return present == 0 ? 0.0 : static_cast<double>(read) / static_cast<double>(present);
  }
};

struct Numbers : Reading {
  int least_places = std::numeric_limits<int>::max();  // after the point, in any text
  bool integral = true;                                // digits alone, or 41.0 all over
  bool digits_only = true;
  bool grouped = false;
  bool currency = false;
  bool percent = false;
};

struct Moments {
  std::string format;
  Reading reading;
};

/// Nothing where no text is a number.
[[nodiscard]] std::optional<Numbers> read_numbers(const Typing& column);
/// Whole numbers that number the rows instead of measuring something (table.hpp).
[[nodiscard]] bool is_key(const Typing& column, const Numbers& numbers);
/// Whole numbers that name things, such as postal codes, as far as one can tell: they repeat, and
/// most of those that do lie far from any other (in units of the numbers' greatest common divisor).
[[nodiscard]] bool look_like_codes(const Typing& column, const Numbers& numbers);
/// A number a row, from those that `raw` keeps and those of its texts.
[[nodiscard]] std::vector<double> cells_of(const RawColumn& raw, const std::vector<double>& values);
/// Of the numbers that `raw` keeps and those of its texts, NaN left out.
struct DistinctNumbers {
  std::size_t count = 0;
  double least = 0.0;
  double most = 0.0;
};
[[nodiscard]] DistinctNumbers distinct_numbers(const RawColumn& raw,
                                               std::span<const double> values);

[[nodiscard]] Reading read_moments(const Typing& column, const DatetimeFormat& format);
/// The first known format that fits all cells, else the one that fits most.
[[nodiscard]] std::optional<Moments> find_moments(const Typing& column);
/// Whether nearly all texts that are looked at are dates; asked where no one format fits all.
[[nodiscard]] bool mixes_date_formats(const Typing& column);
/// The format with as many digits of a fraction as the cells have, and with the parts of the time
/// of day that all of them share.
[[nodiscard]] std::string settled_format(const Typing& column, const Moments& moments);
/// Whether nearly all of many texts are dates or times as people write them (moment_like.hpp).
[[nodiscard]] bool are_moment_like(const Typing& column);
/// Dates written as digits alone: all or nearly all of them dates of our times, which whole numbers
/// hardly are.
[[nodiscard]] std::optional<Moments> find_digit_dates(const Typing& column);

/// What each text of a column stands for as a word; nothing where it is missing.
using Words = std::vector<std::optional<std::string>>;
[[nodiscard]] Words read_words(const Typing& column);
/// Nothing where they are not spellings of true and false. These also know "no value" as numbers
/// do, and come back in one spelling each.
[[nodiscard]] std::optional<Words> as_booleans(const Typing& column, Words words);
/// Fills categories and codes, sorted.
void categorize(const RawColumn& raw, const Words& words, Column& column);

/// A column of which so large a share are numbers or dates is meant to be all of them.
inline constexpr double kNearMiss = 0.8;
/// A column that is meant to be numbers or dates, and is not quite.
struct NearMiss {
  std::string_view what;  // "number", "date", "number with a unit"
  Reading reading;
  std::string format = {};
  std::string unit = {};  // that most of them carry; then `reading` is of numbers with a unit
};
[[nodiscard]] std::optional<NearMiss> find_near_miss(const Typing& column,
                                                     const std::optional<Numbers>& numbers,
                                                     const std::optional<Moments>& moments);
/// More than kFewValues different numbers that carry a unit ("72.5 kg"), most of them the same.
[[nodiscard]] std::optional<NearMiss> find_units(const Typing& column,
                                                 const std::optional<Numbers>& numbers);
/// Which cell is at fault, and the declaration that would mend it.
[[nodiscard]] std::string to_text(const Typing& column, const NearMiss& miss);
[[nodiscard]] std::string percent_of(double share);

}  // namespace genesis::tabular
