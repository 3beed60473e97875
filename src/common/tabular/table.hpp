#pragma once
// A table in memory, column by column, as it was read from CSV; and back to CSV.
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/tabular/schema.hpp"

namespace genesis::tabular {

/// Bounds on what is read; more is an error that names the bound.
inline constexpr std::uint64_t kMaxTableBytes = std::uint64_t{16} << 30;  // after decompression
inline constexpr std::size_t kMaxCellBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxColumns = 4096;
inline constexpr std::size_t kMaxNameBytes = 1024;
inline constexpr std::size_t kMaxRows = std::size_t{1} << 31;

/// Decimal places that are written at most. Values that need more are written with as many
/// significant digits as they need.
inline constexpr int kMaxPrecision = 15;

inline constexpr std::uint32_t kMissingCode = std::numeric_limits<std::uint32_t>::max();

struct Column {
  std::string name;
  Kind kind = Kind::kCategory;
  int precision = 0;      // decimal places of kDecimal
  int significant = 0;    // or significant digits, where that is not 0: written as short as can be
  std::string format;     // strptime format of kDatetime
  bool declared = false;  // kind came from the spec, so that it binds all sites
  // Continuous kinds: one number a row (datetime: seconds since 1970 UTC); NaN is missing.
  std::vector<double> numbers;
  // Other kinds: one code a row into `categories`; kMissingCode is missing.
  std::vector<std::uint32_t> codes;
  std::vector<std::string> categories;  // sorted bytewise, each occurs
};

struct Table {
  std::size_t rows = 0;
  std::vector<Column> columns;
};

/// Reads .csv or .csv.gz (RFC 4180, UTF-8). `discrete_columns` forces the category kind (boolean
/// stays boolean); `declarations` overrides inference and binds every cell.
///
/// A column's kind is the first that all its cells have:
///   integer     |x| < 2^53; "007" is none           decimal   finite, with precision; 1e-3 too
///   datetime    all cells in one format             boolean   {true, false} or {yes, no}, one
///   casing identifier  other text, at least 100 cells, more than 95% of them distinct category all
///   else
/// Missing is the empty cell; in continuous columns also NA, N/A, NaN, null and None, in any case.
/// Spaces belong to categories; around numbers and dates they are skipped. Blank lines are skipped.
/// Errors name file, line (where the record starts) and column.
[[nodiscard]] Result<Table> read_csv(const std::filesystem::path& path,
                                     std::span<const Declaration> declarations,
                                     std::span<const std::string> discrete_columns);

/// The same from memory; `source` stands for the file's name in messages.
[[nodiscard]] Result<Table> parse_csv(std::string_view text,
                                      std::string_view source,
                                      std::span<const Declaration> declarations,
                                      std::span<const std::string> discrete_columns);

/// RFC 4180 text with a header line; cells are written by kind, precision and format.
[[nodiscard]] std::string write_csv(const Table& table);
/// The header line of `table`, and its rows without it, so that large outputs go out in blocks.
[[nodiscard]] std::string csv_header(const Table& table);
void append_csv_rows(const Table& table, std::string& out);

}  // namespace genesis::tabular
