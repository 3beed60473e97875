#include "common/k8s/object.hpp"

#include <nlohmann/json.hpp>

namespace genesis::k8s {
namespace {

std::string_view text_at(const Json& object, std::string_view field) {
  if (!object.is_object()) {
    return {};
  }
  const auto found = object.find(field);
  if (found == object.end() || !found->is_string()) {
    return {};
  }
  return found->get_ref<const std::string&>();
}

const Json* metadata_of(const Json& object) {
  if (!object.is_object()) {
    return nullptr;
  }
  const auto found = object.find("metadata");
  return found == object.end() ? nullptr : &*found;
}

}  // namespace

std::string ObjectKey::str() const {
  return ns.empty() ? name : ns + "/" + name;
}

std::size_t HashObjectKey::operator()(const ObjectKey& key) const {
  const std::size_t first = std::hash<std::string>{}(key.ns);
  const std::size_t second = std::hash<std::string>{}(key.name);
  return second ^ (first + 0x9e3779b97f4a7c15U + (second << 6U) + (second >> 2U));
}

std::string_view metadata_text(const Json& object, std::string_view field) {
  const Json* metadata = metadata_of(object);
  return metadata == nullptr ? std::string_view{} : text_at(*metadata, field);
}

ObjectKey key_of(const Json& object) {
  return ObjectKey(std::string(metadata_text(object, "namespace")),
                   std::string(metadata_text(object, "name")));
}

std::optional<Owner> controller_of(const Json& object) {
  const Json* metadata = metadata_of(object);
  if (metadata == nullptr || !metadata->is_object()) {
    return std::nullopt;
  }
  const auto owners = metadata->find("ownerReferences");
  if (owners == metadata->end() || !owners->is_array()) {
    return std::nullopt;
  }
  for (const Json& owner : *owners) {
    if (!owner.is_object()) {
      continue;
    }
    const auto is_controller = owner.find("controller");
    if (is_controller != owner.end() && *is_controller == true) {
      return Owner{std::string(text_at(owner, "kind")),
                   std::string(text_at(owner, "name")),
                   std::string(text_at(owner, "uid"))};
    }
  }
  return std::nullopt;
}

}  // namespace genesis::k8s
