#pragma once
// What aggregator and workers tell each other: each message once, as a value with encode and
// decode; wire/contribution.hpp is what they send to be summed. docs/protocol.md is the same in
// prose. The HTTP paths are the aggregator's. Decoders take hostile bytes: they bound before they
// parse, ignore unknown fields, and name the field that is missing or of the wrong type
// (kInvalidArgument).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/base/json.hpp"
#include "common/rounds/contribution.hpp"

namespace genesis::wire {

/// Both sides speak the same version, or the join is refused with both named. Version 1 had no such
/// field.
inline constexpr std::uint32_t kProtocolVersion = 2;

/// Header of every request of a client's process, with the instance that it joined with.
inline constexpr std::string_view kInstanceHeader = "Genesis-Instance";

/// Worker to aggregator, first: who it is, and what the method lets it say of its table.
struct JoinRequest {
  std::uint32_t protocol = kProtocolVersion;
  ClientId client;
  std::string introduction;  // JSON; the method reads it
  std::string signing_key =
      {};  // SubjectPublicKeyInfo, hex: of secure sums; "" where there are none
  std::string paillier_modulus = {};  // hex: of the key that encrypts them; "" where none does
  bool operator==(const JoinRequest&) const = default;
};
[[nodiscard]] std::string encode(const JoinRequest& message);
[[nodiscard]] Result<JoinRequest> decode_join_request(std::string_view bytes,
                                                      const JsonLimits& limits = {});

struct JoinReply {
  std::string run;               // id of this training, hex
  std::string training_json;     // the defaulted spec
  std::string ledger_head = {};  // that the server has of this client's ledger; "": none
  bool operator==(const JoinReply&) const = default;
};
[[nodiscard]] std::string encode(const JoinReply& message);
[[nodiscard]] Result<JoinReply> decode_join_reply(std::string_view bytes,
                                                  const JsonLimits& limits = {});

/// What a worker that asks for work is told.
struct Wait {  // nothing yet: ask again
  bool operator==(const Wait&) const = default;
};
/// A document that a task names: served at /v1/collections/ID/documents/NAME.
struct DocumentName {
  std::string name;    // [a-z0-9-], at most 64
  std::string sha256;  // of its bytes, hex
  std::uint64_t bytes = 0;
  bool operator==(const DocumentName&) const = default;
};
struct Contribute {
  CollectionId collection;
  std::uint32_t attempt = 1;
  std::string stage = "input";
  std::string purpose;     // for people and logs
  RoundId round;           // 0: none
  std::string parameters;  // JSON; the method reads it
  std::vector<DocumentName> documents;
  std::uint64_t deadline_milliseconds = 0;  // from now
  bool operator==(const Contribute&) const = default;
};
struct Finished {
  std::string model_sha256;
  bool operator==(const Finished&) const = default;
};
struct Failed {
  std::string reason;
  bool operator==(const Failed&) const = default;
};
using Task = std::variant<Wait, Contribute, Finished, Failed>;
[[nodiscard]] std::string encode(const Task& message);
[[nodiscard]] Result<Task> decode_task(std::string_view bytes, const JsonLimits& limits = {});

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
  std::string state;                       // rounds' word for it
  std::optional<std::uint64_t> rows = {};  // absent for who may not know, as the counts below
  RoundId last_round = {};                 // 0: none yet
  rounds::Telemetry telemetry = {};        // of its last contribution
  std::string reason = {};  // why it is lost or quarantined, or its last failure; "" otherwise
  std::optional<std::uint64_t> late_updates = {};     // refused: of a round that had closed
  std::optional<std::uint64_t> invalid_updates = {};  // refused for their content
  std::optional<std::uint64_t> scaled_updates = {};  // longer than a round's bound, and scaled down
  bool operator==(const ClientReport&) const = default;
};

/// Whether a client in that state takes part: it has joined and is not lost, and nothing keeps it
/// out for good.
[[nodiscard]] bool is_joined(const ClientReport& client);

/// What a training's differential privacy promises for each site's rows. It follows from the spec;
/// what a site has spent over all trainings is in its own ledger and metrics alone.
struct PrivacyReport {
  double epsilon = 0.0;        // claimed
  double worst_epsilon = 0.0;  // if all other sites and the aggregator collude
  double delta = 0.0;
  bool operator==(const PrivacyReport&) const = default;
};

/// How a training stands, for people, the operator and dashboards.
struct StatusReport {
  std::string run;
  std::string name;
  Phase phase = Phase::kJoining;
  RoundId current_round;
  std::uint32_t total_rounds = 0;
  std::uint32_t joined = 0;  // clients that take part, whether or not `clients` has them all
  std::vector<ClientReport> clients;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  double elapsed_seconds = 0.0;
  std::optional<double> estimated_remaining_seconds;  // absent until a round has closed
  std::string model_sha256;                           // "" until complete
  std::string reason;                                 // "" unless failed
  std::vector<std::string> warnings;          // what people should look at; the training goes on
  std::optional<PrivacyReport> privacy = {};  // nothing: the training has none
  bool operator==(const StatusReport&) const = default;
};
[[nodiscard]] std::string encode(const StatusReport& message);

/// Of a report, what the operator needs, in at most kMaxSummaryBytes once encoded however many
/// clients there are: kMostSummaryClients of them, those that do not take part or are quarantined
/// first, without telemetry and counts, with as many of their reasons as there is room for.
[[nodiscard]] StatusReport summary_of(StatusReport report);
inline constexpr std::size_t kMaxSummaryBytes = std::size_t{256} << 10;
inline constexpr std::size_t kMostSummaryClients = 1000;  // as many as spec.participants can have

[[nodiscard]] Result<StatusReport> decode_status_report(std::string_view bytes,
                                                        const JsonLimits& limits = {});

}  // namespace genesis::wire
