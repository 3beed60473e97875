#pragma once
// Small and Adult-like layouts and tables, built by hand: the model's tests need no CSV.
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/rng.hpp"
#include "common/model/parameters.hpp"
#include "common/tabular/layout.hpp"

namespace genesis::model::testing {

inline tabular::ColumnLayout discrete(std::string name, std::vector<double> frequencies) {
  tabular::ColumnLayout column;
  column.name = std::move(name);
  column.modes = static_cast<std::uint32_t>(frequencies.size());
  column.conditional = true;
  column.frequencies = std::move(frequencies);
  return column;
}

inline tabular::ColumnLayout continuous(std::string name,
                                        std::vector<std::uint8_t> mode_has_value) {
  tabular::ColumnLayout column;
  column.name = std::move(name);
  column.modes = static_cast<std::uint32_t>(mode_has_value.size());
  column.has_value = true;
  column.frequencies.assign(mode_has_value.size(),
                            1.0 / static_cast<double>(mode_has_value.size()));
  column.mode_has_value = std::move(mode_has_value);
  return column;
}

inline tabular::ColumnLayout identifier(std::string name) {
  tabular::ColumnLayout column;
  column.name = std::move(name);
  return column;
}

/// Every kind of column: 14 wide, 5 of them conditional; a gated scalar (its mode 1 is a spike).
inline tabular::Layout small_layout() {
  return {{discrete("colour", {0.5, 0.3, 0.2}),
           continuous("size", {1, 0, 1}),
           identifier("id"),
           discrete("shape", {0.25, 0.75}),
           continuous("weight", {1, 1, 1, 1})}};
}

/// Nine discrete columns of 104 categories in all, six continuous ones with 46 modes: 156 wide.
inline tabular::Layout adult_layout() {
  tabular::Layout layout;
  for (const std::size_t categories : {9U, 16U, 7U, 15U, 6U, 5U, 2U, 42U, 2U}) {
    layout.columns.push_back(
        discrete("discrete" + std::to_string(layout.columns.size()),
                 std::vector<double>(categories, 1.0 / static_cast<double>(categories))));
  }
  for (const std::size_t modes : {10U, 10U, 8U, 6U, 6U, 6U}) {
    std::vector<std::uint8_t> counts(modes, 1);
    if (modes == 6) {
      counts[5] = 0;
    }
    layout.columns.push_back(
        continuous("continuous" + std::to_string(layout.columns.size()), counts));
  }
  return layout;
}

/// `rows` rows drawn uniformly from the layout's modes and from [-1, 1].
inline tabular::EncodedTable random_table(const tabular::Layout& layout, std::size_t rows) {
  Rng rng(1, RoundId{0}, "", "random table");
  tabular::EncodedTable table;
  table.rows = rows;
  for (const auto& column : layout.columns) {
    tabular::EncodedColumn cells;
    for (std::size_t r = 0; r < rows && column.modes > 0; ++r) {
      cells.mode.push_back(static_cast<std::uint32_t>(rng.below(column.modes)));
      if (column.has_value) {
        const bool counts = column.mode_has_value[cells.mode.back()] != 0;
        cells.value.push_back(counts ? static_cast<float>(2.0 * rng.uniform() - 1.0) : 0.0F);
      }
    }
    table.columns.push_back(std::move(cells));
  }
  return table;
}

inline CtganConfig small_config() {
  return {.embedding_dim = 4, .generator_dims = {6, 5}, .discriminator_dims = {7, 6}, .pac = 2};
}

}  // namespace genesis::model::testing
