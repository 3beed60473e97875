#pragma once
// A table in memory, column by column, for programs that go on with the rows: as they are, without
// the text of a CSV between.
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace genesis {

struct ColumnValues {
  static constexpr std::uint32_t kMissingCode = std::numeric_limits<std::uint32_t>::max();

  std::string name;
  std::string kind;  // integer | decimal | datetime | category | boolean | identifier
  /// Of integer, decimal and datetime (seconds since 1970 UTC), as a CSV would show them; NaN is
  /// missing.
  std::vector<double> numbers;
  std::string format;  // of datetime, as strptime reads it
  /// Of datetime and the other kinds: one code a row into `texts`; kMissingCode is missing.
  std::vector<std::uint32_t> codes;
  std::vector<std::string> texts;
};

}  // namespace genesis
