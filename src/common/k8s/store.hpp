#pragma once
// The objects of an informer, by name and by owner. They are kept as compact text and parsed when
// they are read: a parsed object takes about eight times the memory of its text, and thousands are
// kept while few are read at a time. On the strand. Readers get copies.
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/k8s/json.hpp"
#include "common/k8s/object.hpp"

namespace genesis::k8s {

class Store {
 public:
  enum class Put { kAdded, kChanged, kSame };

  /// The object as transformed, with its metadata.resourceVersion.
  [[nodiscard]] std::optional<Json> get(const ObjectKey& key) const;
  [[nodiscard]] bool contains(const ObjectKey& key) const { return objects_.contains(key); }
  [[nodiscard]] std::size_t size() const { return objects_.size(); }
  /// Sorted.
  [[nodiscard]] std::vector<ObjectKey> keys() const;
  /// Objects whose controlling ownerReference has this uid, in order of their names.
  [[nodiscard]] std::vector<Json> owned_by(std::string_view uid) const;
  [[nodiscard]] std::vector<ObjectKey> keys_owned_by(std::string_view uid) const;
  /// Size of the stored text.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// kSame if nothing but the resourceVersion differs from the stored object.
  Put put(Json object);
  /// The object that was stored, if any.
  std::optional<Json> erase(const ObjectKey& key);

 private:
  struct Entry {
    std::string text;  // without resourceVersion
    std::string resource_version;
    std::string owner_uid;
  };
  static Json parse(const Entry& entry);
  void unlink(const ObjectKey& key, const std::string& owner_uid);

  std::map<ObjectKey, Entry> objects_;
  std::unordered_map<std::string, std::vector<ObjectKey>> owned_;  // owner's uid -> sorted keys
  std::size_t bytes_ = 0;
};

}  // namespace genesis::k8s
