#pragma once
// One FederatedTraining as C++ values. Field by field the same as crds/federatedtrainings.yaml,
// which owns names, bounds, defaults and descriptions; only spec::parse makes one, so an instance
// in hand is defaulted and valid.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace genesis::spec {

/// A value that means something to Kubernetes alone, as JSON text.
struct Verbatim {
  std::string json;
  bool operator==(const Verbatim&) const = default;
};

/// What one may say of a pod (core/v1 PodSpec); for clusters only.
struct PodSettings {
  std::optional<std::string> image;
  std::optional<Verbatim> resources;
  std::optional<Verbatim> node_selector;
  std::optional<Verbatim> tolerations;
  std::optional<Verbatim> affinity;
  std::optional<std::string> priority_class_name;
  std::optional<Verbatim> image_pull_secrets;
  std::optional<std::string> runtime_class_name;
  std::optional<std::string> scheduler_name;
  bool operator==(const PodSettings&) const = default;
};

/// A union by method: the schema has checked and defaulted `settings` for it, and the method alone
/// reads them.
struct Model {
  std::string method = "ctgan";
  Verbatim settings{"{}"};  // all other fields of spec.model, sorted by name
  bool operator==(const Model&) const = default;
};

/// Other spellings of a category.
struct Alias {
  std::string value;
  std::vector<std::string> from;
  bool operator==(const Alias&) const = default;
};

/// How files are written; everything absent is found from them.
struct CsvSpec {
  std::optional<std::string> delimiter = std::nullopt;  // a sign, or "tab"
  std::optional<std::string> decimal = std::nullopt;
  std::optional<std::string> thousands = std::nullopt;  // a sign, or "none"
  std::optional<std::string> quote = std::nullopt;      // a sign, or "none"
  std::optional<std::string> encoding = std::nullopt;  // utf-8 | utf-16 | windows-1252 | iso-8859-1
  std::optional<std::int64_t> skip_rows = std::nullopt;
  std::optional<std::string> comment = std::nullopt;
  bool operator==(const CsvSpec&) const = default;
};

/// What the custodian declares about one column; everything absent is inferred from the data.
struct DeclaredColumn {
  std::string name;
  std::optional<std::string>
      kind;                       // integer | decimal | datetime | category | boolean | identifier
  std::optional<double> minimum;  // integer and decimal
  std::optional<double> maximum;
  std::optional<std::int64_t> precision;                   // decimal places, decimal only
  std::optional<std::string> format;                       // strptime format, datetime only
  std::vector<std::string> categories;                     // the whole domain, category only
  std::vector<Alias> aliases;                              // category and boolean only
  std::optional<std::vector<std::string>> missing_values;  // instead of the table's
  std::optional<bool> censored;                            // integer and decimal only
  std::optional<std::string> pattern;                      // identifier only
  std::optional<std::string> earliest;                     // datetime only, in `format`
  std::optional<std::string> latest;
  std::optional<bool> nullable;      // whether cells may be missing
  std::optional<std::string> other;  // category only
  bool operator==(const DeclaredColumn&) const = default;
};

struct TableSpec {
  std::vector<std::string> discrete_columns;
  std::optional<CsvSpec> csv;
  std::optional<std::vector<std::string>> missing_values;
  std::vector<std::string> ignore_columns;
  bool lenient = false;
  std::vector<DeclaredColumn> columns;
  bool operator==(const TableSpec&) const = default;
};

/// When a training ends before its last round.
struct StopCondition {
  std::int64_t patience = 0;       // rounds without improvement
  double min_improvement = 0.001;  // nats a row
  double holdout_share = 0.1;      // of each site's rows
  bool operator==(const StopCondition&) const = default;
};

struct Rounds {
  std::int64_t count = 10;
  std::optional<std::int64_t> min_clients;  // what is in force: min_clients_of()
  std::optional<std::int64_t> max_clients;  // likewise: max_clients_of()
  double client_fraction = 1.0;
  double over_selection = 0.0;
  std::int64_t deadline_seconds = 300;
  std::int64_t start_deadline_seconds = 600;
  std::int64_t retries = 2;
  std::int64_t max_failures = 3;
  std::optional<StopCondition> stop_condition = {};
  bool operator==(const Rounds&) const = default;
};

enum class LrSchedule { kConstant, kCosine };

struct Local {
  std::int64_t epochs = 5;
  std::int64_t batch_size = 500;
  double learning_rate = 2e-4;
  LrSchedule lr_schedule = LrSchedule::kConstant;
  bool operator==(const Local&) const = default;
};

enum class Strategy { kFedavg, kWeighted, kFedprox, kMedian, kTrimmedMean };
/// Whether no minority of clients decides what it makes of their values.
[[nodiscard]] constexpr bool is_robust(Strategy strategy) {
  return strategy == Strategy::kMedian || strategy == Strategy::kTrimmedMean;
}

struct Aggregation {
  Strategy strategy = Strategy::kWeighted;
  double proximal_mu = 0.0;
  std::optional<double> trimmed_share = {};    // of trimmed-mean; 0.2 when absent
  double max_share = 0.5;                      // of one client in a sum of three or more
  std::optional<double> max_update_norm = {};  // of the first round; from the model when absent
  bool operator==(const Aggregation&) const = default;
};

/// How the terms of a sum are hidden. kNone is for tests: the same words, in the clear.
enum class Encryption { kMasking, kPaillier, kNone };

struct SecureAggregation {
  Encryption encryption = Encryption::kMasking;
  std::int64_t min_survivors = 3;
  std::int64_t max_colluding = 1;
  std::optional<std::int64_t> key_bits = {};  // of Paillier's modulus; any of 2048 or more
  double clip = 64.0;
  std::optional<std::int64_t> value_bits = {};  // from the number of participants when absent
  bool operator==(const SecureAggregation&) const = default;
};

struct DifferentialPrivacy {
  double epsilon = 0.0;
  double delta = 1e-5;
  double max_grad_norm = 1.0;  // of one row
  bool operator==(const DifferentialPrivacy&) const = default;
};

struct Privacy {
  std::optional<double> max_grad_norm;  // no clipping when absent
  bool clip_per_layer = false;
  std::optional<SecureAggregation> secure_aggregation = {};
  std::optional<DifferentialPrivacy> differential_privacy;
  std::optional<std::string> unit_column;  // each row is a unit of its own when absent
  std::optional<std::int64_t> max_rows_per_unit;
  bool operator==(const Privacy&) const = default;
};

enum class Compression { kNone, kGzip, kZstd };

enum class Quantization { kNone, kFp16, kInt8 };

struct Communication {
  Compression compression = Compression::kNone;
  Quantization quantization = Quantization::kNone;
  std::int64_t retry_attempts = 3;
  std::optional<std::int64_t> timeout_seconds;  // rounds.deadlineSeconds when absent
  bool operator==(const Communication&) const = default;
};

/// A ConfigMap in the training's namespace.
struct ConfigMapRef {
  std::string name;
  bool operator==(const ConfigMapRef&) const = default;
};

/// The worker's own state on a volume.
struct Storage {
  std::string size;  // "100Mi"
  std::optional<std::string> storage_class_name;
  bool operator==(const Storage&) const = default;
};

struct LedgerClaim {
  std::string claim_name;               // a PersistentVolumeClaim that no training owns
  std::optional<std::string> data_set;  // the participant's name when absent
  bool operator==(const LedgerClaim&) const = default;
};

struct Participant {
  std::string name;
  std::optional<std::string> data_path;  // absent: joins from elsewhere (external: true)
  std::optional<Verbatim> data_volume;   // core/v1 volume source, mounted at data_path's folder
  std::optional<CsvSpec> csv;            // what differs from the table's
  bool external = false;
  std::optional<ConfigMapRef> policy_ref;        // of the site's policy; for its pod
  std::optional<std::int64_t> max_rows;          // that it may claim
  std::optional<std::string> public_key_sha256;  // by which it signs in secure sums; 64 hex digits
  std::optional<LedgerClaim> ledger;             // of privacy
  std::optional<Storage> storage;
  PodSettings pod;
  bool operator==(const Participant&) const = default;
};

enum class ServiceType { kClusterIP, kNodePort, kLoadBalancer };

struct Service {
  ServiceType type = ServiceType::kClusterIP;
  std::optional<std::string> address;  // host:port by which external sites reach it
  bool operator==(const Service&) const = default;
};

struct Aggregator {
  Storage storage{"1Gi", {}};
  Service service;
  PodSettings pod;
  bool operator==(const Aggregator&) const = default;
};

struct SecretKey {
  std::string name;
  std::string key;
  bool operator==(const SecretKey&) const = default;
};

struct Tls {
  std::string secret_name;
  bool operator==(const Tls&) const = default;
};

struct Security {
  std::optional<SecretKey> auth_token_secret_ref;
  std::optional<Tls> tls;
  std::vector<std::string> deny;  // names and fingerprints of certificates, as in a deny list
  bool operator==(const Security&) const = default;
};

enum class RetainPolicy { kRetain, kDelete };

enum class ExistingClaim { kReuse, kReplace };

struct Output {
  std::int64_t rows = 10000;
  std::optional<RetainPolicy> retain_policy;    // kRetain when absent
  std::optional<ExistingClaim> existing_claim;  // no claim may be there when absent
  PodSettings pod;
  bool operator==(const Output&) const = default;
};

struct FederatedTraining {
  std::string name;
  std::uint64_t seed = 0;
  bool suspend = false;
  std::optional<std::int64_t> active_deadline_seconds;
  std::optional<std::int64_t> ttl_seconds_after_finished;
  std::optional<std::string> managed_by;  // the controller; our operator if absent
  std::optional<std::int64_t> retry;      // counts the restarts that somebody has asked for
  std::int64_t backoff_limit = 6;
  Model model;
  TableSpec table;
  Rounds rounds;
  Local local;
  Aggregation aggregation;
  Privacy privacy;
  Communication communication;
  std::vector<Participant> participants;
  Aggregator aggregator;
  Security security;
  Output output;
  bool operator==(const FederatedTraining&) const = default;
};

/// rounds.minClients, or all named participants where it is absent; 1 if there is none.
[[nodiscard]] std::int64_t min_clients_of(const FederatedTraining& training);
/// rounds.maxClients, or 100 where it is absent, but no fewer than minClients and the participants.
[[nodiscard]] std::int64_t max_clients_of(const FederatedTraining& training);

/// Sites whose noise together protects each site's counts: as many as a masked sum has, less those
/// who may collude. 1 where sums are in the clear, and where they are encrypted with a key that
/// those who collude have too.
[[nodiscard]] std::int64_t noise_shares_of(const FederatedTraining& training);

/// The names of the spec: "cosine", "fedprox", "gzip".
[[nodiscard]] std::string_view to_string(LrSchedule schedule);
[[nodiscard]] std::string_view to_string(Strategy strategy);
[[nodiscard]] std::string_view to_string(Compression compression);
[[nodiscard]] std::string_view to_string(Encryption encryption);
[[nodiscard]] std::string_view to_string(Quantization quantization);
[[nodiscard]] std::string_view to_string(ServiceType type);

}  // namespace genesis::spec
