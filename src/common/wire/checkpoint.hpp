#pragma once
// What survives a crash, as sealed files: the aggregator's training after a round, and a worker's
// optimizer with its last update. Pure; the caller reads and writes the files.
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/base/tensors.hpp"
#include "common/wire/messages.hpp"

namespace genesis::wire {

inline constexpr std::string_view kCheckpointFormat = "genesis.checkpoint.v1";
inline constexpr std::string_view kWorkerStateFormat = "genesis.worker.v2";

struct CheckpointClient {
  ClientId client;
  std::uint64_t rows = 0;
  std::string sketch_sha256 = {};  // of the sketch it joined with: other data is refused
  RoundId last_round = {};
  std::uint32_t failures = 0;  // its standing, see rounds::Standing
  std::uint32_t times_set_aside = 0;
  RoundId returns_in = {};
  std::string reason = {};
  bool operator==(const CheckpointClient&) const = default;
};

/// A training whose rounds up to `round` are closed (0: the encoder is agreed, no round is).
struct Checkpoint {
  std::string run;
  std::string training_json;
  RoundId round;
  std::string encoder_json;
  std::vector<CheckpointClient> clients;
  Tensors global;
  bool operator==(const Checkpoint&) const = default;
};
[[nodiscard]] std::string encode(const Checkpoint& checkpoint);
/// `name` stands for the file in messages. Errors: as unseal, and kInvalidArgument names the field.
[[nodiscard]] Result<Checkpoint> decode_checkpoint(std::string_view bytes, std::string_view name);

/// A site after its training in `update.metadata.round`.
struct WorkerState {
  Update update;
  Tensors optimizer;
  Tensors residual = {};  // what quantization has kept back so far; empty without it
  bool operator==(const WorkerState&) const = default;
};
[[nodiscard]] std::string encode(const WorkerState& state);
[[nodiscard]] Result<WorkerState> decode_worker_state(std::string_view bytes,
                                                      std::string_view name);

}  // namespace genesis::wire
