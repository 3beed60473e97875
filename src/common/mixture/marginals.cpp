#include "common/mixture/marginals.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>
#include <utility>

#include "common/base/check.hpp"
#include "common/mixture/noise_floor.hpp"

namespace genesis::mixture {
namespace {

constexpr std::size_t kMostHeavyBins = 24;        // of one column
constexpr std::uint64_t kMostZoomedUnits = 8192;  // cells that one heavy bin is looked at in
constexpr double kEndShare = 0.0005;  // at most, of all rows, that noise may not take from an end

double at_least(double sigma) {
  return std::max(sigma, kLeastSigma);
}

bool is_wide(const Column& column) {
  return column.is_number() && column.units > 0 && fine_width(column) > 1;
}

// Units of fine bin `i`.
std::pair<std::uint64_t, std::uint64_t> units_of_bin(const Column& column, std::size_t i) {
  const auto width = fine_width(column);
  return {i * width, std::min((i + 1) * width, column.units) - 1};
}

Ranges heavy_ranges(std::uint32_t index,
                    const Column& column,
                    std::span<const std::int64_t> bins,
                    double sigma) {
  const auto rows_of = [&](std::size_t i) { return static_cast<double>(bins[i]); };
  std::vector<std::size_t> heavy;
  for (std::size_t i = 0; i < bins.size(); ++i) {
    const auto count = static_cast<double>(bins[i]);
    if (count > 6.0 * at_least(sigma) &&
        count > 3.0 * std::max(median_of_neighbours(bins.size(), i, rows_of), 0.0)) {
      heavy.push_back(i);
    }
  }
  if (heavy.size() > kMostHeavyBins) {
    std::ranges::stable_sort(heavy, std::greater(), [&](std::size_t i) { return bins[i]; });
    heavy.resize(kMostHeavyBins);
    std::ranges::sort(heavy);
  }
  Ranges ranges;
  for (const auto i : heavy) {
    const auto [first, last] = units_of_bin(column, i);
    const std::uint64_t step = (last - first) / kMostZoomedUnits + 1;
    ranges.push_back({index, first, last, step});
  }
  return ranges;
}

// What the counts on an open grid say of a column: its precision and bounds.
struct Opened {
  Column column;
  Ranges ranges;
};

std::uint64_t unit_at(double x, const Column& column) {
  const double unit = std::nearbyint((x - column.minimum) / column.step);
  return static_cast<std::uint64_t>(std::clamp(unit, 0.0, static_cast<double>(column.units - 1)));
}

// Gives the column bounds that hold what is between the edges of bins `first` and `last`.
void bound(Column& column, double low, double high) {
  while (!set_bounds(column, low, high)) {
    if (column.kind == tabular::Kind::kDecimal && column.precision > 0) {
      --column.precision;  // as fine as a domain can be
    } else {
      // Between the edges is no whole number: the nearest one outside.
      low = std::floor(low);
      high = std::ceil(high);
    }
  }
}

// Where exact counts begin and end: on or beyond each end lie so many rows that no end is that of
// one row's value, or half of all where there are fewer. Nothing where there are no rows.
std::optional<std::pair<std::size_t, std::size_t>> ends_of(std::span<const std::int64_t> bins) {
  constexpr std::int64_t kLeastRows = 5;
  const auto total = std::accumulate(bins.begin(), bins.end(), std::int64_t{0});
  const auto beyond = std::min(kLeastRows, (total + 1) / 2);
  const auto from = [&](auto begin) {
    std::int64_t seen = 0;
    std::size_t at = 0;
    while (seen + begin[static_cast<std::ptrdiff_t>(at)] < beyond) {
      seen += begin[static_cast<std::ptrdiff_t>(at++)];
    }
    return at;
  };
  if (total <= 0) {
    return std::nullopt;
  }
  return std::pair(from(bins.begin()), bins.size() - 1 - from(bins.rbegin()));
}

// The first and the last bin of which `is_clear` says so.
template <typename IsClear>
std::optional<std::pair<std::size_t, std::size_t>> clear_ends(std::span<const std::int64_t> bins,
                                                              const IsClear& is_clear) {
  const auto first = std::ranges::find_if(bins, is_clear);
  if (first == bins.end()) {
    return std::nullopt;
  }
  const auto last = std::find_if(bins.rbegin(), bins.rend(), is_clear).base() - 1;
  return std::pair(static_cast<std::size_t>(first - bins.begin()),
                   static_cast<std::size_t>(last - bins.begin()));
}

// The fewest decimal places that nearly all rows do with. `cells` are classes of `bins` counts.
int usual_precision(const OpenGrid& grid, std::span<const std::int64_t> cells) {
  constexpr double kNearlyAll = 0.95;
  const auto rows = [&](std::size_t classes) {
    const auto some = cells.first(classes * grid.bins);
    return static_cast<double>(std::accumulate(some.begin(), some.end(), std::int64_t{0}));
  };
  std::size_t classes = 1;
  while (classes < grid.precisions.size() &&
         rows(classes) < kNearlyAll * rows(grid.precisions.size())) {
    ++classes;
  }
  return grid.precisions[classes - 1];
}

Opened open(std::uint32_t index, Column column, std::span<const std::int64_t> cells, double sigma) {
  const bool is_exact = sigma == 0.0;
  const auto grid = open_grid(column);
  const std::size_t classes = grid.precisions.size();
  std::vector<std::int64_t> bins(grid.bins, 0);
  for (std::size_t i = 0; i < grid.bins * classes; ++i) {
    bins[i % grid.bins] += cells[i];
  }
  const double bin_sigma = at_least(sigma) * std::sqrt(static_cast<double>(classes));
  // Among so many bins, one of noise alone is above this once in 100,000 columns.
  const double clear = std::sqrt(2.0 * std::log(static_cast<double>(bins.size()))) + 2.0;
  const auto is_clear = [&](std::int64_t count) {
    return static_cast<double>(count) > (is_exact ? 0.0 : clear * bin_sigma);
  };
  const auto ends = is_exact ? ends_of(bins) : clear_ends(bins, is_clear);
  if (!ends) {
    bound(column, 0.0, 0.0);  // nothing but noise
    return {column, {{index, 0, 0, 1}}};
  }
  const auto [first, last] = *ends;
  if (!column.has_precision && is_exact) {
    column.has_precision = true;
    column.precision = usual_precision(grid, cells.first(grid.bins * classes));
  } else if (!column.has_precision) {
    column.has_precision = true;
    column.precision = 0;
    const double noise = at_least(sigma) * std::sqrt(static_cast<double>(last - first + 1));
    for (std::size_t k = 1; k < classes; ++k) {
      const auto begin = cells.begin() + static_cast<std::ptrdiff_t>(k * grid.bins + first);
      const auto count = std::accumulate(
          begin, begin + static_cast<std::ptrdiff_t>(last - first + 1), std::int64_t{0});
      column.precision =
          static_cast<double>(count) > kClear * noise ? grid.precisions[k] : column.precision;
    }
  }
  const bool is_zero_first = lower_edge(column, first) < 0.0 && lower_edge(column, first + 1) > 0.0;
  const bool is_zero_last = lower_edge(column, last) < 0.0 && lower_edge(column, last + 1) > 0.0;
  bound(column,
        is_zero_first ? 0.0 : lower_edge(column, first),
        is_zero_last ? 0.0 : lower_edge(column, last + 1));

  // About as many cells as a column with bounds has, more where there are more rows.
  double total = 0.0;
  for (std::size_t i = first; i <= last; ++i) {
    total += std::max(0.0, static_cast<double>(bins[i]));
  }
  Ranges ranges;
  std::uint64_t next = 0;
  for (std::size_t i = first; i <= last && next < column.units; ++i) {
    const std::uint64_t end =
        i == last ? column.units - 1 : unit_at(lower_edge(column, i + 1), column);
    if (end < next) {
      continue;
    }
    const double share = is_clear(bins[i]) ? static_cast<double>(bins[i]) / total : 0.0;
    const auto wanted =
        static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(kFineBins))) + 1;
    ranges.push_back({index, next, end, (end - next) / wanted + 1});
    next = end + 1;
  }
  return {column, ranges};
}

// The cells of a column within one list of counts, column after column.
std::span<const std::int64_t> take(std::span<const std::int64_t>& rest, std::size_t count) {
  const auto taken = rest.first(count);
  rest = rest.subspan(count);
  return taken;
}

// Units of a heavy bin that hold more than noise does, and what is between them.
void add_zoomed(std::vector<Atom>& atoms,
                const Range& range,
                std::span<const std::int64_t> cells,
                const Atom& whole,
                double sigma) {
  const double threshold =
      at_least(sigma) *
      (std::sqrt(2.0 * std::log(std::max(2.0, static_cast<double>(cells.size())))) + 1.0);
  double rest = whole.rows;
  std::uint64_t plain = range.last - range.first + 1;
  std::vector<Atom> spikes;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto count = static_cast<double>(cells[i]);
    if (count > threshold) {
      const std::uint64_t first = range.first + i * range.step;
      spikes.push_back({first, std::min(range.last, first + range.step - 1), count, sigma});
      rest -= count;
      plain -= spikes.back().last - first + 1;
    }
  }
  std::uint64_t next = range.first;
  const auto add_plain = [&](std::uint64_t end) {  // exclusive
    if (end > next) {
      const auto units = static_cast<double>(end - next);
      atoms.push_back(
          {next, end - 1, std::max(rest, 0.0) * units / static_cast<double>(plain), whole.sigma});
    }
  };
  for (const auto& spike : spikes) {
    add_plain(spike.first);
    atoms.push_back(spike);
    next = spike.last + 1;
  }
  add_plain(range.last + 1);
}

std::vector<Atom> bounded_atoms(const Column& column,
                                std::span<const std::int64_t> bins,
                                double sigma,
                                std::span<const Range> ranges,
                                std::span<const std::int64_t> zoomed,
                                double zoom_sigma) {
  std::vector<Atom> atoms;
  for (std::size_t i = 0; i < bins.size(); ++i) {
    const auto [first, last] = column.is_number() ? units_of_bin(column, i)
                                                  : std::pair<std::uint64_t, std::uint64_t>(i, i);
    const Atom whole{first, last, static_cast<double>(bins[i]), sigma};
    if (!ranges.empty() && ranges.front().first == first) {
      const auto cells = take(zoomed, ranges.front().cells());
      add_zoomed(atoms, ranges.front(), cells, whole, zoom_sigma);
      ranges = ranges.subspan(1);
    } else {
      atoms.push_back(whole);
    }
  }
  return atoms;
}

std::vector<Atom> opened_atoms(std::span<const Range> ranges,
                               std::span<const std::int64_t> cells,
                               double sigma) {
  std::vector<Atom> atoms;
  std::size_t at = 0;
  for (const auto& range : ranges) {
    for (std::uint64_t first = range.first; first <= range.last; first += range.step) {
      atoms.push_back({first,
                       std::min(range.last, first + range.step - 1),
                       static_cast<double>(cells[at++]),
                       sigma});
    }
  }
  return atoms;
}

// The rows, from the columns' totals: each is their number with noise that grows with its cells.
double rows_of(const std::vector<Marginal>& columns) {
  double weights = 0.0;
  double sum = 0.0;
  for (const auto& column : columns) {
    double total = column.missing;
    double variance = 0.0;
    for (const auto& atom : column.atoms) {
      total += atom.rows;
      variance += at_least(atom.sigma) * at_least(atom.sigma);
    }
    if (variance > 0.0) {
      sum += total / variance;
      weights += 1.0 / variance;
    }
  }
  return weights > 0.0 ? std::max(1.0, sum / weights) : 1.0;
}

// The ends of a declared range are public, and a table that lacks them has another range. A count
// of nothing, measured with noise, is of 0.8 sigma in the mean; an end keeps at least half of one.
void keep_ends(std::vector<Atom>& atoms, double sigma, double rows) {
  const double least = std::min(0.5 * sigma, kEndShare * rows);
  for (Atom* end : {&atoms.front(), &atoms.back()}) {
    end->rows = std::max(end->rows, least);
  }
}

void settle(Marginal& marginal, Missing missing, double sigma, double rows) {
  marginal.has_missing =
      missing == Missing::kDeclared || marginal.atoms.empty() ||
      (missing == Missing::kMaybe && marginal.missing > kClear * at_least(sigma));
  std::vector<double> values;
  for (const auto& atom : marginal.atoms) {
    values.push_back(atom.rows);
  }
  if (marginal.has_missing) {
    values.push_back(marginal.missing);
  }
  values = project(values, rows);
  for (std::size_t i = 0; i < marginal.atoms.size(); ++i) {
    marginal.atoms[i].rows = values[i];
  }
  marginal.missing = marginal.has_missing ? values.back() : 0.0;
}

}  // namespace

std::vector<double> project(std::span<const double> values, double total) {
  // Duchi et al. 2008, "Efficient projections onto the l1-ball", figure 1.
  std::vector<double> sorted(values.begin(), values.end());
  std::ranges::sort(sorted, std::greater());
  double sum = 0.0;
  double shift = 0.0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    sum += sorted[i];
    const double candidate = (sum - total) / static_cast<double>(i + 1);
    if (sorted[i] <= candidate) {
      break;
    }
    shift = candidate;
  }
  std::vector<double> projected;
  for (const double value : values) {
    projected.push_back(std::max(0.0, value - shift));
  }
  return projected;
}

Zoom plan_zoom(const Schema& declared, const NoisyCounts& fine, double sigma) {
  GENESIS_CHECK(fine.size() == fine_cells(declared), "counts are those of the schema");
  Zoom zoom;
  std::span<const std::int64_t> rest = fine;
  for (std::uint32_t c = 0; c < declared.size(); ++c) {
    const auto& column = declared[c];
    const auto cells = take(rest, fine_cells(column)).first(fine_values(column));
    Ranges ranges;
    if (column.is_number() && column.units == 0) {
      auto opened = open(c, column, cells, sigma);
      zoom.schema.push_back(std::move(opened.column));
      ranges = std::move(opened.ranges);
    } else {
      zoom.schema.push_back(column);
      if (is_wide(column)) {
        ranges = heavy_ranges(c, column, cells, sigma);
      }
    }
    zoom.ranges.insert(zoom.ranges.end(), ranges.begin(), ranges.end());
  }
  while (zoom_cells(zoom.ranges) > kMaxZoomCells) {
    for (auto& range : zoom.ranges) {
      range.step *= 2;
    }
  }
  return zoom;
}

Marginals marginals_of(const Schema& declared,
                       const Measured& fine,
                       const Zoom& zoom,
                       const Measured& zoomed) {
  GENESIS_CHECK(fine.counts.size() == fine_cells(declared), "counts are those of the schema");
  GENESIS_CHECK(zoomed.counts.size() == zoom_cells(zoom.ranges), "counts are those of the ranges");
  Marginals marginals;
  std::span<const std::int64_t> fine_rest = fine.counts;
  std::span<const std::int64_t> zoom_rest = zoomed.counts;
  std::span<const Range> ranges = zoom.ranges;
  for (std::size_t c = 0; c < declared.size(); ++c) {
    const auto& column = declared[c];
    const auto cells = take(fine_rest, fine_cells(column));
    const auto bins = cells.first(fine_values(column));
    std::size_t own = 0;
    std::size_t own_cells = 0;
    while (own < ranges.size() && ranges[own].column == c) {
      own_cells += ranges[own++].cells();
    }
    const auto own_ranges = ranges.first(own);
    const auto own_counts = take(zoom_rest, own_cells);
    ranges = ranges.subspan(own);
    Marginal marginal;
    if (cells.size() > bins.size()) {
      marginal.missing = static_cast<double>(cells.back());
    }
    marginal.atoms =
        column.is_number() && column.units == 0
            ? opened_atoms(own_ranges, own_counts, zoomed.sigma)
            : bounded_atoms(zoom.schema[c], bins, fine.sigma, own_ranges, own_counts, zoomed.sigma);
    marginals.columns.push_back(std::move(marginal));
  }
  marginals.rows = rows_of(marginals.columns);
  for (std::size_t c = 0; c < declared.size(); ++c) {
    if (declared[c].is_counted()) {
      settle(marginals.columns[c], declared[c].missing, fine.sigma, marginals.rows);
    }
    if (declared[c].is_number() && declared[c].units > 0) {
      keep_ends(marginals.columns[c].atoms, fine.sigma, marginals.rows);
    }
  }
  return marginals;
}

}  // namespace genesis::mixture
