// Model files, checkpoints and workers' states. Their digest would stop every input, so the tensors
// and metadata that the bytes hold are sealed anew; the bytes as they are, too.
#include "common/wire/checkpoint.hpp"
#include "common/wire/model_file.hpp"
#include "common/wire/sealed_file.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace genesis;

namespace {

void read(std::string_view bytes) {
  if (const auto model = wire::decode_model(bytes)) {
    const auto again = wire::decode_model(wire::encode_model(*model));
    fuzz::holds(again && again->encoder_json == model->encoder_json, "a model reads back");
  }
  if (const auto checkpoint = wire::decode_checkpoint(bytes, "checkpoint")) {
    const auto again = wire::decode_checkpoint(wire::encode(*checkpoint), "checkpoint");
    fuzz::holds(again && again->clients == checkpoint->clients && again->run == checkpoint->run &&
                    again->round == checkpoint->round,
                "a checkpoint reads back");
  }
  if (const auto state = wire::decode_worker_state(bytes, "state")) {
    fuzz::holds(state->contribution.client.str().size() < 64, "a state's client is an id");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::text(data, size);
  read(bytes);
  if (auto file = wire::decode_safetensors(bytes)) {
    file->metadata.erase("digest");
    if (file->metadata.empty() || file->metadata.begin()->first > "digest") {
      read(wire::seal(file->tensors, file->metadata));
    }
  }
  return 0;
}
