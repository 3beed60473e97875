#pragma once
// Where a server or client tells how it does: /metrics for Prometheus, /healthz, /readyz
// (docs/metrics.md). Plain HTTP, apart from the training's port.
#include <cstdint>
#include <optional>
#include <string>

namespace genesis {

struct MetricsListener {
  std::string host = "127.0.0.1";     // whoever reaches it may read it: keep strangers out
  std::optional<std::uint16_t> port;  // none: no listener; 0 takes a free one
};

}  // namespace genesis
