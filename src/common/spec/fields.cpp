// Each field is named once, in visit() of its struct; Reader and Writer go both ways over it.
#include "common/spec/fields.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <string_view>
#include <type_traits>
#include <utility>

#include "common/base/check.hpp"
#include "common/spec/crd.hpp"

namespace genesis::spec {
namespace {

constexpr std::array<std::pair<LrSchedule, std::string_view>, 2> kLrSchedules = {
    {{LrSchedule::kConstant, "constant"}, {LrSchedule::kCosine, "cosine"}}};
constexpr std::array<std::pair<Strategy, std::string_view>, 5> kStrategies = {
    {{Strategy::kFedavg, "fedavg"},
     {Strategy::kWeighted, "weighted"},
     {Strategy::kFedprox, "fedprox"},
     {Strategy::kMedian, "median"},
     {Strategy::kTrimmedMean, "trimmed-mean"}}};
constexpr std::array<std::pair<Compression, std::string_view>, 3> kCompressions = {
    {{Compression::kNone, "none"}, {Compression::kGzip, "gzip"}, {Compression::kZstd, "zstd"}}};

constexpr std::array<std::pair<Encryption, std::string_view>, 3> kEncryptions = {
    {{Encryption::kMasking, "masking"},
     {Encryption::kPaillier, "paillier"},
     {Encryption::kNone, "none"}}};
constexpr std::array<std::pair<Quantization, std::string_view>, 3> kQuantizations = {
    {{Quantization::kNone, "none"}, {Quantization::kFp16, "fp16"}, {Quantization::kInt8, "int8"}}};
constexpr std::array<std::pair<ServiceType, std::string_view>, 3> kServiceTypes = {
    {{ServiceType::kClusterIP, "ClusterIP"},
     {ServiceType::kNodePort, "NodePort"},
     {ServiceType::kLoadBalancer, "LoadBalancer"}}};

constexpr std::array<std::pair<RetainPolicy, std::string_view>, 2> kRetainPolicies = {
    {{RetainPolicy::kRetain, "Retain"}, {RetainPolicy::kDelete, "Delete"}}};
constexpr std::array<std::pair<ExistingClaim, std::string_view>, 2> kExistingClaims = {
    {{ExistingClaim::kReuse, "reuse"}, {ExistingClaim::kReplace, "replace"}}};

constexpr const auto& names_of(RetainPolicy) {
  return kRetainPolicies;
}
constexpr const auto& names_of(ExistingClaim) {
  return kExistingClaims;
}
constexpr const auto& names_of(LrSchedule) {
  return kLrSchedules;
}
constexpr const auto& names_of(Strategy) {
  return kStrategies;
}
constexpr const auto& names_of(Compression) {
  return kCompressions;
}
constexpr const auto& names_of(Encryption) {
  return kEncryptions;
}
constexpr const auto& names_of(Quantization) {
  return kQuantizations;
}
constexpr const auto& names_of(ServiceType) {
  return kServiceTypes;
}

template <typename T>
std::string_view name_of(T value) {
  for (const auto& [enumerator, name] : names_of(value)) {
    if (enumerator == value) {
      return name;
    }
  }
  return "";
}

template <typename T, typename Struct>
concept Is = std::same_as<std::remove_const_t<T>, Struct>;

// Beside the other fields of what the pod belongs to, not in an object of its own.
template <typename Visitor, Is<PodSettings> T>
void visit(Visitor& field, T& pod) {
  field("image", pod.image);
  field("resources", pod.resources);
  field("nodeSelector", pod.node_selector);
  field("tolerations", pod.tolerations);
  field("affinity", pod.affinity);
  field("priorityClassName", pod.priority_class_name);
  field("imagePullSecrets", pod.image_pull_secrets);
  field("runtimeClassName", pod.runtime_class_name);
  field("schedulerName", pod.scheduler_name);
}

template <typename Visitor, Is<Alias> T>
void visit(Visitor& field, T& alias) {
  field("value", alias.value);
  field("from", alias.from);
}

template <typename Visitor, Is<CsvSpec> T>
void visit(Visitor& field, T& csv) {
  field("delimiter", csv.delimiter);
  field("decimal", csv.decimal);
  field("thousands", csv.thousands);
  field("quote", csv.quote);
  field("encoding", csv.encoding);
  field("skipRows", csv.skip_rows);
  field("comment", csv.comment);
}

template <typename Visitor, Is<DeclaredColumn> T>
void visit(Visitor& field, T& column) {
  field("name", column.name);
  field("kind", column.kind);
  field("minimum", column.minimum);
  field("maximum", column.maximum);
  field("precision", column.precision);
  field("format", column.format);
  field.unless_empty("categories", column.categories);
  field("earliest", column.earliest);
  field("latest", column.latest);
  field("nullable", column.nullable);
  field.unless_empty("aliases", column.aliases);
  field("missingValues", column.missing_values);
  field("censored", column.censored);
  field("pattern", column.pattern);
  field("other", column.other);
}

template <typename Visitor, Is<TableSpec> T>
void visit(Visitor& field, T& table) {
  field("discreteColumns", table.discrete_columns);
  field("csv", table.csv);
  field("missingValues", table.missing_values);
  field.unless_empty("ignoreColumns", table.ignore_columns);
  field("lenient", table.lenient);
  field("columns", table.columns);
}

template <typename Visitor, Is<StopCondition> T>
void visit(Visitor& field, T& condition) {
  field("patience", condition.patience);
  field("minImprovement", condition.min_improvement);
  field("holdoutShare", condition.holdout_share);
}

template <typename Visitor, Is<Rounds> T>
void visit(Visitor& field, T& rounds) {
  field("count", rounds.count);
  field("minClients", rounds.min_clients);
  field("maxClients", rounds.max_clients);
  field("clientFraction", rounds.client_fraction);
  field("overSelection", rounds.over_selection);
  field("deadlineSeconds", rounds.deadline_seconds);
  field("startDeadlineSeconds", rounds.start_deadline_seconds);
  field("retries", rounds.retries);
  field("maxFailures", rounds.max_failures);
  field("stopCondition", rounds.stop_condition);
}

template <typename Visitor, Is<Local> T>
void visit(Visitor& field, T& local) {
  field("epochs", local.epochs);
  field("batchSize", local.batch_size);
  field("learningRate", local.learning_rate);
  field("lrSchedule", local.lr_schedule);
}

template <typename Visitor, Is<Aggregation> T>
void visit(Visitor& field, T& aggregation) {
  field("strategy", aggregation.strategy);
  field("proximalMu", aggregation.proximal_mu);
  field("trimmedShare", aggregation.trimmed_share);
  field("maxShare", aggregation.max_share);
  field("maxUpdateNorm", aggregation.max_update_norm);
}

template <typename Visitor, Is<SecureAggregation> T>
void visit(Visitor& field, T& secure) {
  field("encryption", secure.encryption);
  field("minSurvivors", secure.min_survivors);
  field("maxColluding", secure.max_colluding);
  field("keyBits", secure.key_bits);
  field("clip", secure.clip);
  field("valueBits", secure.value_bits);
}

template <typename Visitor, Is<DifferentialPrivacy> T>
void visit(Visitor& field, T& differential_privacy) {
  field("epsilon", differential_privacy.epsilon);
  field("delta", differential_privacy.delta);
  field("maxGradNorm", differential_privacy.max_grad_norm);
}

template <typename Visitor, Is<Privacy> T>
void visit(Visitor& field, T& privacy) {
  field("maxGradNorm", privacy.max_grad_norm);
  field("clipPerLayer", privacy.clip_per_layer);
  field("secureAggregation", privacy.secure_aggregation);
  field("differentialPrivacy", privacy.differential_privacy);
  field("unitColumn", privacy.unit_column);
  field("maxRowsPerUnit", privacy.max_rows_per_unit);
}

template <typename Visitor, Is<Communication> T>
void visit(Visitor& field, T& communication) {
  field("compression", communication.compression);
  field("quantization", communication.quantization);
  field("retryAttempts", communication.retry_attempts);
  field("timeoutSeconds", communication.timeout_seconds);
}

template <typename Visitor, Is<ConfigMapRef> T>
void visit(Visitor& field, T& reference) {
  field("name", reference.name);
}

template <typename Visitor, Is<Storage> T>
void visit(Visitor& field, T& storage) {
  field("size", storage.size);
  field("storageClassName", storage.storage_class_name);
}

template <typename Visitor, Is<LedgerClaim> T>
void visit(Visitor& field, T& ledger) {
  field("claimName", ledger.claim_name);
  field("dataSet", ledger.data_set);
}

template <typename Visitor, Is<Participant> T>
void visit(Visitor& field, T& participant) {
  field("name", participant.name);
  field.within("data", "path", participant.data_path);
  field.within("data", "volume", participant.data_volume);
  field("csv", participant.csv);
  field("external", participant.external);
  field("policyRef", participant.policy_ref);
  field("maxRows", participant.max_rows);
  field("publicKeySha256", participant.public_key_sha256);
  field("ledger", participant.ledger);
  field("storage", participant.storage);
  visit(field, participant.pod);
}

template <typename Visitor, Is<Service> T>
void visit(Visitor& field, T& service) {
  field("type", service.type);
  field("address", service.address);
}

template <typename Visitor, Is<Aggregator> T>
void visit(Visitor& field, T& aggregator) {
  field("storage", aggregator.storage);
  field("service", aggregator.service);
  visit(field, aggregator.pod);
}

template <typename Visitor, Is<SecretKey> T>
void visit(Visitor& field, T& key) {
  field("name", key.name);
  field("key", key.key);
}

template <typename Visitor, Is<Tls> T>
void visit(Visitor& field, T& tls) {
  field("secretName", tls.secret_name);
}

template <typename Visitor, Is<Security> T>
void visit(Visitor& field, T& security) {
  field("authTokenSecretRef", security.auth_token_secret_ref);
  field("tls", security.tls);
  field.unless_empty("deny", security.deny);
}

template <typename Visitor, Is<Output> T>
void visit(Visitor& field, T& output) {
  field("rows", output.rows);
  field("retainPolicy", output.retain_policy);
  field("existingClaim", output.existing_claim);
  visit(field, output.pod);
}

template <typename Visitor, Is<FederatedTraining> T>
void visit(Visitor& field, T& training) {
  field("seed", training.seed);
  field("suspend", training.suspend);
  field("activeDeadlineSeconds", training.active_deadline_seconds);
  field("ttlSecondsAfterFinished", training.ttl_seconds_after_finished);
  field("managedBy", training.managed_by);
  field("retry", training.retry);
  field("backoffLimit", training.backoff_limit);
  field("model", training.model);
  field("table", training.table);
  field("rounds", training.rounds);
  field("local", training.local);
  field("aggregation", training.aggregation);
  field("privacy", training.privacy);
  field("communication", training.communication);
  field("participants", training.participants);
  field("aggregator", training.aggregator);
  field("security", training.security);
  field("output", training.output);
}

class Reader {
 public:
  explicit Reader(const Json& object) : object_(object) {}

  template <typename T>
  void operator()(const char* name, T& value) {
    const auto found = object_.find(name);
    if (found != object_.end()) {
      read(*found, value);
    }
  }

  template <typename T>
  void unless_empty(const char* name, std::vector<T>& values) {
    (*this)(name, values);
  }

  template <typename T>
  void within(const char* outer, const char* name, std::optional<T>& value) {
    const auto found = object_.find(outer);
    if (found != object_.end()) {
      Reader inner(*found);
      inner(name, value);
    }
  }

 private:
  template <typename T>
  static void read(const Json& json, T& value) {
    if constexpr (std::is_enum_v<T>) {
      value = enumerator<T>(json.get_ref<const std::string&>());
    } else if constexpr (std::same_as<T, Verbatim>) {
      value.json = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    } else if constexpr (std::same_as<T, Model>) {
      nlohmann::json settings(json);  // sorted, so that the order in the file makes no difference
      value.method = settings.at("method").get<std::string>();
      settings.erase("method");
      value.settings.json = settings.dump();
    } else if constexpr (std::is_arithmetic_v<T> || std::same_as<T, std::string>) {
      value = json.get<T>();
    } else {
      Reader reader(json);
      visit(reader, value);
    }
  }

  template <typename T>
  static void read(const Json& json, std::optional<T>& value) {
    read(json, value.emplace());
  }

  template <typename T>
  static void read(const Json& json, std::vector<T>& values) {
    values.clear();
    for (const auto& entry : json) {
      read(entry, values.emplace_back());
    }
  }

  template <typename T>
  static T enumerator(std::string_view text) {
    for (const auto& [value, name] : names_of(T{})) {
      if (name == text) {
        return value;
      }
    }
    GENESIS_CHECK(false, "the CRD and the C++ type name the same enumerators");
  }

  const Json& object_;
};

// In the order of the schema.
Json model_json(const Model& model) {
  auto fields = Json::parse(model.settings.json);
  fields["method"] = model.method;
  Json ordered = Json::object();
  for (const auto& [name, property] :
       document_schema().property("spec")->property("model")->properties) {
    if (const auto found = fields.find(name); found != fields.end()) {
      ordered[name] = *found;
    }
  }
  return ordered;
}

class Writer {
 public:
  Json take() { return std::move(object_); }

  template <typename T>
  void operator()(const char* name, const T& value) {
    object_[name] = write(value);
  }

  template <typename T>
  void operator()(const char* name, const std::optional<T>& value) {
    if (value) {
      object_[name] = write(*value);
    }
  }

  template <typename T>
  void unless_empty(const char* name, const std::vector<T>& values) {
    if (!values.empty()) {
      object_[name] = write(values);
    }
  }

  template <typename T>
  void within(const char* outer, const char* name, const std::optional<T>& value) {
    if (value) {
      object_[outer][name] = write(*value);
    }
  }

  template <typename T>
  static Json write(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      return std::string(name_of(value));
    } else if constexpr (std::same_as<T, Verbatim>) {
      return Json::parse(value.json);
    } else if constexpr (std::same_as<T, Model>) {
      return model_json(value);
    } else if constexpr (std::is_arithmetic_v<T> || std::same_as<T, std::string>) {
      return value;
    } else {
      Writer writer;
      visit(writer, value);
      return writer.take();
    }
  }

  template <typename T>
  static Json write(const std::vector<T>& values) {
    Json list = Json::array();
    for (const auto& value : values) {
      list.push_back(write(value));
    }
    return list;
  }

 private:
  Json object_ = Json::object();
};

}  // namespace

std::string_view to_string(LrSchedule schedule) {
  return name_of(schedule);
}
std::string_view to_string(Strategy strategy) {
  return name_of(strategy);
}
std::string_view to_string(Compression compression) {
  return name_of(compression);
}
std::string_view to_string(Encryption encryption) {
  return name_of(encryption);
}

std::string_view to_string(Quantization quantization) {
  return name_of(quantization);
}
std::string_view to_string(ServiceType type) {
  return name_of(type);
}

std::int64_t min_clients_of(const FederatedTraining& training) {
  const auto named = static_cast<std::int64_t>(training.participants.size());
  return training.rounds.min_clients.value_or(std::max<std::int64_t>(named, 1));
}

std::int64_t max_clients_of(const FederatedTraining& training) {
  constexpr std::int64_t kUsual = 100;
  const auto named = static_cast<std::int64_t>(training.participants.size());
  return training.rounds.max_clients.value_or(std::max({kUsual, min_clients_of(training), named}));
}

std::int64_t noise_shares_of(const FederatedTraining& training) {
  const auto& secure = training.privacy.secure_aggregation;
  const bool is_shared =
      secure && (secure->encryption == Encryption::kMasking ||
                 (secure->encryption == Encryption::kPaillier && secure->max_colluding == 0));
  return is_shared ? secure->min_survivors - secure->max_colluding : 1;
}

FederatedTraining from_json(const Json& document) {
  FederatedTraining training;
  training.name = document.at("metadata").at("name").get<std::string>();
  Reader reader(document.at("spec"));
  visit(reader, training);
  return training;
}

Json to_json(const FederatedTraining& training) {
  Json document = Json::object();
  document["apiVersion"] = api_version();
  document["kind"] = "FederatedTraining";
  document["metadata"]["name"] = training.name;
  document["spec"] = Writer::write(training);
  return document;
}

}  // namespace genesis::spec
