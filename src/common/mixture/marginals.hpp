#pragma once
// What the aggregator makes of the noisy fine counts: bounds of columns that have none, which parts
// of a column are worth a closer look, and each column's distribution. Pure post-processing of
// counts; every decision knows the deviation of the noise in them.
#include <cstdint>
#include <span>
#include <vector>

#include "common/mixture/counts.hpp"
#include "common/mixture/schema.hpp"

namespace genesis::mixture {

using NoisyCounts = std::vector<std::int64_t>;

/// Neighbouring units of a column and how many rows they hold together.
struct Atom {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive
  double rows = 0.0;       // not negative
  double sigma = 0.0;      // of the count that it comes from
  bool operator==(const Atom&) const = default;
};

struct Marginal {
  std::vector<Atom> atoms;  // by unit, without gaps; none for an identifier
  double missing = 0.0;     // rows
  bool has_missing = false;
  bool operator==(const Marginal&) const = default;
};

struct Marginals {
  double rows = 0.0;  // of all sites together
  std::vector<Marginal> columns;
};

struct Zoom {
  Schema schema;  // every number and date has bounds
  Ranges ranges;
};

/// What to look at closely. `fine` is the sum of the sites' counts, each with noise of deviation
/// `sigma`: bins of wide columns that are clearly above their neighbours, at most 24 a column, and
/// the whole of a column that had no bounds, which gets those that its counts show.
[[nodiscard]] Zoom plan_zoom(const Schema& declared, const NoisyCounts& fine, double sigma);

/// Counts of one stage and the deviation of the noise in each.
struct Measured {
  NoisyCounts counts;
  double sigma = 0.0;
};

/// The distribution of each column of `zoom.schema`: counts are moved to the nearest ones that are
/// not negative and add up to the rows. Single units that stand out of a range by more than noise
/// does become atoms of their own.
[[nodiscard]] Marginals marginals_of(const Schema& declared,
                                     const Measured& fine,
                                     const Zoom& zoom,
                                     const Measured& zoomed);

/// The nearest point, by least squares, whose values are not negative and add up to `total`.
[[nodiscard]] std::vector<double> project(std::span<const double> values, double total);

}  // namespace genesis::mixture
