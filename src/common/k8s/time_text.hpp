#pragma once
// Times as the API writes them (RFC 3339, UTC). Pure. Private to this folder.
#include <chrono>
#include <string>

namespace genesis::k8s {

/// "2026-03-01T12:00:00Z": metav1.Time.
std::string to_time(std::chrono::system_clock::time_point time);
/// "2026-03-01T12:00:00.000000Z": metav1.MicroTime.
std::string to_micro_time(std::chrono::system_clock::time_point time);

}  // namespace genesis::k8s
