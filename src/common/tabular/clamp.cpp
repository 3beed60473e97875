#include "common/tabular/clamp.hpp"

#include <algorithm>
#include <sstream>

namespace genesis::tabular {
namespace {

std::string text_of(double value) {
  constexpr int kDigits = 15;
  std::ostringstream text;
  text.precision(kDigits);
  text << value;
  return text.str();
}

}  // namespace

std::vector<Clamped> beyond(const Table& table, std::span<const Domain> domains) {
  std::vector<Clamped> found;
  for (const auto& domain : domains) {
    const auto column = std::ranges::find(table.columns, domain.column, &Column::name);
    if (column == table.columns.end() || !is_continuous(column->kind)) {
      continue;
    }
    // A missing value compares as neither.
    const auto cells = std::ranges::count_if(column->numbers, [&](double value) {
      const double counted = domain.step.rounded(value);
      return counted < domain.minimum || counted > domain.maximum;
    });
    if (cells > 0) {
      found.push_back({domain, static_cast<std::uint64_t>(cells)});
    }
  }
  return found;
}

void clamp(Table& table, std::span<const Clamped> columns) {
  for (const auto& [domain, cells] : columns) {
    const auto column = std::ranges::find(table.columns, domain.column, &Column::name);
    for (double& value : column->numbers) {
      const double counted = domain.step.rounded(value);
      if (counted < domain.minimum) {
        value = domain.minimum;
      } else if (counted > domain.maximum) {
        value = domain.maximum;
      }
    }
  }
}

std::string note_of(const Clamped& clamped) {
  return "column '" + clamped.domain.column + "': " + std::to_string(clamped.cells) +
         (clamped.cells == 1 ? " value is" : " values are") + " beyond the agreed domain, " +
         text_of(clamped.domain.minimum) + " to " + text_of(clamped.domain.maximum) +
         ", and count as its bounds; declare minimum and maximum in spec.table.columns to keep "
         "them";
}

}  // namespace genesis::tabular
