#include "common/model/training_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace genesis::model {

void Conditions::add_column(std::size_t first, std::span<const double> weights) {
  Column column;
  double total = 0.0;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    if (weights[k] > 0.0) {
      total += weights[k];
      column.cumulative.push_back(total);
      column.condition.push_back(static_cast<std::uint32_t>(first + k));
    }
  }
  for (auto& share : column.cumulative) {
    share /= total;
  }
  columns_.push_back(std::move(column));
}

void Conditions::draw(Rng& rng, std::span<std::uint32_t> condition) const {
  if (columns_.empty()) {
    return;
  }
  for (auto& drawn : condition) {
    const Column& column = columns_[rng.below(columns_.size())];
    const auto place = std::ranges::upper_bound(column.cumulative, rng.uniform());
    const auto k = std::min(static_cast<std::size_t>(place - column.cumulative.begin()),
                            column.condition.size() - 1);
    drawn = column.condition[k];
  }
}

Status check_table(const tabular::Layout& layout, const tabular::EncodedTable& table) {
  if (table.rows > std::numeric_limits<std::uint32_t>::max()) {
    return fail(Errc::kInvalidArgument, "table: more rows than row numbers of 32 bits can name");
  }
  if (table.columns.size() != layout.columns.size()) {
    return fail(Errc::kInvalidArgument,
                "table: " + std::to_string(table.columns.size()) + " columns for a layout of " +
                    std::to_string(layout.columns.size()));
  }
  for (std::size_t c = 0; c < layout.columns.size(); ++c) {
    const auto& column = layout.columns[c];
    const auto& cells = table.columns[c];
    if (column.modes == 0) {
      continue;
    }
    if (cells.mode.size() != table.rows ||
        cells.value.size() != (column.has_value ? table.rows : 0)) {
      return fail(Errc::kInvalidArgument,
                  "table column " + column.name + ": not one mode and value for each of " +
                      std::to_string(table.rows) + " rows");
    }
    if (std::ranges::any_of(cells.mode, [&](auto mode) { return mode >= column.modes; })) {
      return fail(Errc::kInvalidArgument,
                  "table column " + column.name + ": a mode is not among its " +
                      std::to_string(column.modes));
    }
    if (std::ranges::any_of(cells.value, [](float v) { return !std::isfinite(v); })) {
      return fail(Errc::kInvalidArgument,
                  "table column " + column.name + ": an encoded value is not finite");
    }
  }
  return {};
}

Result<TrainingRows> TrainingRows::create(const Network& network,
                                          const tabular::Layout& layout,
                                          tabular::EncodedTable table) {
  GENESIS_RETURN_IF_ERROR(check_table(layout, table));
  if (table.rows == 0) {
    return fail(Errc::kInvalidArgument, "table: holds no rows; a site needs at least one to train");
  }
  TrainingRows result;
  result.spans_ = network.spans;
  result.table_ = std::move(table);
  result.categories_.resize(network.condition_width);
  for (const auto& span : result.spans_) {
    if (!span.conditional) {
      continue;
    }
    // Counting sort of the row numbers by category.
    const auto& modes = result.table_.columns[span.column].mode;
    Category* categories = result.categories_.data() + span.condition_first;
    for (const auto mode : modes) {
      ++categories[mode].count;
    }
    auto first = static_cast<std::uint32_t>(result.rows_.size());
    std::vector<double> weights(span.modes);
    for (std::uint32_t k = 0; k < span.modes; ++k) {
      categories[k].first_row = first;
      first += categories[k].count;
      weights[k] = std::log1p(static_cast<double>(categories[k].count));
    }
    result.conditions_.add_column(span.condition_first, weights);
    result.rows_.resize(first);
    std::vector<std::uint32_t> next(span.modes);
    for (std::uint32_t r = 0; r < modes.size(); ++r) {
      result.rows_[categories[modes[r]].first_row + next[modes[r]]++] = r;
    }
  }
  return result;
}

void TrainingRows::draw_rows(Rng& rng,
                             std::span<const std::uint32_t> condition,
                             std::span<std::uint32_t> rows) const {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (conditions_.empty()) {
      rows[i] = static_cast<std::uint32_t>(rng.below(table_.rows));
    } else {
      const Category& category = categories_[condition[i]];
      rows[i] = rows_[category.first_row + rng.below(category.count)];
    }
  }
}

void gather(std::span<const Span> spans,
            const tabular::EncodedTable& table,
            std::span<const std::uint32_t> rows,
            RealRows& out) {
  out.modes_per_row = spans.size();
  out.value_columns.clear();
  for (const auto& span : spans) {
    if (span.has_value) {
      out.value_columns.push_back(static_cast<std::uint32_t>(span.first - 1));
    }
  }
  out.values_per_row = out.value_columns.size();
  out.modes.resize(rows.size() * out.modes_per_row);
  out.values.resize(rows.size() * out.values_per_row);
  std::size_t value = 0;
  for (std::size_t s = 0; s < spans.size(); ++s) {
    const auto& span = spans[s];
    const auto& cells = table.columns[span.column];
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::uint32_t mode = cells.mode[rows[i]];
      out.modes[i * out.modes_per_row + s] = static_cast<std::uint32_t>(span.first) + mode;
      if (span.has_value) {
        const bool counts = span.gate.empty() || span.gate[mode] != 0.0F;
        out.values[i * out.values_per_row + value] = counts ? cells.value[rows[i]] : 0.0F;
      }
    }
    value += span.has_value ? 1U : 0U;
  }
}

}  // namespace genesis::model
