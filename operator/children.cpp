#include "operator/children.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/crypto/digest.hpp"
#include "common/secure/paillier_files.hpp"
#include "common/spec/parse.hpp"

namespace genesis::control {
namespace {

Json typed(const k8s::Resource& resource, Json metadata) {
  return Json{{"apiVersion", resource.api_version()},
              {"kind", resource.kind},
              {"metadata", std::move(metadata)}};
}

Desired secret(const Training& training,
               const std::string& name,
               std::string_view component,
               SecretSpec content) {
  Json object = typed(k8s::kSecrets, child_metadata(training, name, component));
  object["type"] = "Opaque";
  if (content.kind == SecretSpec::Kind::kOperator || content.kind == SecretSpec::Kind::kPaillier) {
    object["immutable"] = true;  // other Secrets are made from them
  }
  return Desired{k8s::kSecrets, std::move(object), std::move(content)};
}

Desired spec_config_map(const Training& training, const Names& names) {
  Json object = typed(k8s::kConfigMaps, child_metadata(training, names.training, "aggregator"));
  object["data"] = {{"training.json", spec::print_json(training_part(training.spec))}};
  object["immutable"] = true;
  return {k8s::kConfigMaps, std::move(object), std::nullopt};
}

std::string deny_text(const Training& training) {
  std::string text;
  for (const auto& entry : training.spec.security.deny) {
    text += entry + "\n";
  }
  return text;
}

Desired volume_claim(const Training& training,
                     const std::string& name,
                     std::string_view component,
                     const spec::Storage& storage) {
  Json object = typed(k8s::kPersistentVolumeClaims, child_metadata(training, name, component));
  object["spec"] = {{"accessModes", Json::array({"ReadWriteOnce"})},
                    {"resources", {{"requests", {{"storage", storage.size}}}}}};
  if (storage.storage_class_name) {
    object["spec"]["storageClassName"] = *storage.storage_class_name;
  }
  return {k8s::kPersistentVolumeClaims, std::move(object), std::nullopt};
}

Desired service(const Training& training, const Names& names) {
  Json object = typed(k8s::kServices, child_metadata(training, names.aggregator, "aggregator"));
  object["spec"] = {{"type", std::string(spec::to_string(training.spec.aggregator.service.type))},
                    {"ipFamilyPolicy", "PreferDualStack"},
                    {"selector",
                     {{std::string(kTrainingLabel), training_label(training.name)},
                      {std::string(kComponent), "aggregator"}}},
                    {"ports",
                     Json::array({{{"name", "federation"},
                                   {"port", kAggregatorPort},
                                   {"targetPort", "federation"},
                                   {"protocol", "TCP"}}})}};
  return {k8s::kServices, std::move(object), std::nullopt};
}

Desired job(Json object) {
  return {k8s::kJobs, std::move(object), std::nullopt};
}

Desired policy(Json object) {
  return {k8s::kNetworkPolicies, std::move(object), std::nullopt};
}

}  // namespace

std::string deny_digest(const Training& training) {
  return crypto::sha256_hex(deny_text(training));
}

Desired deny_list(const Training& training, const std::string& uid) {
  const Names names(training.name);
  Json metadata = uid.empty()
                      ? child_metadata(training, names.deny, "aggregator")
                      : Json{{"name", names.deny}, {"namespace", training.ns}, {"uid", uid}};
  metadata["annotations"][std::string(kContent)] = deny_digest(training);
  Json object = typed(k8s::kConfigMaps, std::move(metadata));
  object["data"] = {{kDenyKey, deny_text(training)}};
  return {k8s::kConfigMaps, std::move(object), std::nullopt};
}

namespace {

// The API server leaves out lists that are empty.
Json without_empty_lists(Json spec) {
  for (auto field = spec.begin(); field != spec.end();) {
    const bool is_empty = field->is_array() && field->empty();
    field = is_empty ? spec.erase(field) : std::next(field);
  }
  return spec;
}

// The API server adds fields of its own to a Service and its ports.
bool has_fields_of(const Json& object, const Json& desired) {
  for (const auto& [name, value] : desired.items()) {
    const auto found = object.find(name);
    if (found == object.end() || *found != value) {
      return false;
    }
  }
  return true;
}

bool is_service_as_desired(const Json& desired, const Json& live) {
  if (live.value("selector", Json()) != desired.at("selector") ||
      live.value("type", Json()) != desired.at("type")) {
    return false;
  }
  const Json ports = live.value("ports", Json::array());
  return std::ranges::all_of(desired.at("ports"), [&](const Json& port) {
    return std::ranges::any_of(ports,
                               [&](const Json& other) { return has_fields_of(other, port); });
  });
}

}  // namespace

bool is_as_desired(const Desired& desired, const Child& child) {
  if (child.spec.empty()) {
    return true;
  }
  const Json live = Json::parse(child.spec);
  const Json& spec = desired.object.at("spec");
  return desired.resource == k8s::kServices
             ? is_service_as_desired(spec, live)
             : without_empty_lists(spec) == without_empty_lists(live);
}

Desired change_of(Desired desired, const std::string& uid) {
  Json& metadata = desired.object.at("metadata");
  metadata = {{"name", metadata.at("name")}, {"namespace", metadata.at("namespace")}, {"uid", uid}};
  return desired;
}

std::string Desired::name() const {
  return object.at("metadata").at("name").get<std::string>();
}

bool needs_key(const spec::FederatedTraining& spec) {
  const auto& secure = spec.privacy.secure_aggregation;
  return secure && secure->encryption == spec::Encryption::kPaillier;
}

unsigned key_bits(const spec::FederatedTraining& spec) {
  return secure::paillier_bits(spec.privacy.secure_aggregation->key_bits);
}

unsigned least_key_bits(const spec::FederatedTraining& spec) {
  return static_cast<unsigned>(
      spec.privacy.secure_aggregation->key_bits.value_or(secure::kMinPaillierBits));
}

std::vector<std::string> service_names(const Training& training) {
  const std::string name = Names(training.name).aggregator;
  const std::string in_namespace = name + "." + training.ns;
  return {in_namespace + ".svc", in_namespace, name, in_namespace + ".svc.cluster.local"};
}

std::string service_url(const Training& training) {
  return "https://" + service_names(training).front() + ":" + std::to_string(kAggregatorPort);
}

Json child_metadata(const Training& training, const std::string& name, std::string_view component) {
  return Json{{"name", name},
              {"namespace", training.ns},
              {"labels",
               {{"app.kubernetes.io/name", "genesis-federated"},
                {std::string(kManagedBy), kManager},
                {std::string(kComponent), component},
                {std::string(kTrainingLabel), training_label(training.name)}}},
              {"ownerReferences",
               Json::array({{{"apiVersion", k8s::kFederatedTrainings.api_version()},
                             {"kind", k8s::kFederatedTrainings.kind},
                             {"name", training.name},
                             {"uid", training.uid},
                             {"controller", true}}})}};
}

spec::FederatedTraining training_part(const spec::FederatedTraining& spec) {
  spec::FederatedTraining part = spec;
  const spec::FederatedTraining defaults;
  part.suspend = defaults.suspend;
  part.active_deadline_seconds = defaults.active_deadline_seconds;
  part.ttl_seconds_after_finished = defaults.ttl_seconds_after_finished;
  part.managed_by = defaults.managed_by;
  part.retry = defaults.retry;
  part.backoff_limit = defaults.backoff_limit;
  part.aggregator = defaults.aggregator;
  part.security = defaults.security;
  part.output.pod = {};
  part.output.retain_policy.reset();
  part.output.existing_claim.reset();
  for (auto& participant : part.participants) {
    participant.data_volume.reset();
    participant.policy_ref.reset();
    participant.storage.reset();
    participant.pod = {};
  }
  return part;
}

std::optional<spec::Storage> storage_of(const Training& training,
                                        const spec::Participant& participant) {
  if (participant.storage || participant.external) {
    return participant.storage;
  }
  const Names names(training.name);
  const bool has_claim = training.recorded.contains(
      record_key(k8s::kPersistentVolumeClaims.kind, names.worker(participant.name)));
  const bool has_job =
      training.recorded.contains(record_key(k8s::kJobs.kind, names.worker(participant.name)));
  if (has_claim || (training.has_default_storage && !has_job)) {
    return spec::Storage{.size = "1Gi", .storage_class_name = {}};
  }
  return std::nullopt;
}

Desired worker_claim(const Training& training, const spec::Participant& participant) {
  const spec::Storage usual{.size = "1Gi", .storage_class_name = {}};
  return volume_claim(training,
                      Names(training.name).worker(participant.name),
                      "worker",
                      storage_of(training, participant).value_or(usual));
}

Desired model_claim(const Training& training, const std::string& uid) {
  const Names names(training.name);
  Desired claim = volume_claim(training, names.model, "model", training.spec.aggregator.storage);
  Json& metadata = claim.object["metadata"];
  const bool is_kept = training.spec.output.retain_policy != spec::RetainPolicy::kDelete;
  if (is_kept || !uid.empty()) {
    metadata.erase("ownerReferences");
    metadata["annotations"][std::string(kRetainedFor)] = training.name + "/" + training.uid;
  }
  if (!uid.empty()) {
    metadata["uid"] = uid;
    claim.object.erase("spec");  // its size and class are what they are
  }
  return claim;
}

std::vector<Desired> children_of(const Training& training, const Settings& settings) {
  const Names names(training.name);
  std::vector<Desired> children;
  children.push_back(secret(training,
                            names.operator_secret,
                            "operator",
                            {.kind = SecretSpec::Kind::kOperator,
                             .names = {},
                             .client = std::string(kObserver),
                             .url = {}}));
  children.push_back(secret(training,
                            names.aggregator,
                            "aggregator",
                            {.kind = SecretSpec::Kind::kAggregator,
                             .names = service_names(training),
                             .client = {},
                             .url = {}}));
  children.push_back(spec_config_map(training, names));
  children.push_back(deny_list(training));
  children.push_back(model_claim(training));
  children.push_back(service(training, names));
  children.push_back(policy(aggregator_policy(training, settings)));
  children.push_back(policy(worker_policy(training)));
  if (needs_key(training.spec)) {
    children.push_back(
        secret(training,
               names.paillier,
               "worker",
               {.kind = SecretSpec::Kind::kPaillier, .names = {}, .client = {}, .url = {}}));
  }
  children.push_back(job(aggregator_job(training, settings)));
  for (const auto& participant : training.spec.participants) {
    if (participant.external) {
      continue;
    }
    const auto name = names.worker(participant.name);
    children.push_back(secret(training,
                              name,
                              "worker",
                              {.kind = SecretSpec::Kind::kParticipant,
                               .names = {},
                               .client = participant.name,
                               .url = {}}));
    if (storage_of(training, participant)) {
      children.push_back(worker_claim(training, participant));
    }
    children.push_back(job(worker_job(training, participant, settings)));
  }
  return children;
}

std::vector<Desired> generate_children(const Training& training, const Settings& settings) {
  return {policy(generate_policy(training)), job(generate_job(training, settings))};
}

Desired join_secret(const Training& training,
                    const std::string& participant,
                    const std::string& url) {
  return secret(training,
                Names(training.name).join(participant),
                "worker",
                {.kind = SecretSpec::Kind::kJoin,
                 .names = {service_names(training).front()},
                 .client = participant,
                 .url = url});
}

}  // namespace genesis::control
