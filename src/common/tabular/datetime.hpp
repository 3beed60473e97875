#pragma once
// Dates and times as numbers: seconds since 1970-01-01 00:00:00, without leap seconds or zones (a
// column's zone, if it has one, is the same in every row and stays part of the format's text).
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace genesis::tabular {

/// A strptime format of %Y %m %d %H %M %S %% (and %F, %T for their usual meaning) and literal text.
class DatetimeFormat {
 public:
  /// Errors: kInvalidArgument for an unknown conversion, one that occurs twice, a date without all
  /// of year, month and day, or a time without its larger parts.
  [[nodiscard]] static Result<DatetimeFormat> parse(std::string_view format);

  /// The moment that `text` names, all of it; nothing where it does not match or does not exist
  /// (2023-02-29). %m %d %H take one or two digits, %Y four, %M %S two.
  [[nodiscard]] std::optional<double> read(std::string_view text) const;

  /// Writes the moment at `out` and returns the end; at most max_size() characters. Years are kept
  /// within 0000 and 9999.
  char* write(double seconds, char* out) const;
  [[nodiscard]] std::size_t max_size() const { return max_size_; }

  /// Seconds between neighbouring values: 86400 where the format has no time of day, 3600, 60 or 1.
  [[nodiscard]] double step() const { return step_; }

 private:
  struct Part {
    char conversion = 0;  // 0: the literal
    char literal = 0;
  };
  std::vector<Part> parts_;
  std::size_t max_size_ = 0;
  double step_ = 1.0;
};

/// The formats that inference tries, in this order.
std::span<const std::string_view> known_datetime_formats();

}  // namespace genesis::tabular
