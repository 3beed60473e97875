#include "common/federation/spec_views.hpp"

#include <nlohmann/json.hpp>

namespace genesis::federation {

std::vector<tabular::Declaration> declarations(const spec::TableSpec& table) {
  std::vector<tabular::Declaration> all;
  for (const auto& column : table.columns) {
    tabular::Declaration declaration;
    declaration.name = column.name;
    if (column.kind) {
      if (auto kind = tabular::parse_kind(*column.kind)) {  // the schema's enum has the same words
        declaration.kind = *kind;
      }
    }
    declaration.minimum = column.minimum;
    declaration.maximum = column.maximum;
    if (column.precision) {
      declaration.precision = static_cast<int>(*column.precision);
    }
    declaration.format = column.format;
    declaration.categories = column.categories;
    all.push_back(std::move(declaration));
  }
  return all;
}

model::CtganConfig ctgan_config(const spec::Model& model) {
  model::CtganConfig config;
  config.embedding_dim = model.embedding_dim;
  config.generator_dims = model.generator_dims;
  config.discriminator_dims = model.discriminator_dims;
  config.pac = model.pac;
  return config;
}

std::string model_document(const spec::Model& model) {
  const nlohmann::json json{{"method", model.method},
                            {"embeddingDim", model.embedding_dim},
                            {"generatorDims", model.generator_dims},
                            {"discriminatorDims", model.discriminator_dims},
                            {"pac", model.pac}};
  return json.dump();
}

Result<model::CtganConfig> parse_model_document(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto broken = [](const std::string& what) {
    return fail(Errc::kInvalidArgument, "model file: its \"model\" document " + what);
  };
  if (!json.is_object()) {
    return broken("is not a JSON object");
  }
  if (json.value("method", nlohmann::json()) != "ctgan") {
    return broken("names a method that this version does not know");
  }
  try {
    model::CtganConfig config;
    json.at("embeddingDim").get_to(config.embedding_dim);
    json.at("generatorDims").get_to(config.generator_dims);
    json.at("discriminatorDims").get_to(config.discriminator_dims);
    json.at("pac").get_to(config.pac);
    return config;
  } catch (const nlohmann::json::exception& error) {
    return broken(std::string("is incomplete: ") + error.what());
  }
}

wire::Quantization quantization(spec::Quantization quantization) {
  switch (quantization) {
    case spec::Quantization::kNone:
      return wire::Quantization::kNone;
    case spec::Quantization::kFp16:
      return wire::Quantization::kFp16;
    case spec::Quantization::kInt8:
      return wire::Quantization::kInt8;
  }
  return wire::Quantization::kNone;
}

std::string_view content_encoding(spec::Compression compression) {
  switch (compression) {
    case spec::Compression::kNone:
      return "";
    case spec::Compression::kGzip:
      return "gzip";
    case spec::Compression::kZstd:
      return "zstd";
  }
  return "";
}

}  // namespace genesis::federation
