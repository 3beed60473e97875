// genesis schema: a draft of the declared schema, made where the rows are.
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/report.hpp"
#include "cli/schema_draft.hpp"
#include "common/base/file.hpp"
#include "common/tabular/pool.hpp"

namespace genesis::cli {
namespace {

struct Options {
  std::vector<std::string> files;
  std::vector<std::string> discrete_columns;
  std::string output;
  DraftOptions draft;
};

constexpr std::string_view kHead =
    "# Draft of spec.table for method mixture, made from rows. It is for the people of this site:\n"
    "# a line marked \"from the rows\" tells what the rows hold, and publishing it as it stands "
    "is\n"
    "# a disclosure that no noise covers. Keep what is publicly known of such tables anyway, such\n"
    "# as the codes of a form, and replace the rest: wider bounds, coarser categories.\n";

Result<std::string> draft(const Options& options) {
  std::vector<tabular::NamedTable> tables;
  std::vector<tabular::NamedSketch> sketches;
  for (const auto& file : options.files) {
    GENESIS_ASSIGN(
        auto table,
        tabular::read_csv(file, {.discrete_columns = options.discrete_columns, .lenient = true}));
    sketches.push_back({file, tabular::sketch(table, {.min_category_count = 1})});
    tables.push_back({file, std::move(table)});
  }
  GENESIS_ASSIGN(const auto plan, tabular::plan(sketches, {}));
  GENESIS_ASSIGN(const auto pooled, tabular::pool(tables, plan));
  GENESIS_ASSIGN(const auto columns, draft_schema(pooled, options.draft));
  return std::string(kHead) + columns;
}

}  // namespace

Command add_schema(CLI::App& app) {
  auto* schema = app.add_subcommand("schema", "The columns that a spec declares");
  schema->require_subcommand(1);
  auto options = std::make_shared<Options>();
  auto* infer = schema->add_subcommand(
      "infer",
      "Draft spec.table.columns from rows, for the site's own people: it marks what would be a "
      "disclosure");
  infer->add_option("files", options->files, "CSV of the rows; several files are one table")
      ->required();
  infer->add_option("-o,--output", options->output, "File to write (default: standard output)");
  infer
      ->add_option("--discrete-columns",
                   options->discrete_columns,
                   "Columns that are categories, also where they look like numbers")
      ->delimiter(',');
  infer
      ->add_option("--min-category-count",
                   options->draft.min_category_count,
                   "Categories that fewer rows have are left out")
      ->capture_default_str();
  return [options] {
    const auto text = draft(*options);
    if (!text) {
      return complain("schema infer", text.error());
    }
    if (options->output.empty()) {
      std::cout << *text;
      return 0;
    }
    const auto written = write_file_atomic(options->output, *text, FileAccess::kOwnerOnly);
    return written ? 0 : complain("schema infer", written.error());
  };
}

}  // namespace genesis::cli
