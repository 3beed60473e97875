// Who may talk to whom, by evaluating the policies as their API defines them, for every pair of
// pods. That a cluster enforces policies at all is its network plugin's business.
#include <map>
#include <string>

#include "operator/children.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/operator/a_cluster.hpp"

namespace genesis::control {
namespace {

struct Endpoint {
  std::string ns;
  std::map<std::string, std::string> labels;
};

bool selects(const Json& selector, const std::map<std::string, std::string>& labels) {
  const Json wanted = selector.value("matchLabels", Json::object());
  for (const auto& [key, value] : wanted.items()) {
    const auto found = labels.find(key);
    if (found == labels.end() || found->second != value) {
      return false;
    }
  }
  return true;
}

bool matches(const Json& peers, const Endpoint& pod, const std::string& policy_ns) {
  for (const Json& peer : peers) {
    if (peer.contains("ipBlock")) {
      continue;  // the node-local cache: no pod
    }
    const bool ns =
        peer.contains("namespaceSelector")
            ? selects(peer.at("namespaceSelector"), {{"kubernetes.io/metadata.name", pod.ns}})
            : pod.ns == policy_ns;
    if (ns && selects(peer.value("podSelector", Json::object()), pod.labels)) {
      return true;
    }
  }
  return false;
}

bool allows(const Json& rules,
            const char* side,
            const Endpoint& other,
            int port,
            const std::string& protocol) {
  for (const Json& rule : rules) {
    bool has_port = !rule.contains("ports");
    for (const Json& one : rule.value("ports", Json::array())) {
      has_port = has_port || (one.at("port") == port && one.at("protocol") == protocol);
    }
    if (has_port && (!rule.contains(side) || matches(rule.at(side), other, "demo"))) {
      return true;
    }
  }
  return false;
}

class Network {
 public:
  explicit Network(const Training& training)
      : policies_{aggregator_policy(training, settings()),
                  worker_policy(training),
                  generate_policy(training)} {}

  bool may(const Endpoint& from,
           const Endpoint& to,
           int port,
           const std::string& protocol = "TCP") {
    return side(from, to, "egress", "to", port, protocol) &&
           side(to, from, "ingress", "from", port, protocol);
  }

 private:
  bool side(const Endpoint& self,
            const Endpoint& other,
            const char* direction,
            const char* peers,
            int port,
            const std::string& protocol) {
    bool is_selected = false;
    for (const Json& policy : policies_) {
      const Json& spec = policy.at("spec");
      if (self.ns != "demo" || !selects(spec.at("podSelector"), self.labels)) {
        continue;
      }
      is_selected = true;
      if (allows(spec.at(direction), peers, other, port, protocol)) {
        return true;
      }
    }
    return !is_selected;
  }

  std::vector<Json> policies_;
};

Endpoint of_training(const std::string& component, const std::string& training = "hospitals") {
  return {
      "demo",
      {{"federated.genesis.dev/training", training}, {"app.kubernetes.io/component", component}}};
}

const Endpoint kOperatorPod{"genesis-system", {{"app.kubernetes.io/name", "genesis-operator"}}};
const Endpoint kDns{"kube-system", {{"k8s-app", "kube-dns"}}};
const Endpoint kStranger{"demo", {{"app", "other"}}};
const Endpoint kPrometheus{"monitoring", {{"app", "prometheus"}}};

}  // namespace

TEST_CASE("operator: workers reach the aggregator and names, and nothing else", "[operator]") {
  Network network(a_training(kThreeSites));
  const auto worker = of_training("worker");
  CHECK(network.may(worker, of_training("aggregator"), kAggregatorPort));
  CHECK(network.may(worker, kDns, 53, "UDP"));
  CHECK(network.may(worker, kDns, 53));
  CHECK_FALSE(network.may(worker, of_training("aggregator"), 22));
  CHECK_FALSE(network.may(worker, of_training("worker"), kMetricsPort));
  CHECK_FALSE(network.may(worker, of_training("aggregator", "other"), kAggregatorPort));
  CHECK_FALSE(network.may(worker, kStranger, 443));
  CHECK_FALSE(network.may(worker, kDns, 443));
}

TEST_CASE("operator: the aggregator hears its workers, the operator and metrics scrapes",
          "[operator]") {
  Network network(a_training(kThreeSites));
  const auto aggregator = of_training("aggregator");
  CHECK(network.may(kOperatorPod, aggregator, kAggregatorPort));
  CHECK(network.may(kPrometheus, aggregator, kMetricsPort));
  CHECK_FALSE(network.may(kPrometheus, aggregator, kAggregatorPort));
  CHECK_FALSE(network.may(kStranger, aggregator, kAggregatorPort));
  CHECK_FALSE(network.may(of_training("worker", "other"), aggregator, kAggregatorPort));
  CHECK_FALSE(network.may(aggregator, of_training("worker"), kMetricsPort));
  CHECK_FALSE(network.may(aggregator, kStranger, 443));
  const Endpoint impostor{"demo", kOperatorPod.labels};
  CHECK_FALSE(network.may(impostor, aggregator, kAggregatorPort));
}

TEST_CASE("operator: what generates rows talks to nobody", "[operator]") {
  Network network(a_training(kThreeSites));
  CHECK_FALSE(network.may(of_training("generate"), kDns, 53, "UDP"));
  CHECK_FALSE(network.may(kStranger, of_training("generate"), kMetricsPort));
}

TEST_CASE("operator: with sites outside, the aggregator is open to all on its one port",
          "[operator]") {
  Network network(a_training("{participants: [{name: far, external: true}]}"));
  CHECK(network.may(kStranger, of_training("aggregator"), kAggregatorPort));
  CHECK_FALSE(network.may(kStranger, of_training("aggregator"), 22));
}

}  // namespace genesis::control
