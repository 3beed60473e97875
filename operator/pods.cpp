// The Jobs and their pods. Every pod meets the PodSecurity level "restricted" and has neither a
// writable root file system nor a service account token. Secrets are mounted as files and never
// passed as arguments or environment variables.
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/exit_code.hpp"
#include "common/secure/paillier_files.hpp"
#include "operator/children.hpp"
#include "operator/pod_settings.hpp"

namespace genesis::control {
namespace {

constexpr int kUser = 65532;  // the user of the images; unprivileged on the node
// Enough for a worker to finish its step. The checkpoint of a closed round is on disk already.
constexpr int kGraceSeconds = 10;

constexpr const char* kOutcome = "/dev/termination-log";

struct Mounts {
  Json volumes = Json::array();
  Json mounts = Json::array();

  void add(const std::string& name, const std::string& path, Json source, bool read_only) {
    source["name"] = name;
    volumes.push_back(std::move(source));
    Json mount{{"name", name}, {"mountPath", path}};
    if (read_only) {
      mount["readOnly"] = true;
    }
    mounts.push_back(std::move(mount));
  }
};

Json from_claim(const std::string& claim) {
  return Json{{"persistentVolumeClaim", {{"claimName", claim}}}};
}

Json from_secret(const std::string& name, Json items) {
  return Json{{"secret", {{"name", name}, {"items", std::move(items)}}}};
}

Json item(const std::string& key, const std::string& path) {
  return Json{{"key", key}, {"path", path}};
}

// The volume at /keys: the credentials of one program. The token may come from a Secret of the
// user.
Json keys(const Training& training, const std::string& secret) {
  constexpr int kReadable = 0440;  // by the pod's group
  Json items = Json::array();
  for (const char* const key : {"ca.crt", "tls.crt", "tls.key"}) {
    items.push_back(item(key, key));
  }
  Json sources = Json::array();
  const auto& token = training.spec.security.auth_token_secret_ref;
  if (!token) {
    items.push_back(item("token", "token"));
  }
  sources.push_back(from_secret(secret, std::move(items)));
  if (token) {
    sources.push_back(from_secret(token->name, Json::array({item(token->key, "token")})));
  }
  return Json{{"projected", {{"defaultMode", kReadable}, {"sources", std::move(sources)}}}};
}

Json environment() {
  // A second BLAS thread makes a training step slower, not faster.
  return Json::array({{{"name", "OPENBLAS_NUM_THREADS"}, {"value", "1"}},
                      {{"name", "OMP_NUM_THREADS"}, {"value", "1"}},
                      {{"name", "GENESIS_METRICS_HOST"}, {"value", "::"}},
                      {{"name", "GENESIS_METRICS_PORT"}, {"value", std::to_string(kMetricsPort)}},
                      {{"name", "GENESIS_OUTCOME_FILE"}, {"value", kOutcome}}});
}

Json container(
    std::string_view name, const std::string& image, Json command, Json arguments, Json mounts) {
  return Json{{"name", name},
              {"image", image},
              {"imagePullPolicy", "IfNotPresent"},
              {"command", std::move(command)},
              {"args", std::move(arguments)},
              {"env", environment()},
              {"volumeMounts", std::move(mounts)},
              {"terminationMessagePath", kOutcome},
              {"terminationMessagePolicy", "FallbackToLogsOnError"},
              {"securityContext",
               {{"allowPrivilegeEscalation", false},
                {"readOnlyRootFilesystem", true},
                {"capabilities", {{"drop", Json::array({"ALL"})}}}}}};
}

void set(Json& object, const char* name, const std::optional<std::string>& value) {
  if (value) {
    object[name] = *value;
  }
}

void set(Json& object, const char* name, const std::optional<spec::Verbatim>& value) {
  if (value) {
    object[name] = Json::parse(value->json);
  }
}

Json pod_spec(const spec::PodSettings& settings, Json main, Json volumes, const char* restart) {
  set(main, "resources", settings.resources);
  Json pod{{"restartPolicy", restart},
           {"terminationGracePeriodSeconds", kGraceSeconds},
           {"automountServiceAccountToken", false},
           {"enableServiceLinks", false},
           {"securityContext",
            {{"runAsNonRoot", true},
             {"runAsUser", kUser},
             {"runAsGroup", kUser},
             {"fsGroup", kUser},
             {"fsGroupChangePolicy", "OnRootMismatch"},
             {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
           {"containers", Json::array({std::move(main)})},
           {"volumes", std::move(volumes)}};
  set(pod, "nodeSelector", settings.node_selector);
  set(pod, "tolerations", settings.tolerations);
  set(pod, "affinity", settings.affinity);
  set(pod, "priorityClassName", settings.priority_class_name);
  set(pod, "imagePullSecrets", settings.image_pull_secrets);
  set(pod, "runtimeClassName", settings.runtime_class_name);
  set(pod, "schedulerName", settings.scheduler_name);
  return pod;
}

Json job(const Training& training, const std::string& name, std::string_view component, Json pod) {
  Json metadata = child_metadata(training, name, component);
  metadata["annotations"][std::string(kContent)] = digest_of(settings_of(training, name));
  metadata["annotations"][std::string(kSuspendedByUs)] = training.spec.suspend ? "true" : "false";
  Json object{{"apiVersion", k8s::kJobs.api_version()},
              {"kind", k8s::kJobs.kind},
              {"metadata", metadata},
              {"spec",
               {{"suspend", training.spec.suspend},
                {"backoffLimit", training.spec.backoff_limit},
                {"template",
                 {{"metadata", {{"labels", metadata.at("labels")}}}, {"spec", std::move(pod)}}}}}};
  return object;
}

// A permanent error is not retried. A pod that is evicted from its node, and a worker that could
// not reach the aggregator, do not count as failures.
Json failure_policy() {
  return Json{
      {"rules",
       Json::array(
           {{{"action", "FailJob"},
             {"onExitCodes",
              {{"operator", "In"},
               {"values", Json::array({kExitUsageError, kExitPermanentError})}}}},
            {{"action", "Ignore"},
             {"onExitCodes", {{"operator", "In"}, {"values", Json::array({kExitUnavailable})}}}},
            {{"action", "Ignore"},
             {"onPodConditions",
              Json::array({{{"type", "DisruptionTarget"}, {"status", "True"}}})}}})}};
}

Json on_health() {
  return Json{{"path", "/healthz"}, {"port", "metrics"}};
}

// A process that is stopped or hangs is killed, and a new pod goes on from what is on disk.
// /healthz is answered by a thread of its own while a step is computed.
Json liveness_probe() {
  return Json{{"httpGet", on_health()},
              {"periodSeconds", 10},
              {"timeoutSeconds", 5},
              {"failureThreshold", 6}};
}

// Until its metrics are served: a large table is read before.
Json startup_probe() {
  return Json{{"httpGet", on_health()}, {"periodSeconds", 2}, {"failureThreshold", 300}};
}

// Mounts the volume at the folder of the data file. If that is the root, only the file is mounted.
void mount_data(Mounts& mounts, const spec::Participant& participant) {
  if (!participant.data_volume) {
    return;
  }
  const std::string& path = *participant.data_path;
  const auto slash = path.rfind('/');
  mounts.add("data",
             slash == 0 ? path : path.substr(0, slash),
             Json::parse(participant.data_volume->json),
             true);
  if (slash == 0) {
    mounts.mounts.back()["subPath"] = path.substr(1);
  }
}

}  // namespace

Json aggregator_job(const Training& training, const Settings& settings) {
  const Names names(training.name);
  Mounts mounts;
  mounts.add("model", "/model", from_claim(names.model), false);
  mounts.add("training", "/training", {{"configMap", {{"name", names.training}}}}, true);
  mounts.add("deny", "/deny", {{"configMap", {{"name", names.deny}}}}, true);
  mounts.add("keys", "/keys", keys(training, names.aggregator), true);
  const auto& own = training.spec.aggregator;
  Json main = container("aggregator",
                        image_of(training, own.pod.image, "aggregator", settings.aggregator_image),
                        {"genesis-aggregator"},
                        {"--file",
                         "/training/training.json",
                         "--host",
                         "::",
                         "--port",
                         std::to_string(kAggregatorPort),
                         "--ssl-cert",
                         "/keys/tls.crt",
                         "--ssl-key",
                         "/keys/tls.key",
                         "--ssl-client-ca",
                         "/keys/ca.crt",
                         "--auth-token-file",
                         "/keys/token",
                         "--require-authentication",
                         "--deny-file",
                         std::string("/deny/") + kDenyKey,
                         "--output",
                         "/model"},
                        std::move(mounts.mounts));
  main["ports"] = Json::array({{{"name", "federation"}, {"containerPort", kAggregatorPort}},
                               {{"name", "metrics"}, {"containerPort", kMetricsPort}}});
  main["readinessProbe"] = {{"httpGet", {{"path", "/readyz"}, {"port", "metrics"}}},
                            {"periodSeconds", 2}};
  main["startupProbe"] = startup_probe();
  main["livenessProbe"] = liveness_probe();
  Json object = job(training,
                    names.aggregator,
                    "aggregator",
                    pod_spec(own.pod, std::move(main), std::move(mounts.volumes), "Never"));
  object["spec"]["podFailurePolicy"] = failure_policy();
  return object;
}

Json worker_job(const Training& training,
                const spec::Participant& participant,
                const Settings& settings) {
  const Names names(training.name);
  const std::string name = names.worker(participant.name);
  Mounts mounts;
  mount_data(mounts, participant);
  mounts.add(
      "state",
      "/state",
      storage_of(training, participant) ? from_claim(name) : Json{{"emptyDir", Json::object()}},
      false);
  Json credentials = keys(training, name);
  if (needs_key(training.spec)) {
    credentials["projected"]["sources"].push_back(from_secret(
        names.paillier, Json::array({item(secure::kPaillierKeyFile, secure::kPaillierKeyFile)})));
  }
  mounts.add("keys", "/keys", std::move(credentials), true);
  Json arguments{"--server",
                 service_url(training),
                 "--data",
                 participant.data_path.value_or(""),
                 "--client-id",
                 participant.name,
                 "--state",
                 "/state",
                 "--ssl-verify",
                 "/keys/ca.crt",
                 "--ssl-cert",
                 "/keys/tls.crt",
                 "--ssl-key",
                 "/keys/tls.key",
                 "--auth-token-file",
                 "/keys/token"};
  if (needs_key(training.spec)) {
    arguments.push_back("--paillier-key");
    arguments.push_back(std::string("/keys/") + secure::kPaillierKeyFile);
  }
  if (participant.policy_ref) {
    mounts.add("policy",
               "/policy",
               {{"configMap",
                 {{"name", participant.policy_ref->name},
                  {"items", Json::array({{{"key", kPolicyKey}, {"path", kPolicyKey}}})}}}},
               true);
    arguments.push_back("--policy");
    arguments.push_back(std::string("/policy/") + kPolicyKey);
  }
  if (participant.ledger) {
    mounts.add("ledger", "/ledger", from_claim(participant.ledger->claim_name), false);
    for (const auto& argument : {std::string("--ledger"),
                                 std::string("/ledger"),
                                 std::string("--data-set"),
                                 participant.ledger->data_set.value_or(participant.name)}) {
      arguments.push_back(argument);
    }
  }
  Json main = container("worker",
                        image_of(training, participant.pod.image, "worker", settings.worker_image),
                        {"genesis-worker"},
                        std::move(arguments),
                        std::move(mounts.mounts));
  main["ports"] = Json::array({{{"name", "metrics"}, {"containerPort", kMetricsPort}}});
  main["startupProbe"] = startup_probe();
  main["livenessProbe"] = liveness_probe();
  Json object = job(training,
                    name,
                    "worker",
                    pod_spec(participant.pod, std::move(main), std::move(mounts.volumes), "Never"));
  object["spec"]["podFailurePolicy"] = failure_policy();
  for (Json* metadata :
       {&object.at("metadata"), &object.at("spec").at("template").at("metadata")}) {
    (*metadata)["labels"][std::string(kParticipantLabel)] = participant.name;
  }
  return object;
}

Json generate_job(const Training& training, const Settings& settings) {
  const Names names(training.name);
  const auto& output = training.spec.output;
  Mounts mounts;
  mounts.add("model", "/model", from_claim(names.model), false);
  Json main = container("generate",
                        image_of(training, output.pod.image, "worker", settings.worker_image),
                        {"genesis"},
                        {"generate",
                         "--model",
                         "/model/model.safetensors",
                         "--rows",
                         std::to_string(output.rows),
                         "--seed",
                         std::to_string(training.spec.seed),
                         "--output",
                         "/model/synthetic.csv"},
                        std::move(mounts.mounts));
  return job(training,
             names.generate,
             "generate",
             pod_spec(output.pod, std::move(main), std::move(mounts.volumes), "OnFailure"));
}

}  // namespace genesis::control
