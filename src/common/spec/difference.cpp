#include "common/spec/difference.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "common/base/json.hpp"

namespace genesis::spec {
namespace {

constexpr std::size_t kMaxShown = 60;  // bytes of a value

std::string shown(JsonValue value) {
  std::string text(value.source());
  return text.size() <= kMaxShown ? text : text.substr(0, kMaxShown) + "...";
}

void compare(const std::string& path,
             JsonValue before,
             JsonValue after,
             std::vector<Difference>& found) {
  std::set<std::string> keys;
  for (const JsonValue side : {before, after}) {
    for (const auto& [name, value] : side.members()) {
      keys.insert(name.text().value_or(""));
    }
  }
  for (const auto& key : keys) {
    const std::string field = path.empty() ? key : path + "." + key;
    const auto old = before.find(key);
    const auto now = after.find(key);
    if (!old || !now) {
      found.push_back({field, old ? shown(*old) : "", now ? shown(*now) : ""});
    } else if (old->is_object() && now->is_object()) {
      compare(field, *old, *now, found);
    } else if (old->source() != now->source()) {
      found.push_back({field, shown(*old), shown(*now)});
    }
  }
}

Result<JsonDocument> object_of(std::string_view text) {
  GENESIS_ASSIGN(auto json, parse_json(text));
  if (!json.root().is_object()) {
    return fail(Errc::kInvalidArgument, "spec: expected an object");
  }
  return json;
}

}  // namespace

Result<std::vector<Difference>> differences(std::string_view before, std::string_view after) {
  GENESIS_ASSIGN(const auto old, object_of(before));
  GENESIS_ASSIGN(const auto now, object_of(after));
  std::vector<Difference> found;
  compare("", old, now, found);
  for (auto& difference : found) {
    // Fields are named as overrides are.
    if (difference.field.starts_with("spec.")) {
      difference.field.erase(0, 5);
    }
  }
  return found;
}

bool may_change_on_resume(std::string_view field) {
  constexpr std::array<std::string_view, 5> kFields = {"rounds.deadlineSeconds",
                                                       "rounds.startDeadlineSeconds",
                                                       "rounds.retries",
                                                       "communication.retryAttempts",
                                                       "communication.timeoutSeconds"};
  return std::ranges::find(kFields, field) != kFields.end();
}

std::string to_string(const std::vector<Difference>& differences) {
  std::string text;
  for (const auto& difference : differences) {
    text += (text.empty() ? "" : "; ") + difference.field + ": " +
            (difference.before.empty() ? "not set" : difference.before) + ", now " +
            (difference.after.empty() ? "not set" : difference.after);
  }
  return text;
}

}  // namespace genesis::spec
