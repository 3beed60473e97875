#pragma once
// The calendar's time as people and files read it.
#include <string>

namespace genesis {

/// Now, in UTC: "2026-03-01T12:00:00Z" (RFC 3339).
[[nodiscard]] std::string utc_now();

}  // namespace genesis
