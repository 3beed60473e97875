#include "operator/shapes.hpp"

#include <initializer_list>

#include <nlohmann/json.hpp>

#include "common/crypto/digest.hpp"
#include "common/k8s/json_text.hpp"
#include "common/k8s/object.hpp"
#include "common/k8s/resource.hpp"
#include "common/spec/parse.hpp"
#include "operator/children.hpp"
#include "operator/naming.hpp"
#include "operator/origin.hpp"
#include "operator/renewal.hpp"

namespace genesis::control {
namespace {

// In a ConfigMap as it is cached, in place of its data.
constexpr const char* kFoundDigest = "foundSha256";

const Json& at(const Json& object, std::initializer_list<const char*> path) {
  static const Json kNothing;
  const Json* value = &object;
  for (const char* const name : path) {
    if (!value->is_object()) {
      return kNothing;
    }
    const auto found = value->find(name);
    if (found == value->end()) {
      return kNothing;
    }
    value = &*found;
  }
  return *value;
}

std::string text(const Json& object, std::initializer_list<const char*> path) {
  const Json& value = at(object, path);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::int64_t integer(const Json& object, std::initializer_list<const char*> path) {
  const Json& value = at(object, path);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

SystemTime created(const Json& object) {
  return parse_rfc3339(k8s::metadata_text(object, "creationTimestamp")).value_or(SystemTime());
}

// The condition of that type if it has that status, else null.
const Json& holding(const Json& object, std::string_view type, std::string_view status = "True") {
  static const Json kNothing;
  const Json& conditions = at(object, {"status", "conditions"});
  if (conditions.is_array()) {
    for (const Json& condition : conditions) {
      if (text(condition, {"type"}) == type && text(condition, {"status"}) == status) {
        return condition;
      }
    }
  }
  return kNothing;
}

std::optional<Termination> termination(const Json& state) {
  const Json& ended = at(state, {"terminated"});
  if (!ended.is_object()) {
    return std::nullopt;
  }
  Termination termination;
  termination.exit_code = static_cast<int>(integer(ended, {"exitCode"}));
  termination.reason = text(ended, {"reason"});
  termination.message = text(ended, {"message"});
  termination.outcome = outcome_from(termination.message);
  return termination;
}

// Copies the fields at `paths` and drops the rest.
void keep(Json& object, std::initializer_list<std::initializer_list<const char*>> paths) {
  Json kept = Json::object();
  for (const auto& path : paths) {
    const Json& value = at(object, path);
    if (value.is_null()) {
      continue;
    }
    Json* place = &kept;
    for (const char* const name : path) {
      place = &(*place)[name];
    }
    *place = value;
  }
  object = std::move(kept);
}

// The controlling owner or, of a claim that outlives its training and so has none, the training
// that it says it was made for.
std::optional<k8s::Owner> owner_of(const Json& object) {
  auto owner = k8s::controller_of(object);
  const std::string kept = text(object, {"metadata", "annotations", kRetainedFor.data()});
  const auto slash = kept.find('/');
  if (!owner && slash != std::string::npos) {
    owner.emplace();
    owner->kind = k8s::kFederatedTrainings.kind;
    owner->name = kept.substr(0, slash);
    owner->uid = kept.substr(slash + 1);
  }
  return owner;
}

// Name, identity and controlling owner.
Json slim_metadata(const Json& object) {
  Json metadata = Json::object();
  for (const char* const name :
       {"name", "namespace", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp"}) {
    if (const Json& value = at(object, {"metadata", name}); !value.is_null()) {
      metadata[name] = value;
    }
  }
  for (const auto annotation : {kOrigin, kContent, kRetainedFor, kSuspendedByUs}) {
    const Json& value = at(object, {"metadata", "annotations", annotation.data()});
    if (value.is_string()) {
      metadata["annotations"][std::string(annotation)] = value;
    }
  }
  if (const auto owner = owner_of(object)) {
    metadata["ownerReferences"] = Json::array({{{"kind", owner->kind},
                                                {"name", owner->name},
                                                {"uid", owner->uid},
                                                {"controller", true}}});
  }
  return metadata;
}

JobState job_from(const Json& object) {
  JobState job;
  job.created = created(object);
  job.suspend = at(object, {"spec", "suspend"}) == true;
  job.is_held =
      job.suspend && text(object, {"metadata", "annotations", kSuspendedByUs.data()}) == "false";
  job.started = parse_rfc3339(text(object, {"status", "startTime"}));
  job.failures = integer(object, {"status", "failed"});
  job.is_complete = holding(object, "Complete").is_object();
  // FailureTarget comes before Failed, while pods are still being stopped.
  const Json& failed = holding(object, "Failed");
  const Json& failing = failed.is_object() ? failed : holding(object, "FailureTarget");
  job.is_failed = failing.is_object();
  job.reason = text(failing, {"reason"});
  job.message = text(failing, {"message"});
  return job;
}

ServiceState service_from(const Json& object) {
  ServiceState service;
  if (const Json& ports = at(object, {"spec", "ports"}); ports.is_array() && !ports.empty()) {
    service.node_port = integer(ports.front(), {"nodePort"});
  }
  if (const Json& ingress = at(object, {"status", "loadBalancer", "ingress"});
      ingress.is_array() && !ingress.empty()) {
    service.balancer_address = text(ingress.front(), {"ip"});
    if (service.balancer_address.empty()) {
      service.balancer_address = text(ingress.front(), {"hostname"});
    }
  }
  return service;
}

void keep_training(Json& object) {
  Json metadata = slim_metadata(object);
  metadata["generation"] = generation_of(object);
  keep(object, {{"spec"}, {"status"}});
  object["metadata"] = std::move(metadata);
}

void keep_metadata(Json& object) {
  object = Json{{"metadata", slim_metadata(object)}};
}

// Of what NAME-deny holds.
std::string deny_digest_of(const Json& object) {
  const Json& kept = at(object, {kFoundDigest});
  const Json& list = at(object, {"data", kDenyKey});
  return list.is_string()   ? crypto::sha256_hex(list.get_ref<const std::string&>())
         : kept.is_string() ? kept.get<std::string>()
                            : crypto::sha256_hex("");
}

void keep_config_map(Json& object) {
  object = Json{{"metadata", slim_metadata(object)}, {kFoundDigest, deny_digest_of(object)}};
}

void keep_job(Json& object) {
  Json metadata = slim_metadata(object);
  keep(object,
       {{"spec", "suspend"},
        {"status", "startTime"},
        {"status", "failed"},
        {"status", "conditions"}});
  object["metadata"] = std::move(metadata);
}

void keep_service(Json& object) {
  Json metadata = slim_metadata(object);
  keep(object,
       {{"spec", "ports"}, {"spec", "selector"}, {"spec", "type"}, {"status", "loadBalancer"}});
  object["metadata"] = std::move(metadata);
}

void keep_policy(Json& object) {
  Json metadata = slim_metadata(object);
  keep(object, {{"spec"}});
  object["metadata"] = std::move(metadata);
}

// The image of the pod's container, as its Job names it.
Json first_image(const Json& object) {
  const Json& containers = at(object, {"spec", "containers"});
  return containers.is_array() && !containers.empty() ? at(containers.front(), {"image"}) : Json();
}

void keep_pod(Json& object) {
  Json metadata = slim_metadata(object);
  Json conditions = Json::array();
  if (const Json& scheduled = holding(object, "PodScheduled", "False"); scheduled.is_object()) {
    conditions.push_back(scheduled);
  }
  Json containers = Json::array();
  if (const Json& all = at(object, {"status", "containerStatuses"}); all.is_array()) {
    for (const Json& one : all) {
      Json container = one;
      keep(container, {{"state"}, {"lastState"}, {"imageID"}});
      containers.push_back(std::move(container));
    }
  }
  const Json spec_image = first_image(object);
  keep(object,
       {{"status", "phase"},
        {"status", "hostIP"},
        {"status", "podIP"},
        {"status", "reason"},
        {"status", "message"}});
  if (spec_image.is_string()) {
    object["spec"]["containers"] = Json::array({{{"image", spec_image}}});
  }
  object["status"]["conditions"] = std::move(conditions);
  object["status"]["containerStatuses"] = std::move(containers);
  object["metadata"] = std::move(metadata);
}

}  // namespace

std::int64_t generation_of(const Json& object) {
  return integer(object, {"metadata", "generation"});
}

ParsedSpec parse_spec(const Json& object) {
  const Json document{{"apiVersion", k8s::kFederatedTrainings.api_version()},
                      {"kind", k8s::kFederatedTrainings.kind},
                      {"metadata", {{"name", k8s::metadata_text(object, "name")}}},
                      {"spec", at(object, {"spec"})}};
  auto spec = spec::parse(k8s::dump_json(document), "FederatedTraining");
  ParsedSpec parsed;
  if (spec) {
    parsed.spec = std::move(*spec);
  } else {
    parsed.invalid = "this operator cannot read the spec: " + spec.error().message;
  }
  return parsed;
}

Training training_from(const Json& object, ParsedSpec parsed) {
  Training training;
  training.ns = k8s::metadata_text(object, "namespace");
  training.name = k8s::metadata_text(object, "name");
  training.uid = k8s::uid_of(object);
  training.generation = generation_of(object);
  training.is_deleting = !k8s::metadata_text(object, "deletionTimestamp").empty();
  training.spec = std::move(parsed.spec);
  training.managed_by = text(object, {"spec", "managedBy"});
  training.invalid = std::move(parsed.invalid);
  training.status = status_from_json(at(object, {"status"}));
  training.recorded = training.status.children.value_or(Record());
  return training;
}

Child child_from(const k8s::Resource& kind, const Json& object, std::string_view owner) {
  const auto controller = owner_of(object);
  Child child;
  child.uid = k8s::uid_of(object);
  child.is_ours = controller && controller->uid == owner;
  child.is_deleting = !k8s::metadata_text(object, "deletionTimestamp").empty();
  child.is_retained = !text(object, {"metadata", "annotations", kRetainedFor.data()}).empty();
  child.origin = text(object, {"metadata", "annotations", kOrigin.data()});
  child.content = text(object, {"metadata", "annotations", kContent.data()});
  if (kind == k8s::kJobs) {
    child.job = job_from(object);
  } else if (kind == k8s::kServices) {
    child.service = service_from(object);
  } else if (kind == k8s::kConfigMaps) {
    child.found = deny_digest_of(object);
  } else if (kind == k8s::kSecrets) {
    child.certificate = certificate_from(object);
  }
  if (const Json& spec = at(object, {"spec"});
      spec.is_object() && (kind == k8s::kServices || kind == k8s::kNetworkPolicies)) {
    child.spec = k8s::dump_json(spec);
  }
  return child;
}

std::optional<TrainingOutcome> outcome_from(std::string_view message) {
  if (!message.starts_with('{')) {
    return std::nullopt;
  }
  const auto json = k8s::parse_json(message, "termination message");
  if (!json) {
    return std::nullopt;
  }
  TrainingOutcome outcome;
  outcome.model_sha256 = text(*json, {"modelSha256"});
  outcome.model_bytes = integer(*json, {"modelBytes"});
  if (const Json& sites = at(*json, {"clients"}); sites.is_object()) {
    for (const auto& [name, site] : sites.items()) {
      outcome.sites[name] = SiteOutcome{integer(site, {"rows"}), integer(site, {"lastRound"})};
    }
  }
  return outcome;
}

Pod pod_from(const Json& object) {
  Pod pod;
  pod.name = k8s::metadata_text(object, "name");
  if (const auto owner = k8s::controller_of(object)) {
    pod.job = owner->name;
  }
  pod.created = created(object);
  pod.phase = text(object, {"status", "phase"});
  pod.is_deleting = !k8s::metadata_text(object, "deletionTimestamp").empty();
  pod.host_ip = text(object, {"status", "hostIP"});
  pod.ip = text(object, {"status", "podIP"});
  pod.reason = text(object, {"status", "reason"});
  pod.message = text(object, {"status", "message"});
  const Json& unscheduled = holding(object, "PodScheduled", "False");
  if (text(unscheduled, {"reason"}) == "Unschedulable") {
    pod.unschedulable = text(unscheduled, {"message"});
  }
  if (const Json image = first_image(object); image.is_string()) {
    pod.image = image.get<std::string>();
  }
  const Json& containers = at(object, {"status", "containerStatuses"});
  if (containers.is_array() && !containers.empty()) {
    const Json& container = containers.front();
    pod.image_id = text(container, {"imageID"});
    const Json& state = at(container, {"state"});
    pod.is_running = at(state, {"running"}).is_object();
    pod.waiting_reason = text(state, {"waiting", "reason"});
    pod.waiting_message = text(state, {"waiting", "message"});
    pod.last = termination(state);
    if (!pod.last) {
      pod.last = termination(at(container, {"lastState"}));
    }
  }
  return pod;
}

Selection selection_of(const k8s::Resource& resource) {
  if (resource == k8s::kFederatedTrainings) {
    return {k8s::Detail::kWhole, keep_training};
  }
  if (resource == k8s::kPods) {
    return {k8s::Detail::kWhole, keep_pod};
  }
  if (resource == k8s::kJobs) {
    return {k8s::Detail::kWhole, keep_job};
  }
  if (resource == k8s::kServices) {
    return {k8s::Detail::kWhole, keep_service};
  }
  if (resource == k8s::kNetworkPolicies) {
    return {k8s::Detail::kWhole, keep_policy};
  }
  if (resource == k8s::kConfigMaps) {
    return {k8s::Detail::kWhole, keep_config_map};
  }
  return {k8s::Detail::kMetadataOnly, keep_metadata};
}

}  // namespace genesis::control
