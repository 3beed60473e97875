#pragma once
// All that plan() may know of one training: what the cluster holds, what the aggregator says, the
// time. Gathered by observe.cpp in one place; values, so that tests write them down.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/spec/federated_training.hpp"
#include "common/wire/messages.hpp"
#include "operator/status.hpp"
#include "operator/time.hpp"

namespace genesis::control {

/// What an installation of the operator says once for all trainings.
struct Settings {
  std::string aggregator_image;
  std::string worker_image;
  std::string operator_namespace;         // where the operator's own pods are
  std::chrono::seconds poll{2};           // between two looks at a running aggregator
  std::chrono::seconds pod_patience{30};  // until a pod that is not there, or silent, is reported
  std::chrono::seconds api_patience{2};   // until an error of the API server that stays is reported
};

/// The object itself. `spec` is valid, else `invalid` says what is wrong and spec is the default.
struct Training {
  std::string ns;
  std::string name;
  std::string uid;
  std::int64_t generation = 0;
  bool is_leaving = false;  // being deleted: its children go by their owner references
  spec::FederatedTraining spec;
  std::string invalid;
  TrainingStatus status;
};

struct Child {
  std::string uid;
  bool is_ours = true;      // owned by this very training
  bool is_leaving = false;  // being deleted
};

struct Job {
  Child object;
  SystemTime created;
  bool suspend = false;
  std::int64_t failures = 0;  // pods that failed so far
  bool is_complete = false;
  bool is_failed = false;
  std::string message;  // of its Failed condition
};

/// How a container ended.
struct Termination {
  int exit_code = 0;
  std::string reason;   // "OOMKilled", "Error", "Completed"
  std::string message;  // what it wrote for us, or the end of its log
};

struct Pod {
  std::string name;
  std::string job;
  SystemTime created;
  std::string phase;        // Pending, Running, Succeeded, Failed
  bool is_running = false;  // its container runs
  bool is_leaving = false;
  std::optional<Termination> last;  // the latest end of its container
  std::string waiting_reason;       // "ImagePullBackOff"
  std::string waiting_message;
  std::string unschedulable;  // the scheduler's message
  std::string host_ip;
  std::string ip;
};

struct ServiceState {
  Child object;
  std::int64_t node_port = 0;    // 0: none
  std::string balancer_address;  // IP or name, "" while there is none
};

/// What keeps the API server from doing what we ask, though it may pass: an error 500, a webhook
/// that does not answer.
struct Hindrance {
  std::string what;  // "Job a: failed calling webhook"
  SystemTime since;  // of the first pass in a row that it ended
};

/// By name.
struct Children {
  std::map<std::string, Child> secrets;
  std::map<std::string, Child> config_maps;
  std::map<std::string, Child> volume_claims;
  std::map<std::string, Child> network_policies;
  std::map<std::string, ServiceState> services;
  std::map<std::string, Job> jobs;
  std::vector<Pod> pods;  // of our Jobs, in order of creation
};

struct Observed {
  std::optional<Training> training;
  Children children;
  std::optional<wire::StatusReport> report;  // absent while the aggregator does not answer
  std::string report_error;                  // why it does not
  std::vector<std::string> refusals;         // of the last actions: "Job a: exceeded quota"
  std::optional<Hindrance> hindrance;        // of the last pass, where one ended it
  SystemTime now;
};

}  // namespace genesis::control
