#include "common/mixture/rare_text.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

namespace genesis::mixture {
namespace {

void spread(tabular::Column& cells, const Column& column) {
  std::vector<bool> is_named;
  for (const auto& text : cells.categories) {
    is_named.push_back(std::ranges::find(column.categories, text) != column.categories.end());
  }
  std::vector<double> below(cells.categories.size(), 0.0);  // shares, added up
  for (const auto code : cells.codes) {
    if (code != tabular::kMissingCode && is_named[code]) {
      ++below[code];
    }
  }
  std::partial_sum(below.begin(), below.end(), below.begin());
  if (below.empty() || below.back() == 0.0) {
    return;
  }
  constexpr double kGolden = 0.6180339887498949;  // its multiples lie evenly between 0 and 1
  double at = 0.0;
  for (auto& code : cells.codes) {
    if (code != tabular::kMissingCode && !is_named[code]) {
      at += kGolden;
      at -= std::floor(at);
      const auto found = std::ranges::upper_bound(below, at * below.back());
      code = static_cast<std::uint32_t>(found - below.begin());
    }
  }
}

}  // namespace

void spread_rare_text(tabular::Table& table, const Schema& schema) {
  for (auto& cells : table.columns) {
    const auto column = std::ranges::find(schema, cells.name, &Column::name);
    if (column != schema.end() && column->kind == tabular::Kind::kCategory && !column->other &&
        !tabular::is_continuous(cells.kind)) {
      spread(cells, *column);
    }
  }
}

}  // namespace genesis::mixture
