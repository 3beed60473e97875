#pragma once
// Kinds of objects: the part of a request's path that is the same for all objects of a kind, and
// the table of the kinds that we use. Pure.
#include <string>
#include <string_view>

namespace genesis::k8s {

enum class Scope { kNamespaced, kCluster };

/// Holds views of literals and is cheap to copy.
struct Resource {
  std::string_view group;  // "" is core
  std::string_view version;
  std::string_view plural;  // as in paths and RBAC rules
  std::string_view kind;    // as in objects
  Scope scope = Scope::kNamespaced;

  /// "v1", "batch/v1": what objects carry in apiVersion.
  [[nodiscard]] std::string api_version() const;
  bool operator==(const Resource&) const = default;
};

inline constexpr Resource kNamespaces{"", "v1", "namespaces", "Namespace", Scope::kCluster};
inline constexpr Resource kPods{"", "v1", "pods", "Pod"};
inline constexpr Resource kServices{"", "v1", "services", "Service"};
inline constexpr Resource kSecrets{"", "v1", "secrets", "Secret"};
inline constexpr Resource kConfigMaps{"", "v1", "configmaps", "ConfigMap"};
inline constexpr Resource kServiceAccounts{"", "v1", "serviceaccounts", "ServiceAccount"};
inline constexpr Resource kPersistentVolumeClaims{
    "", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"};
inline constexpr Resource kEvents{"", "v1", "events", "Event"};
inline constexpr Resource kJobs{"batch", "v1", "jobs", "Job"};
inline constexpr Resource kNetworkPolicies{
    "networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"};
inline constexpr Resource kLeases{"coordination.k8s.io", "v1", "leases", "Lease"};
inline constexpr Resource kCustomResourceDefinitions{"apiextensions.k8s.io",
                                                     "v1",
                                                     "customresourcedefinitions",
                                                     "CustomResourceDefinition",
                                                     Scope::kCluster};
inline constexpr Resource kFederatedTrainings{
    "federated.genesis.dev", "v1alpha1", "federatedtrainings", "FederatedTraining"};

enum class Subresource { kNone, kStatus };

/// "/apis/batch/v1/namespaces/NS/jobs"; all namespaces if `ns` is "" or the kind is cluster-scoped.
std::string collection_path(const Resource& resource, std::string_view ns);
/// "/apis/batch/v1/namespaces/NS/jobs/NAME[/status]". Escaped.
std::string object_path(const Resource& resource,
                        std::string_view ns,
                        std::string_view name,
                        Subresource subresource = Subresource::kNone);

}  // namespace genesis::k8s
