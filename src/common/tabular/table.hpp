#pragma once
// A table in memory, column by column, as it was read from CSV; and back to CSV.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/tabular/dialect.hpp"
#include "common/tabular/schema.hpp"
#include "genesis/column_table.hpp"

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
  // For people at the site: distinct values that were read, and what kept the column from a better
  // kind. May quote cells, so it never leaves.
  std::size_t distinct = 0;
  std::string remark;
};

struct Table {
  std::size_t rows = 0;
  std::vector<Column> columns;
  std::vector<std::string> notes;  // what was found and not declared, for people at the site
  std::vector<std::string> kept;   // names of columns that ReadOptions::stays has left out
};

/// How a site reads its table. Views outlive the call.
struct ReadOptions {
  std::span<const Declaration> declarations = {};
  std::span<const std::string> discrete_columns =
      {};  // categories, also where they look like numbers
  Dialect dialect = {};
  /// Texts that stand for "no value" in all columns; without, the words of is_missing_token() in
  /// numbers, dates and booleans alone. The empty cell always does.
  std::optional<std::vector<std::string>> missing_values = std::nullopt;
  std::span<const std::string> ignored_columns = {};  // left out where a file has them
  /// Whether a column of this name stays at the site: it is left out, its cells are not looked at,
  /// and declarations and discrete columns of its name are passed over. Empty: none.
  std::function<bool(const std::string&)> stays = {};
  /// Of a table of text (text_table.hpp): a cell above kMaxCellBytes and a line of more fields than
  /// the header are refused, where what is read is to be written again.
  bool is_whole = false;
  bool lenient =
      false;  // a column that is almost one of numbers or dates becomes text, with a note
};

/// Reads .csv or .csv.gz. How the file is written is found (CsvReader) or declared (Dialect).
/// `discrete_columns` forces the category kind (boolean stays boolean); a declaration overrides
/// inference and binds every cell.
///
/// A column's kind is the first that all its cells have:
///   integer     |x| < 2^53, also as 41.0; "007" is none      decimal   finite; 1e-3, $1,234.50 too
///   datetime    all cells in one format (datetime.hpp), or eight digits that are a date
///   boolean     spellings of true and false                   category  all else
/// Text of which more than half is distinct is an identifier, from 100 cells on; and so are whole
/// numbers that are all distinct where chance would have repeated some, the name says so ("id"), or
/// all have as many digits, at least 7.
/// Where more than 80% of the cells are numbers or dates and the others are not, or more than half
/// are numbers and at most three texts are none, the table is refused with the first of these,
/// unless ReadOptions::lenient.
/// Blanks at both ends of a cell are no part of it, text is in Unicode's composed form, and 1.0 is
/// 1 where all of a category column's cells are whole. Blank lines are skipped. Errors name file,
/// line (where the record starts) and column.
[[nodiscard]] Result<Table> read_csv(const std::filesystem::path& path,
                                     const ReadOptions& options = {});

/// The same from memory; `source` stands for the file's name in messages.
[[nodiscard]] Result<Table> parse_csv(std::string_view text,
                                      std::string_view source,
                                      const ReadOptions& options = {});

/// The same of columns in memory, as their CSV file would be read; ReadOptions::dialect says
/// nothing of them. Errors: also those of write_columns().
[[nodiscard]] Result<Table> read_columns(const ColumnTable& columns,
                                         std::string_view source,
                                         const ReadOptions& options = {});

/// Where rows come from: a file, or where it has no name a text, or where that is empty columns.
/// What it refers to outlives it.
struct TableSource {
  const std::filesystem::path& data;
  const std::string& csv;
  const ColumnTable& columns;
};
/// `name` stands for what is no file in messages.
[[nodiscard]] Result<Table> read_table(const TableSource& source,
                                       std::string_view name,
                                       const ReadOptions& options = {});

/// What a site may say of its table to its own people: one line a column with its kind, missing
/// cells, distinct values, range, what would leave the site, and what kept it from a better kind;
/// then the table's notes.
[[nodiscard]] std::vector<std::string> describe(const Table& table, const SitePolicy& policy = {});

/// What becomes of text (column names and categories) that a spreadsheet would run as a formula,
/// because it begins with = + - @, a tab or a carriage return. Neutralised: it gets a ' in front,
/// unless it is a number. Raw: it stays as it is, for programs that read the file as data.
enum class TextCells { kNeutralised, kRaw };

/// RFC 4180 text with a header line; cells are written by kind, precision and format.
[[nodiscard]] std::string write_csv(const Table& table, TextCells cells);
/// The header line of `table`, and its rows without it, so that large outputs go out in blocks.
[[nodiscard]] std::string csv_header(const Table& table, TextCells cells);
void append_csv_rows(const Table& table, std::string& out, TextCells cells);
/// The column's cells as that text shows them, without quotes; "" is missing.
[[nodiscard]] std::vector<std::string> cell_texts(const Column& column);
/// One line of such text.
struct CsvCell {
  std::string_view text;
  TextCells cells = TextCells::kRaw;
};
void append_csv_record(std::span<const CsvCell> record, std::string& out);

}  // namespace genesis::tabular
