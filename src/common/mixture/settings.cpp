#include "common/mixture/settings.hpp"

#include <set>
#include <string>

#include <nlohmann/json.hpp>

namespace genesis::mixture {

namespace {

constexpr double kNamesShare = 0.05;

bool is_open_category(const spec::DeclaredColumn& column) {
  return column.categories.empty() && (column.kind == "category" || column.kind == "boolean");
}

// Names of columns are in discreteColumns and in columns, or in one of the two.
std::size_t open_columns(const spec::FederatedTraining& training) {
  std::set<std::string> open(training.table.discrete_columns.begin(),
                             training.table.discrete_columns.end());
  for (const auto& column : training.table.columns) {
    if (is_open_category(column)) {
      open.insert(column.name);
    } else if (column.kind || !column.categories.empty()) {
      open.erase(column.name);
    }
  }
  open.erase(training.privacy.unit_column.value_or(""));
  return open.size();
}

}  // namespace

Result<Settings> settings_of(const spec::FederatedTraining& training) {
  const auto json = nlohmann::json::parse(training.model.settings.json, nullptr, false);
  Settings settings;
  try {
    if (json.contains("target")) {
      settings.target = json.at("target").get<std::string>();
    }
    settings.components = json.value("components", settings.components);
    settings.bins = json.value("bins", settings.bins);
    if (json.contains("shares")) {
      const auto& shares = json.at("shares");
      settings.fine_share = shares.value("fine", settings.fine_share);
      settings.zoom_share = shares.value("zoom", settings.zoom_share);
    }
  } catch (const nlohmann::json::exception& error) {
    return fail(Errc::kInvalidArgument, std::string("spec.model: ") + error.what());
  }
  if (training.privacy.differential_privacy) {
    settings.open_columns = open_columns(training);
    settings.names_share = settings.open_columns > 0 ? kNamesShare : 0.0;
  }
  return settings;
}

}  // namespace genesis::mixture
