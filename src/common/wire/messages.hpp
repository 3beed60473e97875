#pragma once
// What aggregator and workers tell each other, protocol version 1: each message once, as a value
// with encode and decode. docs/protocol.md is the same in prose. The HTTP paths are the
// aggregator's. Decoders take hostile bytes: they bound before they parse, ignore unknown fields,
// and name the field that is missing or of the wrong type (kInvalidArgument).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/base/json.hpp"
#include "common/base/tensors.hpp"
#include "common/tabular/encoder.hpp"
#include "common/wire/quantization.hpp"
#include "common/wire/safetensors.hpp"

namespace genesis::wire {

/// Worker to aggregator, first: who it is, what its table looks like, how many rows it has.
struct JoinRequest {
  ClientId client;
  tabular::Sketch sketch;
};
[[nodiscard]] std::string encode(const JoinRequest& message);
[[nodiscard]] Result<JoinRequest> decode_join_request(std::string_view bytes,
                                                      const JsonLimits& limits = {});

struct JoinReply {
  std::string run;            // id of this training, hex
  std::string training_json;  // the defaulted spec
  bool operator==(const JoinReply&) const = default;
};
[[nodiscard]] std::string encode(const JoinReply& message);
[[nodiscard]] Result<JoinReply> decode_join_reply(std::string_view bytes,
                                                  const JsonLimits& limits = {});

/// What a worker that asks for work is told.
struct Wait {  // nothing yet: ask again
  bool operator==(const Wait&) const = default;
};
struct Summarize {  // count your rows on this plan
  tabular::Plan plan;
};
struct Train {
  RoundId round;
  std::string parameters_sha256;  // of the global parameters to start from, as served
  double learning_rate = 0.0;
  std::uint64_t deadline_milliseconds = 0;  // from now
  bool operator==(const Train&) const = default;
};
struct Finished {
  std::string model_sha256;
  bool operator==(const Finished&) const = default;
};
struct Failed {
  std::string reason;
  bool operator==(const Failed&) const = default;
};
using Task = std::variant<Wait, Summarize, Train, Finished, Failed>;
[[nodiscard]] std::string encode(const Task& message);
[[nodiscard]] Result<Task> decode_task(std::string_view bytes, const JsonLimits& limits = {});

/// Worker to aggregator: its counts on the plan.
struct SummaryUpload {
  std::string run;
  ClientId client;
  tabular::Summary summary;
};
[[nodiscard]] std::string encode(const SummaryUpload& message);
[[nodiscard]] Result<SummaryUpload> decode_summary_upload(std::string_view bytes,
                                                          const JsonLimits& limits = {});

/// Aggregator to worker: the one encoding of all sites.
[[nodiscard]] std::string encode_encoder(const tabular::Encoder& encoder);
[[nodiscard]] Result<tabular::Encoder> decode_encoder(std::string_view bytes,
                                                      const JsonLimits& limits = {});

/// Travels with the tensors of an update, under the metadata key kUpdateKey.
struct UpdateMetadata {
  std::string run;
  RoundId round;
  ClientId client;
  std::uint64_t rows = 0;
  double generator_loss = 0.0;  // means over the local steps
  double discriminator_loss = 0.0;
  double update_norm = 0.0;   // Euclidean, of the whole update
  double step_seconds = 0.0;  // mean
  std::uint64_t steps = 0;
  bool operator==(const UpdateMetadata&) const = default;
};
inline constexpr std::string_view kUpdateKey = "update";
[[nodiscard]] std::string encode(const UpdateMetadata& message);
[[nodiscard]] Result<UpdateMetadata> decode_update_metadata(std::string_view bytes,
                                                            const JsonLimits& limits = {});

/// Worker to aggregator: local parameters minus global parameters, as one safetensors body.
struct Update {
  UpdateMetadata metadata;
  Tensors delta;
  bool operator==(const Update&) const = default;
};
/// `delta` comes back as it is where it is quantized() already.
[[nodiscard]] std::string encode(const Update& message,
                                 Quantization quantization = Quantization::kNone);
[[nodiscard]] Result<Update> decode_update(std::string_view bytes,
                                           const SafetensorsLimits& limits = {});

/// Body of a refusal.
struct ErrorReply {
  std::string code;  // to_string(Errc)
  std::string message;
  std::optional<RoundId> round;  // the current one, where the refused was of another
  bool operator==(const ErrorReply&) const = default;
};
[[nodiscard]] std::string encode(const ErrorReply& message);
[[nodiscard]] Result<ErrorReply> decode_error_reply(std::string_view bytes,
                                                    const JsonLimits& limits = {});

enum class Phase { kJoining, kSummarizing, kTraining, kComplete, kFailed };
[[nodiscard]] std::string_view to_string(Phase phase);  // "Joining", …

struct ClientReport {
  std::string id;
  std::string state;  // rounds' word for it
  std::uint64_t rows = 0;
  RoundId last_round;                    // 0: none yet
  std::optional<double> generator_loss;  // of its last update
  std::optional<double> discriminator_loss;
  std::string reason;              // why it is lost or set aside, or its last failure; "" otherwise
  std::uint64_t late_updates = 0;  // refused: of a round that had closed
  std::uint64_t invalid_updates = 0;  // refused for their content
  bool operator==(const ClientReport&) const = default;
};

/// How a training stands, for people, the operator and dashboards.
struct StatusReport {
  std::string run;
  std::string name;
  Phase phase = Phase::kJoining;
  RoundId current_round;
  std::uint32_t total_rounds = 0;
  std::vector<ClientReport> clients;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  double elapsed_seconds = 0.0;
  std::optional<double> estimated_remaining_seconds;  // absent until a round has closed
  std::string model_sha256;                           // "" until complete
  std::string reason;                                 // "" unless failed
  bool operator==(const StatusReport&) const = default;
};
[[nodiscard]] std::string encode(const StatusReport& message);
[[nodiscard]] Result<StatusReport> decode_status_report(std::string_view bytes,
                                                        const JsonLimits& limits = {});

}  // namespace genesis::wire
