#pragma once
// Texts that people read as a date or a time, whether or not a format is known for them. Pure.
#include <string_view>

namespace genesis::tabular {

/// Whether `text` holds nothing but numbers of at most four digits, fractions of a second, the
/// signs between them and words of dates, and is one: a month by its name, a day of the week before
/// a date, hours and minutes, or a year and a month. Codes, versions and addresses are none.
[[nodiscard]] bool is_moment_like(std::string_view text);

}  // namespace genesis::tabular
