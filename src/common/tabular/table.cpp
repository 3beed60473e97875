#include "common/tabular/table.hpp"

#include <algorithm>
#include <utility>

#include "common/base/text.hpp"
#include "common/tabular/csv_file.hpp"
#include "common/tabular/csv_reader.hpp"
#include "common/tabular/infer.hpp"

namespace genesis::tabular {
namespace {

// Every column that the spec names is in the file, once.
Status check_named(const std::vector<std::string>& present,
                   const std::vector<std::string>& named,
                   const std::string& source,
                   std::string_view by) {
  for (auto name = named.begin(); name != named.end(); ++name) {
    if (std::find(present.begin(), present.end(), *name) == present.end()) {
      const std::string near = nearest(*name, present);
      return fail(Errc::kInvalidArgument,
                  source + ": column '" + *name + "' (" + std::string(by) + ") is not in the file" +
                      (near.empty() ? "" : "; did you mean '" + near + "'?"));
    }
    if (std::find(named.begin(), name, *name) != name) {
      return fail(Errc::kInvalidArgument,
                  "column '" + *name + "' occurs twice (" + std::string(by) + ")");
    }
  }
  return {};
}

Result<Table> type_table(RawTable raw,
                         const std::string& source,
                         std::span<const Declaration> declarations,
                         std::span<const std::string> discrete_columns) {
  std::vector<std::string> present;
  for (const auto& column : raw.columns) {
    present.push_back(column.name);
  }
  std::vector<std::string> declared;
  for (const auto& declaration : declarations) {
    declared.push_back(declaration.name);
  }
  const std::vector<std::string> discrete(discrete_columns.begin(), discrete_columns.end());
  GENESIS_RETURN_IF_ERROR(
      check_named(present, declared, source, "declared in the table's columns"));
  GENESIS_RETURN_IF_ERROR(check_named(present, discrete, source, "listed as a discrete column"));

  Table table;
  table.rows = raw.rows;
  for (auto& raw_column : raw.columns) {
    const auto at = std::find(declared.begin(), declared.end(), raw_column.name);
    const Declaration declaration =
        at == declared.end() ? Declaration{}
                             : declarations[static_cast<std::size_t>(at - declared.begin())];
    const bool forced =
        std::find(discrete.begin(), discrete.end(), raw_column.name) != discrete.end();
    GENESIS_ASSIGN(auto column,
                   type_column(std::move(raw_column),
                               declaration,
                               forced ? Discreteness::kForced : Discreteness::kInferred,
                               source));
    table.columns.push_back(std::move(column));
  }
  return table;
}

}  // namespace

Result<Table> read_csv(const std::filesystem::path& path,
                       std::span<const Declaration> declarations,
                       std::span<const std::string> discrete_columns) {
  CsvReader reader(path.string());
  GENESIS_RETURN_IF_ERROR(
      read_in_pieces(path, [&](std::string_view bytes) { return reader.feed(bytes); }));
  GENESIS_ASSIGN(auto raw, reader.finish());
  return type_table(std::move(raw), path.string(), declarations, discrete_columns);
}

Result<Table> parse_csv(std::string_view text,
                        std::string_view source,
                        std::span<const Declaration> declarations,
                        std::span<const std::string> discrete_columns) {
  CsvReader reader{std::string(source)};
  GENESIS_RETURN_IF_ERROR(reader.feed(text));
  GENESIS_ASSIGN(auto raw, reader.finish());
  return type_table(std::move(raw), std::string(source), declarations, discrete_columns);
}

}  // namespace genesis::tabular
