#pragma once
// Dates and times as numbers: seconds since 1970-01-01 00:00:00 without leap seconds. A zone that
// is the same in every cell stays part of the format's text; with %z moments are in UTC. Durations
// are seconds from zero.
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace genesis::tabular {

/// A format as strptime reads it, and literal text. Conversions:
///   %Y %y %m %b %B %d %j   year, two-digit year (1969 to 2068), month as number or name, day of
///   the
///                          month, day of the year. Names of months are read in English, German
///                          and French, short ones with or without a point, and written in English
///   %H %I %p %M %S         hour, hour of 12 with AM or PM, minute, second
///   %f %3f                 fraction of a second with 6 digits, or with so many; cells that have
///                          none, nor the point before it, are read too
///   %z                     offset from UTC: Z, UTC, GMT, +02, +0200 or +02:00; written as +00:00
///   %F %T %%               %Y-%m-%d, %H:%M:%S, a percent sign
///   [%d] [%H] [%M]         at the head of a duration: days, hours or minutes without end
class DatetimeFormat {
 public:
  /// Errors: kInvalidArgument for an unknown conversion, one that occurs twice, a date without all
  /// of year, month and day, or a time without its larger parts.
  [[nodiscard]] static Result<DatetimeFormat> parse(std::string_view format);

  /// The moment that `text` names, all of it; nothing where it does not match or does not exist
  /// (2023-02-29). %m %d %H %I take one or two digits, %Y four, the others their number.
  [[nodiscard]] std::optional<double> read(std::string_view text) const;

  /// Writes the moment at `out` and returns the end; at most max_size() characters. Years are kept
  /// within 0000 and 9999.
  char* write(double seconds, char* out) const;
  [[nodiscard]] std::size_t max_size() const { return max_size_; }

  /// Seconds between neighbouring values: 86400 where the format has no time of day, 3600, 60, 1,
  /// or a fraction.
  [[nodiscard]] double step() const { return step_; }
  [[nodiscard]] bool is_year_first() const;
  [[nodiscard]] bool is_duration() const { return duration_; }
  /// Whether moments of both formats are moments of one column: both have a date or neither does,
  /// and day and month are not in the two orders that can be taken for each other.
  [[nodiscard]] bool agrees_with(const DatetimeFormat& other) const;

 private:
  struct Part {
    char conversion = 0;  // 0: the literal
    char literal = 0;
    int digits = 0;  // of %f
  };
  enum class DayMonth { kElse, kDayFirst, kMonthFirst };
  [[nodiscard]] bool has(char conversion) const;
  [[nodiscard]] DayMonth day_month() const;
  Status check() const;

  std::vector<Part> parts_;
  std::size_t max_size_ = 0;
  double step_ = 1.0;
  bool duration_ = false;
};

struct KnownFormat {
  std::string text;
  DatetimeFormat format;
};
/// The formats that inference tries, in this order: day first comes before month first, so that a
/// column that fits both is read as the former.
std::span<const KnownFormat> known_datetime_formats();

/// A name that %B or %b reads.
bool is_month_name(std::string_view text);

/// "0000-00-00" and the like, which databases write for a date that is missing.
bool is_zero_date(std::string_view text);

}  // namespace genesis::tabular
