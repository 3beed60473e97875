#pragma once
// What survives a crash, as sealed files: the aggregator's training after a collection, and a
// worker's state with its last contribution. Pure; the caller reads and writes the files.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/base/tensors.hpp"
#include "common/rounds/contribution.hpp"

namespace genesis::wire {

inline constexpr std::string_view kCheckpointFormat = "genesis.checkpoint.v3";
inline constexpr std::string_view kWorkerStateFormat = "genesis.worker.v3";

struct CheckpointClient {
  ClientId client;
  std::uint64_t rows = 0;
  std::string introduction_sha256 = {};  // of what it joined with: other data is refused
  std::string instance = {};             // of the process that took part as it
  CollectionId last_collection = {};
  RoundId last_round = {};
  std::uint32_t failures = 0;  // its standing, see rounds::Standing
  std::uint32_t times_quarantined = 0;
  RoundId returns_in = {};
  std::string reason = {};
  std::string ledger_head = {};  // that its last contribution told; "": none
  bool is_evicted = false;       // takes part no more; of the above only rows and digest count
  std::string signing_key = {};  // of secure sums, hex; "" where there are none
  bool operator==(const CheckpointClient&) const = default;
};

/// A method's own state at the server, which the method alone reads.
struct MethodState {
  std::map<std::string, std::string> documents;  // texts by name
  Tensors tensors;
  bool operator==(const MethodState&) const = default;
};

/// A training whose collections up to `collection` are closed.
struct Checkpoint {
  std::string run;
  std::string training_json;
  CollectionId collection;
  RoundId round;            // of that collection; 0: no round is closed yet
  double norm_bound = 0.0;  // of the next round's updates; 0: the first round's
  std::vector<CheckpointClient> clients;
  MethodState method;
  std::string paillier_modulus = {};  // hex, of the sites' key; "" where sums are not encrypted
  bool operator==(const Checkpoint&) const = default;
};
[[nodiscard]] std::string encode(const Checkpoint& checkpoint);
/// `name` stands for the file in messages. Errors: as unseal, and kInvalidArgument names the field.
[[nodiscard]] Result<Checkpoint> decode_checkpoint(std::string_view bytes, std::string_view name);

/// A site after an answer that it keeps: tensors, or counts that must not be made again.
struct WorkerState {
  rounds::Contribution contribution;  // its body is Plain
  Tensors method;                     // the method's own, at the site
  Tensors residual = {};              // what quantization has kept back so far; empty without it
  bool operator==(const WorkerState&) const = default;
};
[[nodiscard]] std::string encode(const WorkerState& state);
[[nodiscard]] Result<WorkerState> decode_worker_state(std::string_view bytes,
                                                      std::string_view name);

}  // namespace genesis::wire
