#pragma once
// Delimited text, piece by piece, into one dictionary and one list of codes a column. Finds
// encoding and delimiter where they are not declared; header, shape, bounds and line numbers are
// checked here. Pure: takes bytes from anywhere.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/tabular/dialect.hpp"
#include "common/tabular/raw_column.hpp"

namespace genesis::tabular {

struct RawTable {
  std::size_t rows = 0;
  std::vector<RawColumn> columns;
  char delimiter = ',';
  std::vector<std::string> notes;  // what was found and not declared, for people at the site
};

class CsvReader {
 public:
  /// `source` names the file in messages.
  explicit CsvReader(std::string source, Dialect declared = {});
  ~CsvReader();
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  /// Errors: kInvalidArgument with line and what is wrong; kResourceExhausted above a bound of
  /// table.hpp. After an error the reader only repeats it. The first pieces are only kept, until
  /// they show how the file is written.
  [[nodiscard]] Status feed(std::string_view bytes);
  /// The table, when all was fed: in UTF-8, without the index that pandas and R write before the
  /// first column and without the empty column behind a delimiter at each line's end. Errors: also
  /// a cut quote, no header, no rows, and one column whose cells hold a delimiter.
  [[nodiscard]] Result<RawTable> finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace genesis::tabular
