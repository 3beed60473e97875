#pragma once
// A process's metrics: counters, gauges and histograms, with or without labels, and their text for
// Prometheus (exposition format 0.0.4). A thin face of prometheus-cpp, whose headers stay inside.
// Declare every metric once, in one file a process, and keep the handles: changing a value is an
// atomic operation (a histogram's takes a mutex for some ten nanoseconds). All of it may be used
// from any thread.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace genesis::metrics {

/// Handles: as cheap to copy as a pointer, valid as long as the Registry (or until remove()).
class Counter {
 public:
  explicit Counter(prometheus::Counter& native) : native_(&native) {}
  /// Negative amounts are ignored.
  void add(double amount = 1.0);
  /// For totals that are counted elsewhere: adds what is missing up to `total`. From one thread.
  void raise_to(double total);
  [[nodiscard]] double value() const;

 private:
  prometheus::Counter* native_;
};

class Gauge {
 public:
  explicit Gauge(prometheus::Gauge& native) : native_(&native) {}
  void set(double value);
  void add(double amount);
  [[nodiscard]] double value() const;

 private:
  prometheus::Gauge* native_;
};

class Histogram {
 public:
  explicit Histogram(prometheus::Histogram& native) : native_(&native) {}
  void observe(double value);
  /// Observations so far, and their sum.
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] double sum() const;

 private:
  prometheus::Histogram* native_;
};

/// Name, with the unit as its last word and "_total" on counters, and what it tells whom.
struct Description {
  std::string name;
  std::string help;
};

/// The labels of a family and how many series it may grow to. Past that, `with` counts everything
/// new under the value "other": a peer that invents names costs no memory.
struct Labels {
  std::vector<std::string> names;
  std::size_t max_series = 1000;
};

class Registry;

/// One metric with labels.
template <typename Metric>
class Family {
 public:
  struct State;
  explicit Family(State& state) : state_(&state) {}

  /// The series with these label values, in the order of Labels::names; made at the first call (a
  /// lookup under a mutex). Make known ones at the start, so that they are scraped as 0 before
  /// anything happens.
  Metric with(const std::vector<std::string>& values);
  /// The series is scraped no more; its handles must not be used again.
  void remove(const std::vector<std::string>& values);

 private:
  State* state_;
};

class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// A name that is taken or malformed breaks an invariant (GENESIS_CHECK): declarations are code.
  Counter counter(const Description& description);
  Gauge gauge(const Description& description);
  /// `buckets`: upper bounds, rising; +Inf is added.
  Histogram histogram(const Description& description, const std::vector<double>& buckets);
  Family<Counter> counters(const Description& description, const Labels& labels);
  Family<Gauge> gauges(const Description& description, const Labels& labels);
  Family<Histogram> histograms(const Description& description,
                               const Labels& labels,
                               const std::vector<double>& buckets);

  /// Called before each text(), from its thread, one at a time: for values that are read rather
  /// than counted. It declares nothing, and what it refers to outlives the registry's last text().
  void on_collect(std::function<void()> refresh);

  /// All series, families and series in the order of their names. Serve it as kContentType.
  [[nodiscard]] std::string text();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

inline constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

/// `count` upper bounds from `first`, each `factor` times the one before, rounded to three digits.
[[nodiscard]] std::vector<double> exponential_buckets(double first,
                                                      double factor,
                                                      std::size_t count);

}  // namespace genesis::metrics
