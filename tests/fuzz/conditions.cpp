// Conditions on synthetic rows, and how a site's table is typed: what its cells look like decides
// what is learnt of them, so that any text comes here.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "common/tabular/encoder.hpp"
#include "common/tabular/moment_like.hpp"
#include "common/tabular/table.hpp"
#include "common/tabular/where.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace genesis;

namespace {

// A model of a number, a date, a text with signs of the grammar in it, and a column that lacks
// cells.
const tabular::Encoder& model() {
  static const tabular::Encoder kEncoder = [] {
    std::string csv = "age,day,\"a=b\",lab\n";
    for (int i = 0; i < 60; ++i) {
      csv += std::to_string(20 + i) + ",2024-03-" + std::to_string(10 + i % 20) +
             (i % 2 == 0 ? ",\"x, y\"," : ",>50K,") + (i % 3 == 0 ? "\n" : "1.5\n");
    }
    const auto table = tabular::parse_csv(csv, "model.csv");
    const tabular::SitePolicy policy{};
    const std::vector<tabular::NamedSketch> sites{{"a", tabular::sketch(*table, policy)}};
    const auto plan = tabular::plan(sites, {});
    return *tabular::fit(*plan, *tabular::summarize(*table, *plan));
  }();
  return kEncoder;
}

void conditions(std::string_view text) {
  tabular::Where where;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto before = where.filters().size();
    const auto added = where.add(line, model());
    fuzz::holds(added || where.filters().size() == before, "a refused condition leaves no trace");
  }
  std::size_t next = 0;
  for (const auto& filter : where.filters()) {
    fuzz::holds(filter.column >= next && filter.column < model().columns().size(),
                "each column has one filter, in order");
    next = filter.column + 1;
    for (std::size_t i = 0; i < filter.intervals.size(); ++i) {
      fuzz::holds(filter.intervals[i].low <= filter.intervals[i].high, "no range is empty");
      fuzz::holds(i == 0 || filter.intervals[i - 1].high < filter.intervals[i].low,
                  "ranges are sorted and apart");
    }
  }
}

void types(std::string_view bytes, bool lenient) {
  const auto table = tabular::parse_csv(bytes, "rows.csv", {.lenient = lenient});
  if (!table) {
    return;
  }
  for (const auto& column : table->columns) {
    const bool is_number = tabular::is_continuous(column.kind);
    fuzz::holds((is_number ? column.numbers.size() : column.codes.size()) == table->rows,
                "each row has a cell");
    fuzz::holds(std::ranges::all_of(column.numbers, [](double x) { return !std::isinf(x); }),
                "numbers are finite or missing");
    fuzz::holds(std::ranges::all_of(column.codes,
                                    [&](auto code) {
                                      return code == tabular::kMissingCode ||
                                             code < column.categories.size();
                                    }),
                "codes are of categories");
  }
  static_cast<void>(tabular::describe(*table));
  const auto again = tabular::parse_csv(
      tabular::write_csv(*table, tabular::TextCells::kRaw), "again.csv", {.lenient = true});
  fuzz::holds(!again || again->rows == table->rows, "what is written has as many rows");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = fuzz::text(data, size);
  const auto choice = fuzz::take_byte(bytes);
  if (choice % 3 == 0) {
    conditions(bytes);
  } else {
    types(bytes, choice % 3 == 1);
  }
  static_cast<void>(tabular::is_moment_like(bytes.substr(0, 200)));
  return 0;
}
