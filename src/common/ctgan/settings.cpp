#include "common/ctgan/settings.hpp"

#include <utility>

#include <nlohmann/json.hpp>

namespace genesis::ctgan {
namespace {

constexpr const char* kEmbeddingDim = "embeddingDim";
constexpr const char* kGeneratorDims = "generatorDims";
constexpr const char* kDiscriminatorDims = "discriminatorDims";
constexpr const char* kPac = "pac";
constexpr const char* kEncoding = "encoding";
constexpr const char* kCodes = "codes";

}  // namespace

Result<model::CtganConfig> settings_of(const spec::Model& model) {
  const auto json = nlohmann::json::parse(model.settings.json, nullptr, false);
  model::CtganConfig config;
  try {
    config.embedding_dim = json.value(kEmbeddingDim, config.embedding_dim);
    config.generator_dims = json.value(kGeneratorDims, config.generator_dims);
    config.discriminator_dims = json.value(kDiscriminatorDims, config.discriminator_dims);
    config.pac = json.value(kPac, config.pac);
  } catch (const nlohmann::json::exception& error) {
    return fail(Errc::kInvalidArgument, std::string("spec.model: ") + error.what());
  }
  return config;
}

std::string model_document(const ModelDocument& document) {
  const auto& config = document.config;
  nlohmann::json json{{"method", kMethod},
                      {kEmbeddingDim, config.embedding_dim},
                      {kGeneratorDims, config.generator_dims},
                      {kDiscriminatorDims, config.discriminator_dims},
                      {kPac, config.pac}};
  if (document.encoding == Encoding::kCodes) {
    json[kEncoding] = kCodes;
  }
  return json.dump();
}

Result<ModelDocument> parse_model_document(std::string_view text) {
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
  const bool has_encoding = json.contains(kEncoding);
  if (has_encoding && json.at(kEncoding) != kCodes) {
    return broken("names an encoding that this version does not know");
  }
  try {
    ModelDocument document{{}, has_encoding ? Encoding::kCodes : Encoding::kModes};
    auto& config = document.config;
    json.at(kEmbeddingDim).get_to(config.embedding_dim);
    json.at(kGeneratorDims).get_to(config.generator_dims);
    json.at(kDiscriminatorDims).get_to(config.discriminator_dims);
    json.at(kPac).get_to(config.pac);
    return document;
  } catch (const nlohmann::json::exception& error) {
    return broken(std::string("is incomplete: ") + error.what());
  }
}

}  // namespace genesis::ctgan
