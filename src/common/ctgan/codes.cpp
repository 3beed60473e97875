#include "common/ctgan/codes.hpp"

#include <utility>

namespace genesis::ctgan {

tabular::Layout layout_of(const autoregressive::Discretizer& discretizer) {
  const auto names = discretizer.names();
  auto shares = discretizer.shares();
  tabular::Layout layout;
  for (std::size_t c = 0; c < discretizer.columns().size(); ++c) {
    tabular::ColumnLayout column;
    column.name = names[c];
    column.modes = discretizer.columns()[c].codes;
    column.conditional = true;
    column.frequencies = std::move(shares[c]);
    column.missing = discretizer.columns()[c].missing;
    layout.columns.push_back(std::move(column));
  }
  return layout;
}

tabular::EncodedTable encoded(autoregressive::CodedTable coded) {
  tabular::EncodedTable table;
  table.rows = coded.rows;
  for (auto& codes : coded.codes) {
    table.columns.push_back({std::move(codes), {}});
  }
  return table;
}

autoregressive::CodedTable coded(tabular::EncodedTable encoded) {
  autoregressive::CodedTable table;
  table.rows = encoded.rows;
  for (auto& column : encoded.columns) {
    table.codes.push_back(std::move(column.mode));
  }
  return table;
}

}  // namespace genesis::ctgan
