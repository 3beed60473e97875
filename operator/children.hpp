#pragma once
// The objects that a training consists of, as pure functions of its spec: no cluster, no clock, no
// key material. Secrets come as a Recipe, which credentials.cpp carries out when one is made.
// Golden files: tests/golden/operator.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/k8s/json.hpp"
#include "common/k8s/resource.hpp"
#include "common/spec/federated_training.hpp"
#include "operator/naming.hpp"
#include "operator/observed.hpp"

namespace genesis::control {

inline constexpr std::uint16_t kAggregatorPort = 8443;
inline constexpr std::uint16_t kMetricsPort = 9090;  // /metrics, /healthz and /readyz, plain HTTP

/// What a Secret of ours is to hold, without the bytes.
struct Recipe {
  enum class Kind {
    kOperator,     // a new authority (unless the spec names one), a new token (likewise), and the
                   // observer's certificate
    kAggregator,   // server certificate for `names`
    kParticipant,  // client certificate for `client`
    kJoin,  // bundle.yaml for a site outside: `url`, names.front(), client certificate, token
  };
  Kind kind = Kind::kOperator;
  std::vector<std::string> names;
  std::string client;
  std::string url;
  bool operator==(const Recipe&) const = default;
};

/// A child as it is to be made. The object is complete but for a Secret's data.
struct Desired {
  k8s::Resource resource;
  Json object;
  std::optional<Recipe> recipe;

  [[nodiscard]] std::string name() const;
};

/// DNS names of the training's Service, the one that clients check first.
[[nodiscard]] std::vector<std::string> service_names(const Training& training);
[[nodiscard]] std::string service_url(const Training& training);

/// metadata of a child: name, labels, owner.
[[nodiscard]] Json child_metadata(const Training& training,
                                  const std::string& name,
                                  std::string_view component);

/// What the aggregator and the workers read of the spec: all that changes the model, and nothing of
/// pods and life cycle, so that a suspended training goes on from its own checkpoints.
[[nodiscard]] spec::FederatedTraining training_part(const spec::FederatedTraining& spec);

/// What is there from the start: Secrets, ConfigMap, claims, Service, policies and Jobs, in the
/// order in which they are to be made.
[[nodiscard]] std::vector<Desired> children_of(const Training& training, const Settings& settings);

/// What makes rows from the finished model.
[[nodiscard]] std::vector<Desired> generate_children(const Training& training,
                                                     const Settings& settings);

/// The Secret for a site outside, which reaches the aggregator at `url`.
[[nodiscard]] Desired join_secret(const Training& training,
                                  const std::string& participant,
                                  const std::string& url);

// Parts of the above, each in its file.
[[nodiscard]] Json aggregator_job(const Training& training, const Settings& settings);
[[nodiscard]] Json worker_job(const Training& training,
                              const spec::Participant& participant,
                              const Settings& settings);
[[nodiscard]] Json generate_job(const Training& training, const Settings& settings);
[[nodiscard]] Json aggregator_policy(const Training& training, const Settings& settings);
[[nodiscard]] Json worker_policy(const Training& training);
[[nodiscard]] Json generate_policy(const Training& training);

}  // namespace genesis::control
