// Who may talk to whom (networking.k8s.io/v1). Workers hold rows: they reach the aggregator and the
// cluster's name server, and nothing reaches them. The aggregator answers and calls nobody.
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

// The name server of the cluster, by the labels that all distributions give it, and the address at
// which a node-local cache of it listens.
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
    // Sites outside come from anywhere; mutual TLS is what keeps others away.
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
  // Metrics are for whoever scrapes, in any namespace.
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
