#pragma once
// How a file of delimited text is written: what is declared of it, and what its first bytes show.
// Pure; used by CsvReader.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/tabular/csv_tokenizer.hpp"
#include "common/tabular/dictionary.hpp"
#include "common/tabular/unicode.hpp"

namespace genesis::tabular {

/// Everything absent is found from the file.
struct Dialect {
  std::optional<char> delimiter = std::nullopt;
  std::optional<char> decimal = std::nullopt;
  std::optional<char> thousands = std::nullopt;  // '\0': none
  std::optional<char> quote = std::nullopt;      // '\0': none
  std::optional<Encoding> encoding =
      std::nullopt;                            // UTF-16 without a byte order mark is little endian
  std::uint64_t skip_rows = 0;                 // lines before the header
  std::optional<char> comment = std::nullopt;  // lines that begin with it are passed over
};

/// "comma", "semicolon", "tab", or the sign in quotes.
std::string name_of_sign(char sign);

/// The syntax that `head`, the first text of a file, is read with. A first line "sep=;" names the
/// delimiter, as Excel writes it; else it is the one that most evenly cuts the lines into as many
/// fields as the header has. `is_whole`: head is all there is.
[[nodiscard]] CsvSyntax find_syntax(std::string_view head, const Dialect& declared, bool is_whole);

/// The first line that makes a header for those after it, where the ones before look like a title:
/// what table.csv.skipRows should be. 0 where the first does.
[[nodiscard]] std::uint64_t title_lines(std::string_view head, const CsvSyntax& syntax);

/// The sign that seems to delimit fields within a table's only column: it occurs equally often in
/// the header and in nine of ten of its distinct texts.
[[nodiscard]] std::optional<char> hidden_delimiter(std::string_view header,
                                                   const Dictionary& texts);

}  // namespace genesis::tabular
