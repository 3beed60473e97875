#include "common/wire/model_file.hpp"

#include "common/wire/sealed_file.hpp"

namespace genesis::wire {
namespace {

constexpr std::string_view kName = "model.safetensors";
constexpr std::string_view kEncoderKey = "encoder";
constexpr std::string_view kModelKey = "model";
constexpr std::string_view kProvenanceKey = "provenance";

}  // namespace

std::string encode_model(const ModelFile& model) {
  return seal(model.generator,
              {
                  {std::string(kFormatKey), std::string(kModelFormat)},
                  {std::string(kEncoderKey), model.encoder_json},
                  {std::string(kModelKey), model.model_json},
                  {std::string(kProvenanceKey), model.provenance_json},
              });
}

Result<ModelFile> decode_model(std::string_view bytes) {
  GENESIS_ASSIGN(TensorFile file, unseal(bytes, kName, kModelFormat));
  ModelFile model;
  GENESIS_ASSIGN(model.encoder_json, take(file.metadata, kEncoderKey, kName));
  GENESIS_ASSIGN(model.model_json, take(file.metadata, kModelKey, kName));
  GENESIS_ASSIGN(model.provenance_json, take(file.metadata, kProvenanceKey, kName));
  model.generator = std::move(file.tensors);
  return model;
}

}  // namespace genesis::wire
