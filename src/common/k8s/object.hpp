#pragma once
// Names of objects, and the metadata that all objects have. Pure.
#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/k8s/json.hpp"

namespace genesis::k8s {

/// Namespace and name of an object. `ns` is "" for cluster-scoped kinds. Not an aggregate, so that
/// gcc 12 compiles a temporary beside co_await correctly.
struct ObjectKey {
  ObjectKey() = default;
  ObjectKey(std::string key_ns, std::string key_name)
      : ns(std::move(key_ns)), name(std::move(key_name)) {}

  std::string ns;
  std::string name;

  /// "NS/NAME", or "NAME" without a namespace.
  [[nodiscard]] std::string str() const;
  auto operator<=>(const ObjectKey&) const = default;
};

struct HashObjectKey {
  std::size_t operator()(const ObjectKey& key) const;
};

/// An ownerReference.
struct Owner {
  std::string kind;
  std::string name;
  std::string uid;
  bool operator==(const Owner&) const = default;
};

/// Text at metadata.FIELD, or "" if there is none. `object` may be any JSON value.
std::string_view metadata_text(const Json& object, std::string_view field);
inline std::string_view uid_of(const Json& object);
inline std::string_view resource_version_of(const Json& object);
ObjectKey key_of(const Json& object);
/// The ownerReference with controller: true.
std::optional<Owner> controller_of(const Json& object);

inline std::string_view uid_of(const Json& object) {
  return metadata_text(object, "uid");
}
inline std::string_view resource_version_of(const Json& object) {
  return metadata_text(object, "resourceVersion");
}

}  // namespace genesis::k8s

template <>
struct std::hash<genesis::k8s::ObjectKey> : genesis::k8s::HashObjectKey {};
