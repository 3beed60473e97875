#include "operator/spec_cache.hpp"

#include "common/k8s/object.hpp"

namespace genesis::control {

const ParsedSpec& SpecCache::of(const k8s::Json& object) {
  std::string uid(k8s::uid_of(object));
  const std::int64_t generation = generation_of(object);
  const auto found = by_uid_.find(uid);
  if (found != by_uid_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    Entry& entry = entries_.front();
    const bool is_identified = !uid.empty() && generation > 0;
    if (entry.generation != generation || !is_identified) {
      entry.generation = generation;
      entry.parsed = parse_spec(object);
    }
    return entry.parsed;
  }
  entries_.push_front(Entry{uid, generation, parse_spec(object)});
  by_uid_.emplace(std::move(uid), entries_.begin());
  if (entries_.size() > capacity_ && entries_.size() > 1) {
    by_uid_.erase(entries_.back().uid);
    entries_.pop_back();
  }
  return entries_.front().parsed;
}

void SpecCache::forget(std::string_view uid) {
  const auto found = by_uid_.find(std::string(uid));
  if (found != by_uid_.end()) {
    entries_.erase(found->second);
    by_uid_.erase(found);
  }
}

}  // namespace genesis::control
