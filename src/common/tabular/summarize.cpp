// Counting a site's rows on the agreed grid, and adding the counts up (encoder.hpp).
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "common/tabular/align.hpp"
#include "common/tabular/encoder.hpp"
#include "common/tabular/grid.hpp"
#include "common/tabular/partition.hpp"
#include "common/tabular/summary_shape.hpp"

namespace genesis::tabular {
namespace {

// Values beyond the bounds count as these: so do those of rows that lie beyond what a site tells as
// its extremes. Declared bounds are checked where a table is read.
Status count_numbers(std::span<const double> numbers,
                     const ColumnPlan& plan,
                     ColumnSummary& summary) {
  GENESIS_ASSIGN(const Step step, step_of(plan.kind, plan.rounding, plan.format));
  for (std::size_t row = 0; row < numbers.size(); ++row) {
    if (std::isnan(numbers[row])) {
      ++summary.missing;
      continue;
    }
    if (plan.few_values && plan.values.empty()) {
      return fail(Errc::kInvalidArgument,
                  "column '" + plan.name + "', row " + std::to_string(row + 1) +
                      ": has a value, and no site had any when they agreed on the columns; the "
                      "data changed since");
    }
    const double x = std::clamp(step.rounded(numbers[row]), plan.minimum, plan.maximum);
    if (plan.few_values) {
      ++summary.values[nearest_of(plan.values, x)];
    } else {
      ++summary.bins[bin_of(plan.edges, x)];
    }
  }
  return {};
}

void count_codes(const std::vector<std::uint32_t>& codes, ColumnSummary& summary) {
  for (const auto code : codes) {
    ++(code == kMissingCode ? summary.missing : summary.categories[code]);
  }
}

Status add(std::uint64_t& total, std::uint64_t part, const std::string& name) {
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 53;  // exact as a double, with head-room
  if (part > kLargest || total > kLargest - part) {
    return fail(Errc::kResourceExhausted, "column '" + name + "': a count above 2^53");
  }
  total += part;
  return {};
}

Status add_all(std::vector<std::uint64_t>& total,
               const std::vector<std::uint64_t>& part,
               const std::string& name) {
  for (std::size_t i = 0; i < total.size(); ++i) {
    GENESIS_RETURN_IF_ERROR(add(total[i], part[i], name));
  }
  return {};
}

}  // namespace

std::size_t category_slots(const ColumnPlan& plan) {
  return plan.categories.size() + (plan.other ? 1 : 0);
}

std::size_t bin_count(const ColumnPlan& plan) {
  return is_continuous(plan.kind) && !plan.few_values ? plan.edges.size() + 1 : 0;
}

Summary empty_summary(const Plan& plan) {
  Summary summary;
  for (const auto& column : plan.columns) {
    ColumnSummary counts;
    counts.bins.resize(bin_count(column));
    counts.values.resize(column.values.size());
    counts.categories.resize(category_slots(column));
    summary.columns.push_back(std::move(counts));
  }
  return summary;
}

Status check_shape(const Summary& summary, const Plan& plan) {
  if (summary.columns.size() != plan.columns.size()) {
    return fail(Errc::kInvalidArgument,
                "a summary of " + std::to_string(summary.columns.size()) +
                    " columns; the plan has " + std::to_string(plan.columns.size()));
  }
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    const auto& column = plan.columns[i];
    const auto& counts = summary.columns[i];
    if (counts.bins.size() != bin_count(column) || counts.values.size() != column.values.size() ||
        counts.categories.size() != category_slots(column)) {
      return fail(Errc::kInvalidArgument,
                  "column '" + column.name + "': the summary does not have the plan's shape");
    }
    // Counts that don't overflow and cover every row once. An identifier's cells are not counted.
    std::uint64_t seen = 0;
    GENESIS_RETURN_IF_ERROR(add(seen, counts.missing, column.name));
    for (const auto* list : {&counts.bins, &counts.values, &counts.categories}) {
      for (const auto count : *list) {
        GENESIS_RETURN_IF_ERROR(add(seen, count, column.name));
      }
    }
    if (column.kind != Kind::kIdentifier && seen != summary.rows) {
      return fail(Errc::kInvalidArgument,
                  "column '" + column.name + "': the summary counts " + std::to_string(seen) +
                      " cells in " + std::to_string(summary.rows) + " rows");
    }
  }
  return {};
}

Result<Summary> summarize(const Table& table, const Plan& plan) {
  Summary summary = empty_summary(plan);
  summary.rows = table.rows;
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    const auto& about = plan.columns[i];
    GENESIS_ASSIGN(const Column* column, find_column(table, about.name));
    GENESIS_ASSIGN(const auto aligned,
                   align(*column, {about.kind, about.format, about.categories, about.other}));
    if (is_continuous(about.kind)) {
      GENESIS_RETURN_IF_ERROR(count_numbers(aligned.numbers, about, summary.columns[i]));
    } else {
      count_codes(aligned.codes, summary.columns[i]);
    }
  }
  return summary;
}

void withhold_rare(const SitePolicy& policy, const Plan& plan, Summary& summary) {
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    auto& counts = summary.columns[i].categories;
    for (std::size_t k = 0; plan.columns[i].other && k + 1 < counts.size(); ++k) {
      if (counts[k] < policy.min_category_count) {
        counts.back() += std::exchange(counts[k], 0);
      }
    }
  }
}

Status merge(Summary& total, const Summary& part, const Plan& plan) {
  GENESIS_RETURN_IF_ERROR(check_shape(part, plan));
  Summary sum = total.rows == 0 && total.columns.empty() ? empty_summary(plan) : total;
  GENESIS_RETURN_IF_ERROR(check_shape(sum, plan));
  GENESIS_RETURN_IF_ERROR(add(sum.rows, part.rows, "(rows)"));
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    const auto& name = plan.columns[i].name;
    auto& counts = sum.columns[i];
    GENESIS_RETURN_IF_ERROR(add(counts.missing, part.columns[i].missing, name));
    GENESIS_RETURN_IF_ERROR(add_all(counts.bins, part.columns[i].bins, name));
    GENESIS_RETURN_IF_ERROR(add_all(counts.values, part.columns[i].values, name));
    GENESIS_RETURN_IF_ERROR(add_all(counts.categories, part.columns[i].categories, name));
  }
  total = std::move(sum);
  return {};
}

}  // namespace genesis::tabular
