#pragma once
// A table as text alone, for answers under differential privacy: what one row holds changes
// nothing about another's cells, and no row is an error. Kinds are for whoever counts; readers of
// table.hpp infer them from all rows and refuse what does not fit, which would tell about rows.
#include <filesystem>
#include <string_view>

#include "common/base/error.hpp"
#include "common/tabular/table.hpp"

namespace genesis::tabular {

/// Reads .csv or .csv.gz: fields are parted by the delimiter that is declared, or by the comma,
/// semicolon, tab or bar that the header has most of. Every column is a category; the empty cell is
/// missing, as are texts that are declared to stand for no value, the cells of a line that has too
/// few and a cell above 1 MiB. Cells beyond the header's are dropped, blank lines skipped. Blanks
/// at both ends of a cell are no part of it, and text is in Unicode's composed form. A quote that
/// begins a field and that no quote before a field's end closes, within 1 MiB, is a character like
/// others. A table may have no rows.
/// Of `options` aliases, decimal sign and thousands of columns that are not declared text are
/// applied cell by cell, and what is left out is; kinds, bounds and `lenient` are not looked at.
/// With `is_whole` such cells and lines are refused, by their
/// record. Errors, of the header, the options and the file alone: kInvalidArgument, kNotFound, kIo;
/// kResourceExhausted above the bounds of table.hpp.
[[nodiscard]] Result<Table> read_text_table(const std::filesystem::path& path,
                                            const ReadOptions& options = {});

/// The same from memory; `source` stands for the file's name in messages.
[[nodiscard]] Result<Table> parse_text_table(std::string_view text,
                                             std::string_view source,
                                             const ReadOptions& options = {});

/// The same of columns in memory, as the texts of their cells; ReadOptions::dialect says nothing of
/// them. Errors: also those of write_columns(), which depend on buffers and not on values.
[[nodiscard]] Result<Table> read_text_columns(const ColumnTable& columns,
                                              std::string_view source,
                                              const ReadOptions& options = {});

/// The same of what is there; `name` stands for what is no file in messages.
[[nodiscard]] Result<Table> read_text_table(const TableSource& source,
                                            std::string_view name,
                                            const ReadOptions& options = {});

}  // namespace genesis::tabular
