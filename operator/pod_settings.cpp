#include "operator/pod_settings.hpp"

#include "common/crypto/digest.hpp"
#include "operator/allowed.hpp"
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

std::string image_of(const Training& training,
                     const std::optional<std::string>& named,
                     const std::string& role,
                     const std::string& usual) {
  const auto pinned = training.status.images.find(named.value_or(role));
  return pinned != training.status.images.end() ? pinned->second : named.value_or(usual);
}

std::string pinned_image(const std::string& image, const std::string& image_id) {
  constexpr std::string_view kScheme = "docker-pullable://";
  std::string_view id = image_id;
  if (id.starts_with(kScheme)) {
    id.remove_prefix(kScheme.size());
  }
  const auto digest = id.find("@sha256:");
  const auto whole = [](std::string repository) {
    const auto slash = repository.find('/');
    const std::string first = repository.substr(0, slash);
    const bool has_registry =
        slash != std::string::npos &&
        (first.find_first_of(".:") != std::string::npos || first == "localhost");
    if (!has_registry) {
      repository.insert(0, slash == std::string::npos ? "docker.io/library/" : "docker.io/");
    }
    return repository;
  };
  const bool is_same = digest != std::string_view::npos &&
                       whole(std::string(id.substr(0, digest))) == whole(repository_of(image));
  return is_same ? repository_of(image) + std::string(id.substr(digest)) : image;
}

std::map<std::string, std::string> images_of(const Training& training, const Children& children) {
  auto images = training.status.images;
  const Names names(training.name);
  std::map<std::string, const spec::PodSettings*> jobs{
      {names.aggregator, &training.spec.aggregator.pod},
      {names.generate, &training.spec.output.pod}};
  for (const auto& participant : training.spec.participants) {
    jobs.emplace(names.worker(participant.name), &participant.pod);
  }
  for (const auto& pod : children.pods) {
    const auto settings = jobs.find(pod.job);
    if (pod.image_id.empty() || settings == jobs.end()) {
      continue;
    }
    const std::string role = pod.job == names.aggregator ? "aggregator" : "worker";
    const auto named = settings->second->image.value_or(role);
    const auto* const job = children.find(k8s::kJobs, pod.job);
    // Not of a Job from before the spec's image was changed.
    if (!images.contains(named) && job != nullptr && job->content == digest_of(*settings->second)) {
      images.emplace(named, pinned_image(pod.image, pod.image_id));
    }
  }
  return images;
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
