#include "common/metrics/registry.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <type_traits>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "common/base/check.hpp"

namespace genesis::metrics {
namespace {

constexpr std::string_view kOther = "other";

template <typename Metric>
struct Native;
template <>
struct Native<Counter> {
  using Type = prometheus::Counter;
  static auto build() { return prometheus::BuildCounter(); }
};
template <>
struct Native<Gauge> {
  using Type = prometheus::Gauge;
  static auto build() { return prometheus::BuildGauge(); }
};
template <>
struct Native<Histogram> {
  using Type = prometheus::Histogram;
  static auto build() { return prometheus::BuildHistogram(); }
};

}  // namespace

void Counter::add(double amount) {
  native_->Increment(amount);
}

void Counter::raise_to(double total) {
  native_->Increment(std::max(0.0, total - native_->Value()));
}

double Counter::value() const {
  return native_->Value();
}

void Gauge::set(double value) {
  native_->Set(value);
}

void Gauge::add(double amount) {
  native_->Increment(amount);
}

double Gauge::value() const {
  return native_->Value();
}

void Histogram::observe(double value) {
  native_->Observe(value);
}

std::uint64_t Histogram::count() const {
  return native_->Collect().histogram.sample_count;
}

double Histogram::sum() const {
  return native_->Collect().histogram.sample_sum;
}

template <typename Metric>
struct Family<Metric>::State {
  using NativeMetric = typename Native<Metric>::Type;

  // Constant.
  prometheus::Family<NativeMetric>* native = nullptr;
  Labels labels;
  std::vector<double> buckets;  // of histograms
  std::mutex mutex;
  std::map<std::vector<std::string>, NativeMetric*> series;  // guarded by mutex

  // The mutex is held.
  NativeMetric& get(const std::vector<std::string>& values) {
    if (const auto known = series.find(values); known != series.end()) {
      return *known->second;
    }
    prometheus::Labels named;
    for (std::size_t i = 0; i < values.size(); ++i) {
      named.emplace(labels.names[i], values[i]);
    }
    NativeMetric* made = nullptr;
    if constexpr (std::is_same_v<Metric, Histogram>) {
      made = &native->Add(named, buckets);
    } else {
      made = &native->Add(named);
    }
    series.emplace(values, made);
    return *made;
  }
};

template <typename Metric>
Metric Family<Metric>::with(const std::vector<std::string>& values) {
  GENESIS_CHECK(values.size() == state_->labels.names.size(), "one value for each label");
  const std::lock_guard lock(state_->mutex);
  const bool is_full = state_->series.size() >= state_->labels.max_series;
  if (is_full && !state_->series.contains(values)) {
    return Metric(state_->get(std::vector<std::string>(values.size(), std::string(kOther))));
  }
  return Metric(state_->get(values));
}

template <typename Metric>
void Family<Metric>::remove(const std::vector<std::string>& values) {
  const std::lock_guard lock(state_->mutex);
  if (const auto known = state_->series.find(values); known != state_->series.end()) {
    state_->native->Remove(known->second);
    state_->series.erase(known);
  }
}

template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;

struct Registry::Impl {
  prometheus::Registry native;
  std::mutex mutex;
  // Guarded by mutex.
  std::set<std::string> names;
  std::vector<std::function<void()>> refreshers;
  std::vector<std::unique_ptr<Family<Counter>::State>> counters;
  std::vector<std::unique_ptr<Family<Gauge>::State>> gauges;
  std::vector<std::unique_ptr<Family<Histogram>::State>> histograms;

  template <typename Metric>
  Family<Metric> declare(std::vector<std::unique_ptr<typename Family<Metric>::State>>& states,
                         const Description& description,
                         const Labels& labels,
                         const std::vector<double>& buckets) {
    const std::lock_guard lock(mutex);
    GENESIS_CHECK(names.insert(description.name).second,
                  "the metric " + description.name + " is declared twice");
    auto state = std::make_unique<typename Family<Metric>::State>();
    try {
      state->native =
          &Native<Metric>::build().Name(description.name).Help(description.help).Register(native);
    } catch (const std::exception& error) {
      GENESIS_CHECK(false, "the metric " + description.name + ": " + error.what());
    }
    state->labels = labels;
    state->buckets = buckets;
    states.push_back(std::move(state));
    return Family<Metric>(*states.back());
  }
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter Registry::counter(const Description& description) {
  return counters(description, Labels{}).with({});
}

Gauge Registry::gauge(const Description& description) {
  return gauges(description, Labels{}).with({});
}

Histogram Registry::histogram(const Description& description, const std::vector<double>& buckets) {
  return histograms(description, Labels{}, buckets).with({});
}

Family<Counter> Registry::counters(const Description& description, const Labels& labels) {
  return impl_->declare<Counter>(impl_->counters, description, labels, {});
}

Family<Gauge> Registry::gauges(const Description& description, const Labels& labels) {
  return impl_->declare<Gauge>(impl_->gauges, description, labels, {});
}

Family<Histogram> Registry::histograms(const Description& description,
                                       const Labels& labels,
                                       const std::vector<double>& buckets) {
  GENESIS_CHECK(std::ranges::is_sorted(buckets), "the bounds of " + description.name + " rise");
  return impl_->declare<Histogram>(impl_->histograms, description, labels, buckets);
}

void Registry::on_collect(std::function<void()> refresh) {
  const std::lock_guard lock(impl_->mutex);
  impl_->refreshers.push_back(std::move(refresh));
}

std::string Registry::text() {
  const std::lock_guard lock(impl_->mutex);
  for (const auto& refresh : impl_->refreshers) {
    refresh();
  }
  auto families = impl_->native.Collect();
  std::ranges::sort(families, {}, &prometheus::MetricFamily::name);
  for (auto& family : families) {
    std::ranges::sort(family.metric, std::less<>(), &prometheus::ClientMetric::label);
  }
  return prometheus::TextSerializer().Serialize(families);
}

std::vector<double> exponential_buckets(double first, double factor, std::size_t count) {
  std::vector<double> bounds;
  double bound = first;
  for (std::size_t i = 0; i < count; ++i) {
    const double digits = std::pow(10.0, 2.0 - std::floor(std::log10(bound)));
    bounds.push_back(std::round(bound * digits) / digits);
    bound *= factor;
  }
  return bounds;
}

}  // namespace genesis::metrics
