// The NetworkPolicies of a training (networking.k8s.io/v1). Workers hold rows: they may connect to
// the aggregator and to the cluster's DNS, and accept connections to their metrics only. The
// aggregator accepts connections and opens none.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "operator/children.hpp"

namespace genesis::control {
namespace {

Json selector(const Training& training, std::string_view component) {
  return Json{{"matchLabels",
               {{std::string(kTrainingLabel), training_label(training.name)},
                {std::string(kComponent), component}}}};
}

Json port(int number, const char* protocol = "TCP") {
  return Json{{"port", number}, {"protocol", protocol}};
}

Json policy(const Training& training,
            const std::string& name,
            std::string_view component,
            Json ingress,
            Json egress) {
  return Json{{"apiVersion", k8s::kNetworkPolicies.api_version()},
              {"kind", k8s::kNetworkPolicies.kind},
              {"metadata", child_metadata(training, name, component)},
              {"spec",
               {{"podSelector", selector(training, component)},
                {"policyTypes", Json::array({"Ingress", "Egress"})},
                {"ingress", std::move(ingress)},
                {"egress", std::move(egress)}}}};
}

// The cluster's DNS, by the labels that all distributions give it, and the address of the
// node-local DNS cache.
Json to_dns() {
  return Json{{"to",
               Json::array({{{"namespaceSelector",
                              {{"matchLabels", {{"kubernetes.io/metadata.name", "kube-system"}}}}},
                             {"podSelector", {{"matchLabels", {{"k8s-app", "kube-dns"}}}}}},
                            {{"ipBlock", {{"cidr", "169.254.20.10/32"}}}}})},
              {"ports", Json::array({port(53, "UDP"), port(53, "TCP")})}};
}

}  // namespace

Json aggregator_policy(const Training& training, const Settings& settings) {
  const Json ports = Json::array({port(kAggregatorPort)});
  Json ingress = Json::array();
  const bool has_external = std::ranges::any_of(training.spec.participants,
                                                [](const auto& site) { return site.external; });
  if (has_external) {
    // Sites outside the cluster connect from any address; mutual TLS refuses everybody else.
    ingress.push_back({{"ports", ports}});
  } else {
    ingress.push_back(
        {{"from",
          Json::array(
              {{{"podSelector", selector(training, "worker")}},
               {{"namespaceSelector",
                 {{"matchLabels", {{"kubernetes.io/metadata.name", settings.operator_namespace}}}}},
                {"podSelector", {{"matchLabels", {{"app.kubernetes.io/name", kManager}}}}}}})},
         {"ports", ports}});
  }
  // Prometheus may run in any namespace.
  ingress.push_back({{"from", Json::array({{{"namespaceSelector", Json::object()}}})},
                     {"ports", Json::array({port(kMetricsPort)})}});
  return policy(
      training, Names(training.name).aggregator, "aggregator", std::move(ingress), Json::array());
}

Json worker_policy(const Training& training) {
  Json egress = Json::array();
  egress.push_back({{"to", Json::array({{{"podSelector", selector(training, "aggregator")}}})},
                    {"ports", Json::array({port(kAggregatorPort)})}});
  egress.push_back(to_dns());
  Json ingress = Json::array();
  ingress.push_back({{"from", Json::array({{{"namespaceSelector", Json::object()}}})},
                     {"ports", Json::array({port(kMetricsPort)})}});
  return policy(
      training, Names(training.name).workers, "worker", std::move(ingress), std::move(egress));
}

Json generate_policy(const Training& training) {
  return policy(training, Names(training.name).generate, "generate", Json::array(), Json::array());
}

}  // namespace genesis::control
