#include "common/mixture/tables.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/aggregation/parallel.hpp"
#include "common/tabular/json_reader.hpp"

namespace genesis::mixture {
namespace {

constexpr std::size_t kBlockRows = 8192;  // their codes stay in the cache while all tables count

std::vector<std::uint32_t> counted(const TablePlan& plan) {
  std::vector<std::uint32_t> columns;
  for (std::uint32_t c = 0; c < plan.bins.size(); ++c) {
    if (plan.bins[c] > 0 && plan.target != c) {
      columns.push_back(c);
    }
  }
  return columns;
}

std::vector<std::vector<std::uint16_t>> codes_of(const tabular::Table& table,
                                                 const std::vector<std::size_t>& places,
                                                 const Schema& schema,
                                                 const Binnings& binnings) {
  std::vector<std::vector<std::uint16_t>> codes(schema.size());
  for (std::size_t c = 0; c < schema.size(); ++c) {
    if (!schema[c].is_counted()) {
      continue;
    }
    codes[c].reserve(table.rows);
    for (const auto unit : units_of(table.columns[places[c]], schema[c])) {
      codes[c].push_back(binnings[c].bin_of(unit));
    }
  }
  return codes;
}

// Adds rows [begin, end) to one table. A code of "none" is beyond every table.
struct Counter {
  const std::uint16_t* a;
  const std::uint16_t* b;
  const std::uint16_t* target;  // null: none
  std::size_t b_bins;
  std::size_t target_bins;
  std::uint64_t* cells;

  void add(std::size_t begin, std::size_t end) const {
    for (std::size_t row = begin; row < end; ++row) {
      const std::uint16_t t = target == nullptr ? std::uint16_t{0} : target[row];
      if (a[row] == kNoBin || b[row] == kNoBin || t == kNoBin) {
        continue;
      }
      ++cells[(a[row] * b_bins + b[row]) * target_bins + t];
    }
  }
};

}  // namespace

std::size_t TablePlan::cells() const {
  std::size_t all = 0;
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    all += cells(p);
  }
  return all;
}

bool TablePlan::has_all_columns() const {
  const auto columns = counted(*this);
  return std::ranges::all_of(columns, [&](std::uint32_t column) {
    return std::ranges::any_of(
        pairs, [&](const auto& pair) { return pair.first == column || pair.second == column; });
  });
}

std::size_t TablePlan::all_pairs() const {
  const auto columns = counted(*this).size();
  return columns * (columns - std::min<std::size_t>(columns, 1)) / 2;
}

TablePlan plan_tables(const Binnings& binnings,
                      std::optional<std::uint32_t> target,
                      std::uint64_t most_cells) {
  TablePlan plan;
  plan.target = target;
  for (const auto& binning : binnings) {
    plan.bins.push_back(binning.bins);
  }
  auto columns = counted(plan);
  if (columns.size() < 2 && target) {
    plan.target.reset();  // the pair with it says all
    columns = counted(plan);
  }
  std::uint64_t cells = 0;
  // Neighbours first, then those two apart, and so on: every column is in about as many tables.
  for (std::size_t apart = 1; apart <= columns.size() / 2; ++apart) {
    const bool is_half_turn = 2 * apart == columns.size();
    for (std::size_t i = 0; i < (is_half_turn ? apart : columns.size()); ++i) {
      const auto [a, b] = std::minmax(columns[i], columns[(i + apart) % columns.size()]);
      const std::uint64_t size = std::uint64_t{plan.bins[a]} * plan.bins[b] * plan.target_bins();
      if (cells + size <= most_cells) {
        cells += size;
        plan.pairs.emplace_back(a, b);
      }
    }
  }
  std::ranges::sort(plan.pairs);
  return plan;
}

TableChoice choose_tables(const Binnings& binnings, std::optional<std::uint32_t> target) {
  TableChoice choice{.plan = plan_tables(binnings, target), .is_without_target = false};
  if (target && !choice.plan.has_all_columns()) {
    choice = {.plan = plan_tables(binnings, std::nullopt), .is_without_target = true};
  }
  return choice;
}

Result<Counts> count_tables(const tabular::Table& table,
                            const Schema& schema,
                            const Binnings& binnings,
                            const TablePlan& plan,
                            unsigned threads) {
  GENESIS_ASSIGN(const auto places, match_columns(table, schema));
  const auto codes = codes_of(table, places, schema, binnings);
  Counts counts(plan.cells(), 0);
  std::vector<Counter> counters;
  std::size_t at = 0;
  for (std::size_t p = 0; p < plan.pairs.size(); ++p) {
    const auto [a, b] = plan.pairs[p];
    counters.push_back({codes[a].data(),
                        codes[b].data(),
                        plan.target ? codes[*plan.target].data() : nullptr,
                        plan.bins[b],
                        plan.target_bins(),
                        counts.data() + at});
    at += plan.cells(p);
  }
  const std::size_t parts =
      std::clamp<std::size_t>(threads, 1, std::max<std::size_t>(1, counters.size()));
  aggregation::run_parts(parts, [&](std::size_t part) {
    for (std::size_t begin = 0; begin < table.rows; begin += kBlockRows) {
      const std::size_t end = std::min(table.rows, begin + kBlockRows);
      for (std::size_t c = part; c < counters.size(); c += parts) {
        counters[c].add(begin, end);
      }
    }
  });
  return counts;
}

nlohmann::json to_json(const TablePlan& plan) {
  nlohmann::json json{{"pairs", plan.pairs}};
  if (plan.target) {
    json["target"] = *plan.target;
  }
  return json;
}

Result<TablePlan> table_plan_from_json(JsonValue json, const Binnings& binnings) {
  constexpr auto kMaxPlace = std::numeric_limits<std::uint32_t>::max();
  TablePlan plan;
  for (const auto& binning : binnings) {
    plan.bins.push_back(binning.bins);
  }
  const auto wrong = [](const std::string& what) {
    return fail(Errc::kInvalidArgument, "tables: " + what);
  };
  tabular::JsonReader reader(json, "tables");
  for (const JsonValue item : reader.array("pairs", kMaxTableCells)) {
    std::vector<std::uint64_t> pair;
    for (const JsonValue column : item.elements()) {
      pair.push_back(column.whole().value_or(kMaxPlace));
    }
    if (pair.size() != 2 || std::max(pair[0], pair[1]) >= plan.bins.size()) {
      return wrong("pair " + std::to_string(plan.pairs.size()) + " is none of the columns");
    }
    plan.pairs.emplace_back(static_cast<std::uint32_t>(pair[0]),
                            static_cast<std::uint32_t>(pair[1]));
  }
  if (json.find("target")) {
    plan.target = static_cast<std::uint32_t>(reader.count("target", kMaxPlace));
  }
  GENESIS_RETURN_IF_ERROR(reader.status());
  const auto is_counted = [&](std::uint32_t c) { return c < plan.bins.size() && plan.bins[c] > 0; };
  if (plan.target && !is_counted(*plan.target)) {
    return wrong("the target is no column that is counted");
  }
  std::uint64_t cells = 0;
  for (std::size_t p = 0; p < plan.pairs.size(); ++p) {
    const auto [a, b] = plan.pairs[p];
    const bool is_in_order = a < b && (p == 0 || plan.pairs[p - 1] < plan.pairs[p]);
    if (!is_counted(a) || !is_counted(b) || !is_in_order || plan.target == a || plan.target == b) {
      return wrong("pair " + std::to_string(p) + " is none of the columns");
    }
    cells += plan.cells(p);
    if (cells > kMaxTableCells) {
      return fail(Errc::kResourceExhausted, "tables: more than 2^19 cells");
    }
  }
  return plan;
}

}  // namespace genesis::mixture
