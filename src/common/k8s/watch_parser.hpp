#pragma once
// The body of a watch, newline-delimited JSON, as events. Incremental and pure: chunk sizes are the
// network's choice.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/error.hpp"
#include "common/k8s/json.hpp"

namespace genesis::k8s {

enum class WatchEventType {
  kAdded,
  kModified,
  kDeleted,   // `object` is its last state
  kBookmark,  // `object` carries a resourceVersion alone: everything before it was sent
  kError,     // `object` is a Status
};

struct WatchEvent {
  WatchEventType type = WatchEventType::kAdded;
  Json object;
};

class WatchParser {
 public:
  /// An object of etcd has at most 1.5 MiB; JSON of it is rarely twice that.
  static constexpr std::size_t kMaxLineBytes = std::size_t{8} << 20;

  explicit WatchParser(std::size_t max_line_bytes = kMaxLineBytes)
      : max_line_bytes_(max_line_bytes) {}

  /// The events that `bytes` complete, in order. Errors: kResourceExhausted for a line above the
  /// limit, kDataLoss for a line that is not an event. The parser cannot be used after an error.
  [[nodiscard]] Result<std::vector<WatchEvent>> feed(std::span<const char> bytes);

  /// Whether the stream may end here, that is, not in the middle of a line.
  [[nodiscard]] bool is_between_events() const { return line_.empty(); }

 private:
  std::size_t max_line_bytes_;
  std::string line_;  // begun, without its newline
};

}  // namespace genesis::k8s
