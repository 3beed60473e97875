#include "common/autoregressive/settings.hpp"

#include <nlohmann/json.hpp>

namespace genesis::autoregressive {
namespace {

constexpr const char* kEmbeddingDim = "embeddingDim";
constexpr const char* kHidden = "hidden";
constexpr const char* kBins = "bins";
constexpr const char* kOrdered = "ordered";
constexpr const char* kTarget = "target";

}  // namespace

Result<Settings> settings_of(const spec::Model& model) {
  const auto json = nlohmann::json::parse(model.settings.json, nullptr, false);
  Settings settings;
  try {
    settings.embedding_dim = json.value(kEmbeddingDim, settings.embedding_dim);
    settings.hidden = json.value(kHidden, settings.hidden);
    settings.bins = json.value(kBins, settings.bins);
    settings.ordered = json.value(kOrdered, settings.ordered);
    if (json.contains(kTarget)) {
      settings.target = json.at(kTarget).get<std::string>();
    }
  } catch (const nlohmann::json::exception& error) {
    return fail(Errc::kInvalidArgument, std::string("spec.model: ") + error.what());
  }
  return settings;
}

std::string model_document(const Settings& settings) {
  nlohmann::json json{{"method", kMethod},
                      {kEmbeddingDim, settings.embedding_dim},
                      {kHidden, settings.hidden},
                      {kBins, settings.bins},
                      {kOrdered, settings.ordered}};
  if (settings.target) {
    json[kTarget] = *settings.target;
  }
  return json.dump();
}

Result<Settings> parse_model_document(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto broken = [](const std::string& what) {
    return fail(Errc::kInvalidArgument, "model file: its \"model\" document " + what);
  };
  if (!json.is_object()) {
    return broken("is not a JSON object");
  }
  if (json.value("method", nlohmann::json()) != kMethod) {
    return broken("names a method that this version does not know");
  }
  try {
    Settings settings;
    json.at(kEmbeddingDim).get_to(settings.embedding_dim);
    json.at(kHidden).get_to(settings.hidden);
    json.at(kBins).get_to(settings.bins);
    json.at(kOrdered).get_to(settings.ordered);
    if (json.contains(kTarget)) {
      settings.target = json.at(kTarget).get<std::string>();
    }
    return settings;
  } catch (const nlohmann::json::exception& error) {
    return broken(std::string("is incomplete: ") + error.what());
  }
}

}  // namespace genesis::autoregressive
