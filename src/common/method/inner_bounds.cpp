#include "common/method/inner_bounds.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace genesis::method {
namespace {

using tabular::ColumnSketch;

constexpr double kFarWidths = 10.0;  // of the inner range

struct SiteColumn {
  const std::string* client;
  ColumnSketch* sketch;
};

struct Range {
  double minimum;
  double maximum;
};

std::string text_of(double value) {
  std::ostringstream text;
  text.precision(15);
  text << value;
  return text.str();
}

// What is left once so many of the lowest minima and of the highest maxima are put aside.
Range inner_range(const std::vector<SiteColumn>& sites, std::size_t aside) {
  std::vector<double> minima;
  std::vector<double> maxima;
  for (const auto& site : sites) {
    minima.push_back(site.sketch->extremes[0]);
    maxima.push_back(site.sketch->extremes[1]);
  }
  std::ranges::sort(minima);
  std::ranges::sort(maxima);
  const double minimum = minima[aside];
  return {minimum, std::max(minimum, maxima[maxima.size() - 1 - aside])};
}

Range reach_of(Range inner) {
  const double width = inner.maximum - inner.minimum;
  const double scale =
      width > 0.0 ? width : std::max({1.0, std::fabs(inner.minimum), std::fabs(inner.maximum)});
  return {inner.minimum - kFarWidths * scale, inner.maximum + kFarWidths * scale};
}

bool is_within(double value, Range range) {
  return value >= range.minimum && value <= range.maximum;
}

// What the extremes within reach span.
Range domain_of(const std::vector<SiteColumn>& sites, Range inner, Range reach) {
  Range domain = inner;
  for (const auto& site : sites) {
    for (const double extreme : site.sketch->extremes) {
      if (is_within(extreme, reach)) {
        domain.minimum = std::min(domain.minimum, extreme);
        domain.maximum = std::max(domain.maximum, extreme);
      }
    }
  }
  return domain;
}

// Heavy values that become the same bound are one.
void clamp(ColumnSketch& sketch, Range domain) {
  const auto inside = [&](double x) { return std::clamp(x, domain.minimum, domain.maximum); };
  std::ranges::transform(sketch.extremes, sketch.extremes.begin(), inside);
  std::vector<double> values;
  std::vector<std::uint64_t> counts;
  for (std::size_t i = 0; i < sketch.heavy_values.size(); ++i) {
    const double value = inside(sketch.heavy_values[i]);
    if (values.empty() || values.back() != value) {
      values.push_back(value);
      counts.push_back(0);
    }
    counts.back() += sketch.heavy_counts[i];
  }
  sketch.heavy_values = std::move(values);
  sketch.heavy_counts = std::move(counts);
}

void bound(const std::string& column,
           std::vector<SiteColumn> sites,
           std::vector<std::string>& notes) {
  constexpr std::size_t kThird = 3;
  const std::size_t aside = sites.size() < kFewestForBounds ? 0 : (sites.size() - 1) / kThird;
  for (const auto& site : sites) {
    // With few sites the others are the measure of each; with more, the inner range is that of all.
    std::vector<SiteColumn> measure = sites;
    if (aside == 0) {
      std::erase_if(measure, [&](const auto& other) { return other.sketch == site.sketch; });
    }
    if (measure.empty()) {
      continue;
    }
    const Range inner = inner_range(measure, aside);
    const Range reach = reach_of(inner);
    const auto extremes = site.sketch->extremes;
    if (std::ranges::all_of(extremes, [&](double x) { return is_within(x, reach); })) {
      continue;
    }
    std::string note = "column '" + column + "': client '" + *site.client + "' has values from " +
                       text_of(extremes[0]) + " to " + text_of(extremes[1]);
    if (aside == 0) {
      note += ", far beyond those of the others; declare minimum and maximum in spec.table.columns";
    } else {
      const Range domain = domain_of(sites, inner, reach);
      note += ", far beyond those of the others; they count as " + text_of(domain.minimum) +
              " to " + text_of(domain.maximum);
    }
    notes.push_back(std::move(note));
  }
  if (aside == 0) {
    return;
  }
  const Range inner = inner_range(sites, aside);
  const Range domain = domain_of(sites, inner, reach_of(inner));
  for (const auto& site : sites) {
    clamp(*site.sketch, domain);
  }
}

bool has_bounds(const std::string& column, std::span<const tabular::Declaration> declared) {
  return std::ranges::any_of(declared, [&](const auto& declaration) {
    return declaration.name == column && declaration.minimum && declaration.maximum;
  });
}

}  // namespace

Bounded inner_bounds(std::vector<tabular::NamedSketch> sketches,
                     std::span<const tabular::Declaration> declared) {
  std::ranges::sort(sketches, {}, &tabular::NamedSketch::client);
  Bounded bounded{std::move(sketches), {}};
  if (bounded.sketches.empty()) {
    return bounded;
  }
  std::vector<std::string> names;
  for (const auto& column : bounded.sketches.front().sketch.columns) {
    names.push_back(column.name);
  }
  for (const auto& name : names) {
    if (has_bounds(name, declared)) {
      continue;
    }
    std::vector<SiteColumn> sites;
    for (auto& site : bounded.sketches) {
      const auto column = std::ranges::find(site.sketch.columns, name, &ColumnSketch::name);
      if (column != site.sketch.columns.end() && !column->extremes.empty()) {
        sites.push_back({&site.client, &*column});
      }
    }
    if (sites.size() > 1) {
      bound(name, std::move(sites), bounded.notes);
    }
  }
  return bounded;
}

}  // namespace genesis::method
