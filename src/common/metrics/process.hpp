#pragma once
// What every process tells of itself, under the names that Prometheus clients share.
#include <string_view>

#include "common/metrics/registry.hpp"

namespace genesis::metrics {

/// Declares process_resident_memory_bytes, process_cpu_seconds_total, process_open_fds (all read
/// from the system at each scrape) and genesis_build_info{program,version,compiler} 1.
void declare_process(Registry& registry, std::string_view program);

}  // namespace genesis::metrics
