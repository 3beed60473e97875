#include "common/mixture/settings.hpp"

#include <nlohmann/json.hpp>

namespace genesis::mixture {

Result<Settings> settings_of(const spec::Model& model) {
  const auto json = nlohmann::json::parse(model.settings.json, nullptr, false);
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
  return settings;
}

}  // namespace genesis::mixture
