#include "common/mixture/stages.hpp"

#include <algorithm>

#include "common/mixture/exchange.hpp"

namespace genesis::mixture {
namespace {

bool may_zoom(const Column& column) {
  return column.is_number() && (column.units == 0 || fine_width(column) > 1);
}

}  // namespace

Query names_query(const Settings& settings) {
  return {kNames, 1, settings.names_share / static_cast<double>(settings.open_columns)};
}

Query fine_query(const Settings& settings, const Schema& schema) {
  return {kFine, counted_columns(schema), settings.fine_share};
}

Query zoom_query(const Settings& settings, const Ranges& ranges) {
  return {kZoom, zoomed_columns(ranges), settings.zoom_share};
}

Query tables_query(const Settings& settings, const Schema& schema, const TablePlan& plan) {
  const double zoom = std::ranges::any_of(schema, may_zoom) ? settings.zoom_share : 0.0;
  return {kTables, plan.pairs.size(), 1.0 - settings.fine_share - zoom - settings.names_share};
}

}  // namespace genesis::mixture
