#include "common/metrics/process.hpp"

#include <cstdlib>
#include <string>

#include "tests/support/catch.hpp"

using namespace genesis::metrics;

namespace {

double value_of(const std::string& text, const std::string& series) {
  const auto at = text.find("\n" + series + " ");
  REQUIRE(at != std::string::npos);
  return std::strtod(text.c_str() + at + series.size() + 2, nullptr);
}

}  // namespace

TEST_CASE("metrics: a process tells memory, processor time, descriptors and build", "[metrics]") {
  Registry registry;
  declare_process(registry, "test");
  const auto text = registry.text();
  CHECK(value_of(text, "process_resident_memory_bytes") > 1024.0 * 1024.0);
  CHECK(value_of(text, "process_open_fds") >= 3.0);
  CHECK(value_of(text, "process_start_time_seconds") > 1.7e9);  // some time after 2023
  CHECK_THAT(text, ContainsSubstring("genesis_build_info{compiler=\""));
  CHECK_THAT(text, ContainsSubstring("program=\"test\""));
  const double before = value_of(text, "process_cpu_seconds_total");
  volatile double sink = 0.0;
  double after = before;
  for (int tries = 0; tries < 1000 && after <= before; ++tries) {
    for (int i = 0; i < 100'000; ++i) {
      sink = sink + 1.0;
    }
    after = value_of(registry.text(), "process_cpu_seconds_total");
  }
  CHECK(after > before);
}
