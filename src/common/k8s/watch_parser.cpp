#include "common/k8s/watch_parser.hpp"

#include <optional>
#include <string_view>
#include <utility>

#include "common/k8s/json_text.hpp"

namespace genesis::k8s {
namespace {

std::optional<WatchEventType> type_of(std::string_view word) {
  if (word == "ADDED") {
    return WatchEventType::kAdded;
  }
  if (word == "MODIFIED") {
    return WatchEventType::kModified;
  }
  if (word == "DELETED") {
    return WatchEventType::kDeleted;
  }
  if (word == "BOOKMARK") {
    return WatchEventType::kBookmark;
  }
  if (word == "ERROR") {
    return WatchEventType::kError;
  }
  return std::nullopt;
}

Result<WatchEvent> parse_event(std::string_view line) {
  GENESIS_ASSIGN(Json json, parse_json(line, "watch event"));
  const std::string word = text_field(json, "type");
  const auto type = type_of(word);
  if (!type) {
    return fail(Errc::kDataLoss, "watch event: unknown type \"" + word.substr(0, 40) + "\"");
  }
  const auto object = json.find("object");
  if (object == json.end() || !object->is_object()) {
    return fail(Errc::kDataLoss, "watch event: has no object");
  }
  return WatchEvent{*type, std::move(*object)};
}

}  // namespace

Result<std::vector<WatchEvent>> WatchParser::feed(std::span<const char> bytes) {
  std::vector<WatchEvent> events;
  std::string_view rest(bytes.data(), bytes.size());
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view part = rest.substr(0, end);
    if (line_.size() + part.size() > max_line_bytes_) {
      return fail(Errc::kResourceExhausted,
                  "watch event: larger than " + std::to_string(max_line_bytes_) + " bytes");
    }
    if (end == std::string_view::npos) {
      line_.append(part);
      break;
    }
    rest.remove_prefix(end + 1);
    const std::string line = std::exchange(line_, {}).append(part);
    if (line.find_first_not_of(" \t\r") == std::string::npos) {
      continue;
    }
    GENESIS_ASSIGN(WatchEvent event, parse_event(line));
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace genesis::k8s
