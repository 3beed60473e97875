// Updates: tensors with their metadata as one body.
#include <utility>

#include <nlohmann/json.hpp>

#include "common/wire/fields.hpp"
#include "common/wire/messages.hpp"

namespace genesis::wire {

using nlohmann::json;

std::string encode(const UpdateMetadata& message) {
  return dump_json({{"run", message.run},
                    {"round", message.round.value},
                    {"client", message.client.str()},
                    {"rows", message.rows},
                    {"generator_loss", message.generator_loss},
                    {"discriminator_loss", message.discriminator_loss},
                    {"update_norm", message.update_norm},
                    {"step_seconds", message.step_seconds},
                    {"steps", message.steps}});
}

Result<UpdateMetadata> decode_update_metadata(std::string_view bytes, const JsonLimits& limits) {
  GENESIS_ASSIGN(const json body, parse_json(bytes, limits));
  GENESIS_ASSIGN(const Fields fields, Fields::of(body, "UpdateMetadata"));
  GENESIS_ASSIGN(ClientId client, fields.client("client"));
  UpdateMetadata message{.run = {}, .round = {}, .client = std::move(client)};
  GENESIS_ASSIGN(message.run, fields.text("run"));
  GENESIS_ASSIGN(message.round, fields.round("round"));
  GENESIS_ASSIGN(message.rows, fields.count("rows"));
  GENESIS_ASSIGN(message.generator_loss, fields.number("generator_loss"));
  GENESIS_ASSIGN(message.discriminator_loss, fields.number("discriminator_loss"));
  GENESIS_ASSIGN(message.update_norm, fields.number("update_norm"));
  GENESIS_ASSIGN(message.step_seconds, fields.number("step_seconds"));
  GENESIS_ASSIGN(message.steps, fields.count("steps"));
  return message;
}

std::string encode(const Update& message) {
  return encode_safetensors(message.delta, {{std::string(kUpdateKey), encode(message.metadata)}});
}

Result<Update> decode_update(std::string_view bytes, const SafetensorsLimits& limits) {
  GENESIS_ASSIGN(TensorFile file, decode_safetensors(bytes, limits));
  const auto found = file.metadata.find(std::string(kUpdateKey));
  if (found == file.metadata.end()) {
    return fail(Errc::kInvalidArgument,
                "update: its metadata lacks \"" + std::string(kUpdateKey) + "\"");
  }
  GENESIS_ASSIGN(UpdateMetadata metadata, decode_update_metadata(found->second));
  return Update{std::move(metadata), std::move(file.tensors)};
}

}  // namespace genesis::wire
