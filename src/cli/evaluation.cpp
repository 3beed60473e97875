#include "cli/evaluation.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/method/agreement.hpp"

namespace genesis::cli {
namespace {

// The columns of `table` in the order of `names`.
Status reorder(tabular::Table& table, const std::vector<std::string>& names) {
  std::vector<tabular::Column> ordered;
  for (const auto& name : names) {
    const auto found = std::ranges::find(table.columns, name, &tabular::Column::name);
    if (found == table.columns.end()) {
      return fail(Errc::kInvalidArgument, "column '" + name + "' of the first site is missing");
    }
    ordered.push_back(std::move(*found));
    table.columns.erase(found);
  }
  if (!table.columns.empty()) {
    return fail(Errc::kInvalidArgument,
                "column '" + table.columns.front().name + "' is not in the first site's data");
  }
  table.columns = std::move(ordered);
  return {};
}

std::vector<std::string> names_of(const tabular::Table& table) {
  std::vector<std::string> names;
  for (const auto& column : table.columns) {
    names.push_back(column.name);
  }
  return names;
}

}  // namespace

Result<tabular::Table> pooled_rows(const spec::FederatedTraining& training) {
  auto declarations = method::declarations(training.table);
  auto discrete = training.table.discrete_columns;
  if (training.privacy.differential_privacy) {
    // Sites count cells that are not as declared, instead of refusing them.
    for (const auto& column : declarations) {
      const bool is_text = column.kind && !tabular::is_continuous(*column.kind);
      if (is_text && std::ranges::find(discrete, column.name) == discrete.end()) {
        discrete.push_back(column.name);
      }
    }
    declarations.clear();
  }
  std::vector<std::string> names;
  std::string text;
  for (const auto& site : training.participants) {
    GENESIS_ASSIGN(auto table, tabular::read_csv(*site.data_path, declarations, discrete));
    if (names.empty()) {
      names = names_of(table);
      text = tabular::csv_header(table, tabular::TextCells::kRaw);
    }
    if (auto ordered = reorder(table, names); !ordered) {
      return tl::unexpected(ordered.error().within(*site.data_path));
    }
    tabular::append_csv_rows(table, text, tabular::TextCells::kRaw);
  }
  return tabular::parse_csv(text, "the rows of all sites", declarations, discrete);
}

Result<quality::Report> evaluate_files(const tabular::Table& real,
                                       const std::filesystem::path& synthetic,
                                       const std::filesystem::path& holdout) {
  GENESIS_ASSIGN(const auto rows, quality::read_beside(synthetic, real));
  if (holdout.empty()) {
    return quality::evaluate(real, rows, nullptr);
  }
  GENESIS_ASSIGN(const auto held_out, quality::read_beside(holdout, real));
  return quality::evaluate(real, rows, &held_out);
}

}  // namespace genesis::cli
