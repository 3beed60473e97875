#pragma once
// What an informer has seen, by name and by owner. Objects are kept as compact text and parsed when
// read: a parsed object takes about eight times its text, and thousands are kept while few are read
// at a time. On the strand; readers get values of their own.
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
  /// In order.
  [[nodiscard]] std::vector<ObjectKey> keys() const;
  /// Objects whose controlling ownerReference has this uid, in order of their names.
  [[nodiscard]] std::vector<Json> owned_by(std::string_view uid) const;
  [[nodiscard]] std::vector<ObjectKey> keys_owned_by(std::string_view uid) const;
  /// Bytes of text held.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// kSame where nothing but the resourceVersion differs from what is held.
  Put put(Json object);
  /// What was held, if anything.
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
