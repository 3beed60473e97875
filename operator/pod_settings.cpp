#include "operator/pod_settings.hpp"

#include "common/crypto/digest.hpp"
#include "operator/naming.hpp"

namespace genesis::control {

std::string digest_of(const spec::PodSettings& settings) {
  // No setting has a line feed that JSON does not escape.
  std::string text;
  const auto add = [&](const auto& value) {
    if constexpr (requires { value->json; }) {
      text += value ? value->json : "";
    } else {
      text += value.value_or("");
    }
    text += "\n";
  };
  add(settings.image);
  add(settings.resources);
  add(settings.node_selector);
  add(settings.tolerations);
  add(settings.affinity);
  add(settings.priority_class_name);
  add(settings.image_pull_secrets);
  add(settings.runtime_class_name);
  add(settings.scheduler_name);
  return crypto::sha256_hex(text);
}

spec::PodSettings settings_of(const Training& training, const std::string& job) {
  const Names names(training.name);
  if (job == names.aggregator) {
    return training.spec.aggregator.pod;
  }
  if (job == names.generate) {
    return training.spec.output.pod;
  }
  for (const auto& participant : training.spec.participants) {
    if (job == names.worker(participant.name)) {
      return participant.pod;
    }
  }
  return {};
}

spec::FederatedTraining without_pod_settings(spec::FederatedTraining spec) {
  spec.aggregator.pod = {};
  spec.output.pod = {};
  for (auto& participant : spec.participants) {
    participant.pod = {};
  }
  return spec;
}

}  // namespace genesis::control
