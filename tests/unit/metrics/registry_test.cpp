#include "common/metrics/registry.hpp"

#include <thread>

#include "tests/support/catch.hpp"

using namespace genesis::metrics;

TEST_CASE("metrics: the text of a registry, whole", "[metrics][golden]") {
  Registry registry;
  auto round = registry.gauge({"genesis_round", "The open round."});
  auto bytes = registry.counters({"genesis_update_bytes_total", "Bytes of updates."},
                                 {{"direction", "encoding"}});
  auto seconds =
      registry.histogram({"genesis_local_step_seconds", "Time of a step."}, {0.25, 0.5, 1});
  round.set(7);
  bytes.with({"received", "none"}).add(1024);
  bytes.with({"received", "gzip"}).add();
  bytes.with({"sent", "none"});
  seconds.observe(0.25);
  seconds.observe(0.375);
  seconds.observe(2);
  CHECK(registry.text() ==
        R"(# HELP genesis_local_step_seconds Time of a step.
# TYPE genesis_local_step_seconds histogram
genesis_local_step_seconds_count 3
genesis_local_step_seconds_sum 2.625
genesis_local_step_seconds_bucket{le="0.25"} 1
genesis_local_step_seconds_bucket{le="0.5"} 2
genesis_local_step_seconds_bucket{le="1"} 2
genesis_local_step_seconds_bucket{le="+Inf"} 3
# HELP genesis_round The open round.
# TYPE genesis_round gauge
genesis_round 7
# HELP genesis_update_bytes_total Bytes of updates.
# TYPE genesis_update_bytes_total counter
genesis_update_bytes_total{direction="received",encoding="gzip"} 1
genesis_update_bytes_total{direction="received",encoding="none"} 1024
genesis_update_bytes_total{direction="sent",encoding="none"} 0
)");
}

TEST_CASE("metrics: a registry without series has no text", "[metrics]") {
  Registry registry;
  registry.counters({"genesis_rounds_total", "Rounds."}, {{"result"}});
  CHECK(registry.text().empty());
}

TEST_CASE("metrics: a label value keeps to the format whatever it holds", "[metrics]") {
  Registry registry;
  registry.gauges({"m", "h"}, {{"client"}}).with({"a\"b\\c\nd"}).set(1);
  CHECK_THAT(registry.text(), ContainsSubstring("m{client=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

TEST_CASE("metrics: handles read back what they wrote", "[metrics]") {
  Registry registry;
  auto counter = registry.counter({"c_total", "h"});
  counter.add(2.5);
  counter.add(-7);
  CHECK(counter.value() == 2.5);
  auto gauge = registry.gauge({"g", "h"});
  gauge.set(4);
  gauge.add(-1);
  CHECK(gauge.value() == 3);
  auto histogram = registry.histogram({"h_seconds", "h"}, {1});
  histogram.observe(0.5);
  histogram.observe(3);
  CHECK(histogram.count() == 2);
  CHECK(histogram.sum() == 3.5);
}

TEST_CASE("metrics: a total counted elsewhere never falls", "[metrics]") {
  Registry registry;
  auto counter = registry.counter({"c_total", "h"});
  counter.raise_to(10);
  counter.raise_to(4);
  CHECK(counter.value() == 10);
  counter.raise_to(11);
  CHECK(counter.value() == 11);
}

TEST_CASE("metrics: the same label values are the same series", "[metrics]") {
  Registry registry;
  auto family = registry.counters({"c_total", "h"}, {{"client"}});
  family.with({"a"}).add();
  family.with({"a"}).add();
  family.with({"b"}).add();
  CHECK(family.with({"a"}).value() == 2);
}

TEST_CASE("metrics: past its bound a family counts new series as one", "[metrics]") {
  Registry registry;
  auto family = registry.counters({"c_total", "h"}, {{"client"}, 2});
  for (int i = 0; i < 1000; ++i) {
    family.with({"client-" + std::to_string(i)}).add();
  }
  CHECK(registry.text() ==
        "# HELP c_total h\n# TYPE c_total counter\n"
        "c_total{client=\"client-0\"} 1\n"
        "c_total{client=\"client-1\"} 1\n"
        "c_total{client=\"other\"} 998\n");
}

TEST_CASE("metrics: a removed series is gone and makes room", "[metrics]") {
  Registry registry;
  auto family = registry.gauges({"g", "h"}, {{"client"}, 1});
  family.with({"a"}).set(1);
  family.remove({"a"});
  family.remove({"never"});
  family.with({"b"}).set(2);
  CHECK(registry.text() == "# HELP g h\n# TYPE g gauge\ng{client=\"b\"} 2\n");
}

TEST_CASE("metrics: what is read rather than counted is fresh in each text", "[metrics]") {
  Registry registry;
  auto gauge = registry.gauge({"g", "h"});
  int scrapes = 0;
  registry.on_collect([&, gauge]() mutable { gauge.set(++scrapes); });
  CHECK_THAT(registry.text(), ContainsSubstring("g 1\n"));
  CHECK_THAT(registry.text(), ContainsSubstring("g 2\n"));
}

TEST_CASE("metrics: threads count and scrape at once without losing a step", "[metrics]") {
  Registry registry;
  auto family = registry.counters({"c_total", "h"}, {{"client"}});
  auto histogram = registry.histogram({"h_seconds", "h"}, {0.1, 1});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 1000; ++i) {
        family.with({std::to_string(t % 2)}).add();
        histogram.observe(0.5);
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    CHECK_FALSE(registry.text().empty());
  }
  for (auto& thread : threads) {
    thread.join();
  }
  CHECK(family.with({"0"}).value() == 2000);
  CHECK(family.with({"1"}).value() == 2000);
  CHECK(histogram.count() == 4000);
}

TEST_CASE("metrics: exponential buckets are round numbers", "[metrics]") {
  CHECK(exponential_buckets(0.001, 2, 5) == std::vector<double>{0.001, 0.002, 0.004, 0.008, 0.016});
  CHECK(exponential_buckets(0.1, 3.16227766, 4) == std::vector<double>{0.1, 0.316, 1, 3.16});
  CHECK(exponential_buckets(1, 2, 0).empty());
}
