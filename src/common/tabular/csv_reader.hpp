#pragma once
// RFC 4180 text, piece by piece, into one dictionary and one list of codes a column. libcsv does
// the quoting; header, shape, bounds and line numbers are ours. Pure: takes bytes from anywhere.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/tabular/dictionary.hpp"

namespace genesis::tabular {

struct RawColumn {
  std::string name;
  Dictionary dictionary;
  std::vector<std::uint32_t> codes;  // one a row
};

struct RawTable {
  std::size_t rows = 0;
  std::vector<RawColumn> columns;
};

class CsvReader {
 public:
  /// `source` names the file in messages.
  explicit CsvReader(std::string source);
  ~CsvReader();
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  /// Errors: kInvalidArgument with line and what is wrong; kResourceExhausted above a bound of
  /// table.hpp. After an error the reader only repeats it.
  [[nodiscard]] Status feed(std::string_view bytes);
  /// The table, when all was fed. Errors: also a cut quote, no header, no rows.
  [[nodiscard]] Result<RawTable> finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace genesis::tabular
