#include "common/metrics/process.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

#include "common/base/version.hpp"

namespace genesis::metrics {
namespace {

// proc(5): the second number of statm is the resident set in pages.
double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  long total = 0;
  long resident = 0;
  statm >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double seconds_since_epoch() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

double open_descriptors() {
  std::error_code failed;
  double count = 0.0;
  for (std::filesystem::directory_iterator it("/proc/self/fd", failed), end; !failed && it != end;
       it.increment(failed)) {
    count += 1.0;
  }
  return count - 1.0;  // less the one that this reading has open
}

}  // namespace

void declare_process(Registry& registry, std::string_view program) {
  auto resident =
      registry.gauge({"process_resident_memory_bytes", "Resident memory of this process."});
  auto cpu = registry.counter(
      {"process_cpu_seconds_total", "User and system time of this process, all threads."});
  auto descriptors = registry.gauge({"process_open_fds", "Open file descriptors."});
  registry
      .gauge({"process_start_time_seconds", "When this process started, in seconds since 1970."})
      .set(seconds_since_epoch());
  registry
      .gauges({"genesis_build_info", "Always 1; the labels tell what is running."},
              {{"program", "version", "compiler"}})
      .with({std::string(program), std::string(version()), __VERSION__})
      .set(1.0);
  registry.on_collect([resident, cpu, descriptors]() mutable {
    resident.set(resident_bytes());
    cpu.raise_to(cpu_seconds());
    descriptors.set(open_descriptors());
  });
}

}  // namespace genesis::metrics
