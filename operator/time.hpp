#pragma once
// Wall-clock time as the API server writes it: RFC 3339 in UTC, whole seconds.
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace genesis::control {

using SystemTime = std::chrono::sys_seconds;

/// By the machine's clock.
[[nodiscard]] SystemTime now();

/// "2026-03-01T12:00:00Z".
[[nodiscard]] std::string to_rfc3339(SystemTime time);

/// Drops fractions of a second. nullopt if the text is anything else or not in UTC.
[[nodiscard]] std::optional<SystemTime> parse_rfc3339(std::string_view text);

}  // namespace genesis::control
