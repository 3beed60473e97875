#pragma once
// How a training in a cluster stands: reads the resource by the user's kubeconfig.
#include <string>

#include "common/base/error.hpp"

namespace genesis::cli {

struct ClusterQuestion {
  std::string name;
  std::string ns;          // "": the kubeconfig's
  std::string kubeconfig;  // "": KUBECONFIG, the pod's own, ~/.kube/config
  bool json = false;       // the status as one line of JSON
  bool watch = false;      // a line on each change, until it is over
};

/// Prints to stdout. The exit code of `genesis federated status`: 0 complete, 1 failed, 3 running.
/// Errors name the training or the cluster.
[[nodiscard]] Result<int> cluster_status(const ClusterQuestion& question);

/// bundle.yaml of the Secret with which an external site joins a training in a cluster. Errors name
/// the Secret.
[[nodiscard]] Result<std::string> cluster_bundle(const ClusterQuestion& question,
                                                 const std::string& site);

}  // namespace genesis::cli
