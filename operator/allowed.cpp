#include "operator/allowed.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/k8s/object.hpp"
#include "operator/children.hpp"
#include "operator/naming.hpp"

namespace genesis::control {
namespace {

// The kinds of volumes that an operator may allow. None of them reaches files of the node, tokens
// of service accounts, or Secrets by name, but for csi, whose reference to a Secret is checked.
constexpr std::array<std::string_view, 5> kVolumeKinds = {
    "persistentVolumeClaim", "configMap", "csi", "nfs", "ephemeral"};

bool can_be_allowed(std::string_view kind) {
  return std::ranges::find(kVolumeKinds, kind) != kVolumeKinds.end();
}

std::string list_of(std::span<const std::string> words) {
  std::string list;
  for (const auto& word : words) {
    list += (list.empty() ? "" : ", ") + word;
  }
  return list;
}

std::string participant_field(std::size_t index, std::string_view field) {
  return "spec.participants[" + std::to_string(index) + "]." + std::string(field);
}

const Json* member(const Json& object, std::string_view name) {
  if (!object.is_object()) {
    return nullptr;
  }
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::optional<std::string> text_at(const Json& object, std::string_view name) {
  const Json* const value = member(object, name);
  return value != nullptr && value->is_string() ? std::optional(value->get<std::string>())
                                                : std::nullopt;
}

std::string label_of(const Json& object, std::string_view label) {
  const Json* const metadata = member(object, "metadata");
  const Json* const labels = metadata == nullptr ? nullptr : member(*metadata, "labels");
  return labels == nullptr ? std::string() : text_at(*labels, label).value_or("");
}

// The field and image of each place of the spec that names an image.
struct ImageReference {
  std::string field;
  std::string image;
};

std::vector<ImageReference> images_of(const spec::FederatedTraining& spec) {
  std::vector<ImageReference> images;
  const auto add = [&](std::string field, const spec::PodSettings& pod) {
    if (pod.image) {
      images.push_back({std::move(field), *pod.image});
    }
  };
  for (std::size_t i = 0; i < spec.participants.size(); ++i) {
    add(participant_field(i, "image"), spec.participants[i].pod);
  }
  add("spec.aggregator.image", spec.aggregator.pod);
  add("spec.output.image", spec.output.pod);
  return images;
}

std::string why_no_volume(const Json& volume, const std::vector<std::string>& kinds) {
  if (!volume.is_object() || volume.empty()) {
    return "names no volume source; name one of " + list_of(kinds);
  }
  for (const auto& [kind, source] : volume.items()) {
    if (std::ranges::find(kinds, kind) != kinds.end()) {
      continue;
    }
    if (can_be_allowed(kind)) {
      return kind + " is not allowed here; use " + list_of(kinds) +
             ", or ask who runs the operator to allow it (allow.volumes of the chart, "
             "--allow-volumes)";
    }
    return kind + " is never allowed in a training; use " + list_of(kinds);
  }
  return "";
}

// The repositories of the operator's own images, of which every tag is allowed by default.
std::vector<std::string> own_repositories(const Settings& settings) {
  std::vector<std::string> own = {repository_of(settings.aggregator_image)};
  if (auto worker = repository_of(settings.worker_image); worker != own.front()) {
    own.push_back(std::move(worker));
  }
  return own;
}

bool is_allowed_image(const std::string& image, const Settings& settings) {
  if (image == settings.aggregator_image || image == settings.worker_image) {
    return true;
  }
  if (!settings.allowed_images.empty()) {
    return std::ranges::any_of(settings.allowed_images,
                               [&](const auto& prefix) { return is_below(image, prefix); });
  }
  // Not below them: a repository without a registry, such as worker, would allow worker/x, which is
  // somebody else's on the default registry.
  const auto own = own_repositories(settings);
  return std::ranges::find(own, repository_of(image)) != own.end();
}

std::string how_to_allow(const std::string& secret, std::string_view training) {
  return "its owner allows it with `kubectl label secret " + secret + " " +
         std::string(kAllowTraining) + "=" + training_label(training) +
         "`, or =" + std::string(kAnyTraining) + " for all trainings of the namespace";
}

// A site's ledger is on a claim, and differential privacy has one.
std::string why_no_ledger(const spec::FederatedTraining& spec,
                          const spec::Participant& participant,
                          const Settings& settings) {
  if (!participant.ledger) {
    return spec.privacy.differential_privacy && !participant.external
               ? "is missing; differential privacy needs a PersistentVolumeClaim that outlives the "
                 "training: set claimName"
               : "";
  }
  const auto& kinds = settings.allowed_volumes;
  return std::ranges::find(kinds, "persistentVolumeClaim") == kinds.end()
             ? "persistentVolumeClaim is not allowed here; ask who runs the operator to allow it "
               "(allow.volumes of the chart, --allow-volumes)"
             : "";
}

}  // namespace

Status check_volume_kinds(std::span<const std::string> kinds) {
  for (const auto& kind : kinds) {
    if (!can_be_allowed(kind)) {
      const std::vector<std::string> all(kVolumeKinds.begin(), kVolumeKinds.end());
      return fail(
          Errc::kInvalidArgument,
          "'" + kind + "' is not a kind of volume that can be allowed; these can: " + list_of(all));
    }
  }
  return {};
}

Status check_image_prefixes(std::span<const std::string> prefixes) {
  for (const auto& prefix : prefixes) {
    const bool is_plain = std::ranges::all_of(prefix, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
             std::string_view("./:_-").find(c) != std::string_view::npos;
    });
    if (prefix.empty() || !is_plain || prefix.front() == '/') {
      return fail(Errc::kInvalidArgument,
                  "'" + prefix +
                      "' is not a prefix of images; use a registry, a path in it or a repository, "
                      "such as registry.example/team");
    }
  }
  return {};
}

std::string repository_of(std::string_view image) {
  image = image.substr(0, image.find('@'));
  const auto slash = image.rfind('/');
  const auto colon = image.rfind(':');
  const bool has_tag =
      colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash);
  return std::string(has_tag ? image.substr(0, colon) : image);
}

bool is_below(std::string_view image, std::string_view prefix) {
  // Without its tag: the port of another registry must not pass for the tag of a repository.
  const std::string repository = repository_of(image);
  while (prefix.ends_with('/')) {
    prefix.remove_suffix(1);
  }
  return !prefix.empty() && repository.starts_with(prefix) &&
         (repository.size() == prefix.size() || repository[prefix.size()] == '/');
}

std::vector<std::string> not_allowed(const spec::FederatedTraining& spec,
                                     const Settings& settings) {
  std::vector<std::string> found;
  for (std::size_t i = 0; i < spec.participants.size(); ++i) {
    const auto& volume = spec.participants[i].data_volume;
    if (!volume) {
      continue;
    }
    const auto why = why_no_volume(Json::parse(volume->json), settings.allowed_volumes);
    if (!why.empty()) {
      found.push_back(participant_field(i, "data.volume") + ": " + why);
    }
  }
  for (std::size_t i = 0; i < spec.participants.size(); ++i) {
    if (auto why = why_no_ledger(spec, spec.participants[i], settings); !why.empty()) {
      found.push_back(participant_field(i, "ledger") + ": " + why);
    }
  }
  if (needs_key(spec) && key_bits(spec) > kMostKeyBits) {
    found.push_back("spec.privacy.secureAggregation.keyBits: is " + std::to_string(key_bits(spec)) +
                    ", and the operator makes keys of at most " + std::to_string(kMostKeyBits) +
                    " bits; 3072 are as strong as 128-bit encryption");
  }
  for (const auto& [field, image] : images_of(spec)) {
    if (!is_allowed_image(image, settings)) {
      const auto allowed =
          settings.allowed_images.empty() ? own_repositories(settings) : settings.allowed_images;
      std::string why = field + ": ";
      why += image + " is not an image of " + list_of(allowed);
      why +=
          "; leave the field out, use such an image, or ask who runs the operator to allow this "
          "one (allow.images of the chart, --allow-images)";
      found.push_back(std::move(why));
    }
  }
  return found;
}

std::vector<SecretReference> secret_references(const spec::FederatedTraining& spec) {
  std::vector<SecretReference> references;
  if (spec.security.tls) {
    references.push_back({"spec.security.tls.secretName", spec.security.tls->secret_name});
  }
  if (spec.security.auth_token_secret_ref) {
    references.push_back(
        {"spec.security.authTokenSecretRef.name", spec.security.auth_token_secret_ref->name});
  }
  const auto add_pull_secrets = [&](const std::string& field, const spec::PodSettings& pod) {
    if (!pod.image_pull_secrets) {
      return;
    }
    const Json secrets = Json::parse(pod.image_pull_secrets->json);
    for (std::size_t i = 0; secrets.is_array() && i < secrets.size(); ++i) {
      if (const auto name = text_at(secrets[i], "name")) {
        references.push_back({field + "[" + std::to_string(i) + "].name", *name});
      }
    }
  };
  for (std::size_t i = 0; i < spec.participants.size(); ++i) {
    const auto& participant = spec.participants[i];
    add_pull_secrets(participant_field(i, "imagePullSecrets"), participant.pod);
    if (!participant.data_volume) {
      continue;
    }
    const Json volume = Json::parse(participant.data_volume->json);
    const Json* const csi = member(volume, "csi");
    const Json* const secret = csi == nullptr ? nullptr : member(*csi, "nodePublishSecretRef");
    if (const auto name = secret == nullptr ? std::nullopt : text_at(*secret, "name")) {
      references.push_back({participant_field(i, "data.volume.csi.nodePublishSecretRef"), *name});
    }
  }
  add_pull_secrets("spec.aggregator.imagePullSecrets", spec.aggregator.pod);
  add_pull_secrets("spec.output.imagePullSecrets", spec.output.pod);
  return references;
}

std::string why_not_allowed(const Json& secret,
                            const SecretReference& reference,
                            std::string_view training) {
  const std::string what = reference.field + ": Secret " + reference.name;
  const auto owner = k8s::controller_of(secret);
  if (label_of(secret, kManagedBy) == kManager ||
      (owner && owner->kind == k8s::kFederatedTrainings.kind)) {
    return what +
           " was created by the operator for a training and is nobody else's; name a Secret "
           "of your own";
  }
  const auto value = label_of(secret, kAllowTraining);
  if (value == kAnyTraining || (!value.empty() && value == training_label(training))) {
    return "";
  }
  return what + " does not say that this training may use it; " +
         how_to_allow(reference.name, training);
}

std::vector<PolicyReference> policy_references(const spec::FederatedTraining& spec) {
  std::vector<PolicyReference> references;
  for (std::size_t i = 0; i < spec.participants.size(); ++i) {
    if (const auto& policy = spec.participants[i].policy_ref) {
      references.push_back({participant_field(i, "policyRef.name"), policy->name});
    }
  }
  return references;
}

std::vector<DataReference> data_references(const spec::FederatedTraining& spec) {
  std::vector<DataReference> references;
  for (std::size_t i = 0; i < spec.participants.size(); ++i) {
    const auto& participant = spec.participants[i];
    if (!participant.data_volume) {
      continue;
    }
    const Json volume = Json::parse(participant.data_volume->json);
    const Json* const source = member(volume, "configMap");
    const auto name = source == nullptr ? std::nullopt : text_at(*source, "name");
    const Json* const optional = source == nullptr ? nullptr : member(*source, "optional");
    if (name && (optional == nullptr || *optional != true)) {
      references.push_back(
          {participant.name, participant_field(i, "data.volume.configMap"), *name});
    }
  }
  return references;
}

std::string why_no_data(const DataReference& reference) {
  return reference.field + ": there is no ConfigMap " + reference.name +
         "; create it, with the file of data.path in it";
}

std::string why_no_policy(const Json& config_map, const PolicyReference& reference) {
  const std::string key = kPolicyKey;
  if (config_map.is_null()) {
    return reference.field + ": there is no ConfigMap " + reference.name +
           "; create it, with the policy of the site under the key " + key;
  }
  const Json* const data = member(config_map, "data");
  if (data == nullptr || !text_at(*data, key)) {
    return reference.field + ": ConfigMap " + reference.name + " has no key " + key +
           "; add the policy of the site under it";
  }
  return "";
}

std::string why_missing(const SecretReference& reference, std::string_view training) {
  return reference.field + ": there is no Secret " + reference.name + "; create it, and " +
         how_to_allow(reference.name, training);
}

}  // namespace genesis::control
