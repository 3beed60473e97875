#include "common/k8s/store.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/check.hpp"
#include "common/k8s/json_text.hpp"

namespace genesis::k8s {
namespace {

// A parsed object leaves a third of its text's buffer unused on average; thousands are kept.
std::string shrunk(std::string text) {
  text.shrink_to_fit();
  return text;
}

}  // namespace

std::optional<Json> Store::get(const ObjectKey& key) const {
  const auto found = objects_.find(key);
  if (found == objects_.end()) {
    return std::nullopt;
  }
  return parse(found->second);
}

std::vector<ObjectKey> Store::keys() const {
  std::vector<ObjectKey> keys;
  keys.reserve(objects_.size());
  for (const auto& [key, entry] : objects_) {
    keys.push_back(key);
  }
  return keys;
}

std::vector<ObjectKey> Store::keys_owned_by(std::string_view uid) const {
  const auto found = owned_.find(std::string(uid));
  return found == owned_.end() ? std::vector<ObjectKey>() : found->second;
}

std::vector<Json> Store::owned_by(std::string_view uid) const {
  std::vector<Json> objects;
  for (const ObjectKey& key : keys_owned_by(uid)) {
    objects.push_back(parse(objects_.at(key)));
  }
  return objects;
}

Store::Put Store::put(Json object) {
  ObjectKey key = key_of(object);
  GENESIS_CHECK(!key.name.empty(), "[store] an object without a name");
  Entry entry;
  entry.resource_version = resource_version_of(object);
  if (const auto owner = controller_of(object)) {
    entry.owner_uid = owner->uid;
  }
  object["metadata"].erase("resourceVersion");
  entry.text = shrunk(dump_json(object));

  const auto [place, is_new] = objects_.try_emplace(key);
  Entry& held = place->second;
  if (!is_new && held.text == entry.text) {
    held.resource_version = std::move(entry.resource_version);
    return Put::kSame;
  }
  if (!is_new && held.owner_uid != entry.owner_uid) {
    unlink(key, held.owner_uid);
  }
  if (!entry.owner_uid.empty() && (is_new || held.owner_uid != entry.owner_uid)) {
    std::vector<ObjectKey>& keys = owned_[entry.owner_uid];
    keys.insert(std::ranges::lower_bound(keys, key), key);
  }
  bytes_ += entry.text.size() - held.text.size();
  held = std::move(entry);
  return is_new ? Put::kAdded : Put::kChanged;
}

std::optional<Json> Store::erase(const ObjectKey& key) {
  const auto found = objects_.find(key);
  if (found == objects_.end()) {
    return std::nullopt;
  }
  std::optional<Json> last = parse(found->second);
  unlink(key, found->second.owner_uid);
  bytes_ -= found->second.text.size();
  objects_.erase(found);
  return last;
}

Json Store::parse(const Entry& entry) {
  Json object = Json::parse(entry.text, nullptr, false);
  object["metadata"]["resourceVersion"] = entry.resource_version;
  return object;
}

void Store::unlink(const ObjectKey& key, const std::string& owner_uid) {
  const auto owned = owned_.find(owner_uid);
  if (owned == owned_.end()) {
    return;
  }
  std::erase(owned->second, key);
  if (owned->second.empty()) {
    owned_.erase(owned);
  }
}

}  // namespace genesis::k8s
