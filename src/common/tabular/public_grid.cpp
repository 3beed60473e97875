#include "common/tabular/public_grid.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "common/tabular/grid.hpp"
#include "common/tabular/partition.hpp"

namespace genesis::tabular {
namespace {

constexpr double kLargestNumber = 2147483648.0;  // 2^31
constexpr double kFirstMoment = -2208988800.0;   // 1900-01-01
constexpr double kLastMoment = 4102444800.0;     // 2100-01-01
constexpr std::size_t kEdges = 8192;
constexpr std::uint64_t kLeastRows = 5;  // that reach a bound

struct Bounds {
  double low = 0.0;
  double high = 0.0;
};

Bounds public_bounds(Kind kind) {
  return kind == Kind::kDatetime ? Bounds{kFirstMoment, kLastMoment}
                                 : Bounds{-kLargestNumber, kLargestNumber};
}

const Declaration* find(std::span<const Declaration> declared, const std::string& name) {
  const auto at = std::ranges::find(declared, name, &Declaration::name);
  return at == declared.end() ? nullptr : &*at;
}

// Values below and from an edge on, in the order of the bins: the bounds of a bin.
double low_of(const ColumnPlan& plan, std::size_t bin) {
  return bin == 0 ? plan.minimum : std::max(plan.minimum, plan.edges[bin - 1]);
}
double high_of(const ColumnPlan& plan, std::size_t bin) {
  return bin == plan.edges.size() ? plan.maximum : std::min(plan.maximum, plan.edges[bin]);
}

// The first bin, in `order`, up to which enough rows lie; those before it count as its.
std::size_t gather_tail(std::vector<std::uint64_t>& bins, std::uint64_t total, bool from_above) {
  const std::uint64_t least = std::min(kLeastRows, (total + 1) / 2);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < bins.size(); ++i) {
    auto& bin = bins[from_above ? bins.size() - 1 - i : i];
    seen += std::exchange(bin, 0);
    if (seen >= least) {
      bin = seen;
      return from_above ? bins.size() - 1 - i : i;
    }
  }
  return 0;
}

void take_few_values(ColumnPlan& plan, ColumnSummary& counts, const Step& step) {
  const auto cells = cells_of(plan.edges, counts.bins, step);
  const bool are_few = cells.size() <= kFewValues &&
                       std::ranges::all_of(cells, [](const Cell& c) { return c.is_single; });
  if (!are_few) {
    return;
  }
  plan.few_values = true;
  plan.edges.clear();
  counts.bins.clear();
  for (const auto& cell : cells) {
    plan.values.push_back(cell.value);
    counts.values.push_back(cell.count);
  }
  plan.most_exact = plan.values.size();
}

}  // namespace

Sketch public_sketch(const Sketch& sketch) {
  Sketch told;
  told.rows = kUntoldRows;
  for (const auto& column : sketch.columns) {
    auto& about = told.columns.emplace_back();
    about.name = column.name;
    about.kind = column.kind;
    about.declared = column.declared;
    about.precision = column.precision;
    about.format = column.format;
    about.categories = column.categories;
    about.missing = column.missing == sketch.rows ? kUntoldRows : 0;
    if (!is_continuous(column.kind) || column.extremes.empty()) {
      continue;
    }
    const auto bounds = public_bounds(column.kind);
    about.extremes = {bounds.low, bounds.high};
    const auto rounding = rounding_of(column.digits);
    if (rounding.significant != 0) {
      about.digits.full = 1;  // as they are
    } else {
      about.digits.add(1.0 + std::pow(10.0, -rounding.decimals), 1);
    }
  }
  return told;
}

void add_public_grid(std::span<NamedSketch> sketches, std::span<const Declaration> declared) {
  // The plan cuts where any site does, so that it is enough for one of those who are alike to do
  // so.
  std::set<std::tuple<std::string, double, double, int>> cut;
  for (auto& [client, sketch] : sketches) {
    const std::size_t most = std::min(kEdges, most_bins(sketch.columns.size()));
    for (auto& column : sketch.columns) {
      const auto step = step_of(column.kind, finest_of(column.digits), column.format);
      if (!is_continuous(column.kind) || column.extremes.empty() || !step) {
        continue;
      }
      auto bounds = public_bounds(column.kind);
      const auto* about = find(declared, column.name);
      if (about != nullptr && column.kind != Kind::kDatetime) {
        bounds.low = about->minimum.value_or(bounds.low);
        bounds.high = about->maximum.value_or(bounds.high);
      }
      column.extremes = {bounds.low, std::max(bounds.low, bounds.high)};
      column.few_values = false;
      const bool is_first =
          cut.emplace(column.name, step->numerator, step->denominator, step->significant).second;
      if (is_first) {
        const auto spacing =
            column.kind == Kind::kDatetime ? Spacing::kByLength : Spacing::kByOctave;
        column.edges = even_cuts(bounds.low, bounds.high, *step, spacing, most);
      }
    }
  }
}

void narrow(Plan& plan, Summary& total, std::span<const Declaration> declared) {
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    auto& column = plan.columns[i];
    auto& counts = total.columns[i];
    const auto present = std::accumulate(counts.bins.begin(), counts.bins.end(), std::uint64_t{0});
    const auto step = step_of(column.kind, column.rounding, column.format);
    if (!is_continuous(column.kind) || column.few_values || present == 0 || !step) {
      continue;
    }
    const auto* about = find(declared, column.name);
    const bool has_low = about != nullptr && about->minimum && column.kind != Kind::kDatetime;
    const bool has_high = about != nullptr && about->maximum && column.kind != Kind::kDatetime;
    double low = column.minimum;
    double high = column.maximum;
    if (!has_low) {
      low = low_of(column, gather_tail(counts.bins, present, false));
    }
    if (!has_high) {
      const double end = high_of(column, gather_tail(counts.bins, present, true));
      high = end < column.maximum ? std::nextafter(end, -std::numeric_limits<double>::infinity())
                                  : end;
    }
    column.minimum = step->at_least(low);
    column.maximum = std::max(column.minimum, step->at_most(high));
    take_few_values(column, counts, *step);
  }
}

}  // namespace genesis::tabular
