#include "common/quality/distance.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <experimental/simd>

#include "common/base/check.hpp"
#include "common/quality/draw.hpp"
#include "common/tabular/table.hpp"

namespace genesis::quality {
namespace {

using tabular::kMissingCode;
using CellsOf = Cells ComparedColumn::*;

std::size_t rows_of(std::span<const ComparedColumn> columns, CellsOf table) {
  if (columns.empty()) {
    return 0;
  }
  const Cells& cells = columns[0].*table;
  return std::max(cells.numbers.size(), cells.codes.size());
}

// Two cells of one column are the same where their keys are.
std::uint64_t key_of(const ComparedColumn& column, const Cells& cells, std::size_t row) {
  if (!tabular::is_continuous(column.kind)) {
    return cells.codes[row];
  }
  const double value = cells.numbers[row];
  // One key for every NaN, and for both zeros.
  return std::isnan(value) ? ~std::uint64_t{0} : std::bit_cast<std::uint64_t>(value + 0.0);
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t key) {
  // splitmix64's finaliser (Steele, Lea, Flood 2014).
  std::uint64_t x = (hash ^ key) + 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

std::vector<std::uint64_t> hash_rows(std::span<const ComparedColumn> columns, CellsOf table) {
  std::vector<std::uint64_t> hashes(rows_of(columns, table), 0);
  for (const ComparedColumn& column : columns) {
    for (std::size_t row = 0; row < hashes.size(); ++row) {
      hashes[row] = mix(hashes[row], key_of(column, column.*table, row));
    }
  }
  return hashes;
}

bool equal_rows(std::span<const ComparedColumn> columns, std::size_t real, std::size_t synthetic) {
  return std::all_of(columns.begin(), columns.end(), [&](const ComparedColumn& column) {
    return key_of(column, column.real, real) == key_of(column, column.synthetic, synthetic);
  });
}

// A missing cell, and every coordinate at least 1 away from it. Values beyond the real extremes
// stay within kNearest and kFarthest: 1 away from all real values already.
constexpr float kMissingCoordinate = -8.0F;
constexpr double kNearest = -1.0;
constexpr double kFarthest = 2.0;

float coordinate(const ComparedColumn& column, const Cells& cells, std::size_t row) {
  if (!tabular::is_continuous(column.kind)) {
    const std::uint32_t code = cells.codes[row];
    return code == kMissingCode ? kMissingCoordinate : static_cast<float>(code);
  }
  const double value = cells.numbers[row];
  if (std::isnan(value)) {
    return kMissingCoordinate;
  }
  const double range = column.maximum - column.minimum;
  if (range > 0.0) {
    return static_cast<float>(std::clamp((value - column.minimum) / range, kNearest, kFarthest));
  }
  return value == column.minimum ? 0.0F : 1.0F;
}

Points points_of(std::span<const ComparedColumn> columns,
                 CellsOf table,
                 const std::vector<std::size_t>& rows) {
  Points points{.width = columns.size(), .values = {}};
  points.values.reserve(rows.size() * columns.size());
  for (const std::size_t row : rows) {
    for (const ComparedColumn& column : columns) {
      points.values.push_back(coordinate(column, column.*table, row));
    }
  }
  return points;
}

// std::experimental::simd (ISO/IEC TS 19570:2018), because the compiler finds no minimum in the
// plain loop and is four times slower.
namespace stdx = std::experimental;
using Lanes = stdx::native_simd<float>;
constexpr std::size_t kTile = 16;
static_assert(kTile % Lanes::size() == 0, "a tile is a whole number of vectors");

// The least sum of coordinate distances between the query and the points of a tile, which lie one
// column after the other: the sums stay in registers.
float closest_of_tile(const float* query, const float* tile, std::size_t width) {
  std::array<Lanes, kTile / Lanes::size()> sums{};
  for (std::size_t c = 0; c < width; ++c) {
    const Lanes value(query[c]);
    const float* const column = tile + c * kTile;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const Lanes points(column + i * Lanes::size(), stdx::element_aligned);
      sums[i] += stdx::min(stdx::abs(value - points), Lanes(1.0F));
    }
  }
  Lanes least = sums[0];
  for (const Lanes& sum : sums) {
    least = stdx::min(least, sum);
  }
  return stdx::hmin(least);
}

double median(std::vector<float> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) {
    return static_cast<double>(*middle);
  }
  const float below = *std::max_element(values.begin(), middle);
  return (static_cast<double>(below) + static_cast<double>(*middle)) / 2.0;
}

// See Distances::closer_to_real. A tie counts as chance would have it.
double share_closer(const std::vector<float>& to_real,
                    const std::vector<float>& to_holdout,
                    double real_rows,
                    double holdout_rows) {
  const double by_chance = real_rows / (real_rows + holdout_rows);
  double closer = 0.0;
  for (std::size_t i = 0; i < to_real.size(); ++i) {
    closer += to_real[i] < to_holdout[i] ? 1.0 : to_real[i] == to_holdout[i] ? by_chance : 0.0;
  }
  const double share = closer / static_cast<double>(to_real.size());
  return share * holdout_rows / (share * holdout_rows + (1.0 - share) * real_rows);
}

}  // namespace

double new_row_share(std::span<const ComparedColumn> columns) {
  const auto real = hash_rows(columns, &ComparedColumn::real);
  const auto synthetic = hash_rows(columns, &ComparedColumn::synthetic);
  std::unordered_multimap<std::uint64_t, std::size_t> rows;
  rows.reserve(real.size());
  for (std::size_t row = 0; row < real.size(); ++row) {
    rows.emplace(real[row], row);
  }
  std::size_t fresh = 0;
  for (std::size_t row = 0; row < synthetic.size(); ++row) {
    const auto [begin, end] = rows.equal_range(synthetic[row]);
    fresh +=
        std::none_of(
            begin, end, [&](const auto& entry) { return equal_rows(columns, entry.second, row); })
            ? 1
            : 0;
  }
  return static_cast<double>(fresh) / static_cast<double>(synthetic.size());
}

std::vector<float> closest(const Points& queries, const Points& points) {
  GENESIS_CHECK(queries.width == points.width && points.size() > 0, "points of one table each");
  // A block of tiles stays in the second-level cache while all queries pass over it. The last point
  // fills up the last tile.
  constexpr std::size_t kBlock = 1024;
  const std::size_t width = queries.width;
  std::vector<float> nearest(queries.size(), std::numeric_limits<float>::infinity());
  std::vector<float> block(width * kBlock);
  for (std::size_t begin = 0; begin < points.size(); begin += kBlock) {
    const std::size_t tiles = (std::min(kBlock, points.size() - begin) + kTile - 1) / kTile;
    for (std::size_t i = 0; i < tiles * kTile; ++i) {
      const auto point = points.row(std::min(begin + i, points.size() - 1));
      for (std::size_t c = 0; c < width; ++c) {
        block[(i / kTile * width + c) * kTile + i % kTile] = point[c];
      }
    }
    for (std::size_t q = 0; q < queries.size(); ++q) {
      const float* const query = queries.row(q).data();
      for (std::size_t t = 0; t < tiles; ++t) {
        nearest[q] =
            std::min(nearest[q], closest_of_tile(query, block.data() + t * width * kTile, width));
      }
    }
  }
  for (float& distance : nearest) {
    distance /= static_cast<float>(width);
  }
  return nearest;
}

Distances measure_distances(std::span<const ComparedColumn> columns) {
  const auto points = [&](CellsOf table, std::size_t most, std::string_view purpose) {
    return points_of(columns, table, draw_rows(rows_of(columns, table), most, purpose));
  };
  const std::size_t real_rows = rows_of(columns, &ComparedColumn::real);
  const std::size_t holdout_rows = rows_of(columns, &ComparedColumn::holdout);
  const Points real = points(&ComparedColumn::real, real_rows, "");
  const Points synthetic =
      points(&ComparedColumn::synthetic, kDistanceRows, "quality distances, synthetic");
  const auto to_real = closest(synthetic, real);
  Distances distances{.synthetic_to_real = median(to_real),
                      .holdout_to_real = std::nullopt,
                      .closer_to_real = std::nullopt,
                      .rows_compared = synthetic.size()};
  if (holdout_rows > 0) {
    const Points some =
        points(&ComparedColumn::holdout, kDistanceRows, "quality distances, held-out");
    distances.holdout_to_real = median(closest(some, real));
    const auto to_holdout = closest(synthetic, points(&ComparedColumn::holdout, holdout_rows, ""));
    distances.closer_to_real = share_closer(
        to_real, to_holdout, static_cast<double>(real_rows), static_cast<double>(holdout_rows));
  }
  return distances;
}

}  // namespace genesis::quality
