#include "common/mixture/fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "common/aggregation/parallel.hpp"
#include "common/base/check.hpp"
#include "common/base/rng.hpp"
#include "common/mixture/tile.hpp"
#include "common/mixture/vectors.hpp"

namespace genesis::mixture {
namespace {

constexpr double kLeastShare = 1e-5;         // of a bin, at the start
constexpr double kLeastSigmaOfTables = 1.0;  // as of exact counts
constexpr float kFirstDecay = 0.9F;
constexpr float kSecondDecay = 0.99F;
constexpr float kEpsilon = 1e-9F;
// Components whose shares stay in a core's cache while all tiles use them.
constexpr std::size_t kBlockComponents = 64;
constexpr std::size_t kTilesTogether = 64;

std::size_t round_up(std::size_t n, std::size_t to) {
  return (n + to - 1) / to * to;
}

// Row-major floats whose rows and columns are padded with zeros to whole tiles; a tile that starts
// at any column of any row may be read.
class Matrix {
 public:
  Matrix(std::size_t rows, std::size_t columns)
      : rows_(rows),
        stride_(round_up(columns, kTileColumns)),
        values_((round_up(rows, kTileRows) + 1) * stride_ + kTileColumns, 0.0F) {}

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t stride() const { return stride_; }
  [[nodiscard]] float* row(std::size_t r) { return values_.data() + r * stride_; }
  [[nodiscard]] const float* row(std::size_t r) const { return values_.data() + r * stride_; }
  [[nodiscard]] std::span<float> all() { return {values_.data(), rows_ * stride_}; }
  [[nodiscard]] std::span<const float> all() const { return {values_.data(), rows_ * stride_}; }

 private:
  std::size_t rows_;
  std::size_t stride_;
  std::vector<float> values_;
};

using Tile = std::array<float, kTileRows * kTileColumns>;

struct Run {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// A parameter and Adam's moments of it.
struct Parameter {
  explicit Parameter(Matrix start)
      : value(std::move(start)), gradient(value), first(value), second(value) {
    std::ranges::fill(first.all(), 0.0F);
    std::ranges::fill(second.all(), 0.0F);
  }
  Matrix value;
  Matrix gradient;
  Matrix first;
  Matrix second;
};

// A tile of the matrix of all pairs of bins: what is measured of it, and how much that weighs.
struct MeasuredTile {
  std::size_t row = 0;
  std::size_t column = 0;
  Tile weight{};             // 0: not measured, or the mirror image of another cell
  std::vector<Tile> shares;  // for each value of the target
};

class Fitter {
 public:
  Fitter(const TablePlan& plan,
         const Measured& tables,
         double rows,
         std::span<const std::vector<double>> masses,
         const FitOptions& options,
         const std::string& group);

  Components run();

 private:
  template <typename Body>
  void in_parts(std::size_t size, const Body& body) const;

  void measure(const TablePlan& plan, const Measured& tables, double rows);
  void find_runs();
  /// to = left * right, where `right` has `depth` rows.
  void multiply(Matrix& to, const LeftOperand& left, const Matrix& right, std::size_t depth) const;
  void make_shares();
  void add_gradient(std::size_t target_bin);
  void to_logits();
  void step(std::size_t number);

  FitOptions options_;
  std::vector<std::uint32_t> offsets_;
  std::size_t width_;
  std::optional<std::size_t> target_;  // the offset of its bins
  std::size_t target_bins_;
  std::vector<MeasuredTile> tiles_;
  std::vector<std::vector<Run>> runs_;  // of each tile of columns: the bins paired with any of them
  Parameter codes_;                     // Z: (components, rank)
  Parameter loadings_;                  // V: (rank, width)
  Parameter bias_;                      // b: (1, width)
  Matrix shares_;                       // P: (components, width)
  Matrix weighted_;                     // P times the share of the target's value
  Matrix errors_;                       // (width, width), symmetric
  Matrix pulls_;                        // P times the errors
  Matrix gradient_;                     // of the loss by P, then by the logits
};

std::vector<std::uint32_t> offsets_of(const TablePlan& plan) {
  std::vector<std::uint32_t> offsets{0};
  for (const auto bins : plan.bins) {
    offsets.push_back(offsets.back() + bins);
  }
  return offsets;
}

Matrix random_matrix(std::size_t rows, std::size_t columns, double deviation, Rng& rng) {
  Matrix matrix(rows, columns);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      matrix.row(r)[c] = static_cast<float>(deviation * rng.normal());
    }
  }
  return matrix;
}

Matrix logarithms(std::span<const std::vector<double>> masses, std::size_t width) {
  Matrix matrix(1, width);
  std::size_t at = 0;
  for (const auto& column : masses) {
    for (const double mass : column) {
      matrix.row(0)[at++] = static_cast<float>(std::log(std::max(mass, kLeastShare)));
    }
  }
  GENESIS_CHECK(at == width, "masses are those of the plan's bins");
  return matrix;
}

Fitter::Fitter(const TablePlan& plan,
               const Measured& tables,
               double rows,
               std::span<const std::vector<double>> masses,
               const FitOptions& options,
               const std::string& group)
    : options_(options),
      offsets_(offsets_of(plan)),
      width_(offsets_.back()),
      target_bins_(plan.target_bins()),
      codes_([&] {
        Rng rng(options.seed, RoundId{0}, "", "mixture codes" + group);
        return random_matrix(options.components, options.rank, 1.0, rng);
      }()),
      loadings_([&] {
        Rng rng(options.seed, RoundId{0}, "", "mixture loadings" + group);
        return random_matrix(
            options.rank, width_, 1.0 / std::sqrt(static_cast<double>(options.rank)), rng);
      }()),
      bias_(logarithms(masses, width_)),
      shares_(options.components, width_),
      weighted_(options.components, width_),
      errors_(width_, width_),
      pulls_(options.components, width_),
      gradient_(options.components, width_) {
  if (plan.target) {
    target_ = offsets_[*plan.target];
  }
  measure(plan, tables, rows);
  find_runs();
}

// Cuts what is measured into tiles: of each eight bins, the columns of tables from there on.
void Fitter::measure(const TablePlan& plan, const Measured& tables, double rows) {
  const double sigma = std::max(tables.sigma, kLeastSigmaOfTables);
  const auto weight = static_cast<float>(rows / (sigma * sigma));
  // Which pair a row of bins has with each column, and where its counts begin.
  struct Place {
    std::size_t column_begin;
    std::size_t column_end;
    std::size_t counts;  // of the row's first cell
  };
  std::vector<std::vector<Place>> of_row(width_);
  std::size_t at = 0;
  for (std::size_t p = 0; p < plan.pairs.size(); ++p) {
    const auto [a, b] = plan.pairs[p];
    for (std::uint32_t i = 0; i < plan.bins[a]; ++i) {
      of_row[offsets_[a] + i].push_back(
          {offsets_[b], offsets_[b + 1], at + std::size_t{i} * plan.bins[b] * target_bins_});
    }
    at += plan.cells(p);
  }
  for (std::size_t row = 0; row < width_; row += kTileRows) {
    std::vector<bool> is_needed(width_, false);
    const std::size_t end = std::min(row + kTileRows, width_);
    for (std::size_t i = row; i < end; ++i) {
      for (const auto& place : of_row[i]) {
        std::fill(is_needed.begin() + static_cast<std::ptrdiff_t>(place.column_begin),
                  is_needed.begin() + static_cast<std::ptrdiff_t>(place.column_end),
                  true);
      }
    }
    for (std::size_t column = 0; column < width_;) {
      if (!is_needed[column]) {
        ++column;
        continue;
      }
      MeasuredTile tile{row, column, {}, std::vector<Tile>(target_bins_, Tile{})};
      for (std::size_t i = row; i < end; ++i) {
        for (const auto& place : of_row[i]) {
          for (std::size_t j = std::max(place.column_begin, column);
               j < std::min(place.column_end, column + kTileColumns);
               ++j) {
            const std::size_t cell = (i - row) * kTileColumns + (j - column);
            tile.weight[cell] = weight;
            const auto* counts =
                tables.counts.data() + place.counts + (j - place.column_begin) * target_bins_;
            for (std::size_t t = 0; t < target_bins_; ++t) {
              tile.shares[t][cell] = static_cast<float>(static_cast<double>(counts[t]) / rows);
            }
          }
        }
      }
      tiles_.push_back(std::move(tile));
      column += kTileColumns;
    }
  }
}

void Fitter::find_runs() {
  const std::size_t tiles = shares_.stride() / kTileColumns;
  std::vector<std::vector<bool>> is_paired(tiles, std::vector<bool>(width_, false));
  for (const auto& tile : tiles_) {
    for (std::size_t cell = 0; cell < tile.weight.size(); ++cell) {
      if (tile.weight[cell] > 0.0F) {
        const std::size_t i = tile.row + cell / kTileColumns;
        const std::size_t j = tile.column + cell % kTileColumns;
        is_paired[j / kTileColumns][i] = true;
        is_paired[i / kTileColumns][j] = true;
      }
    }
  }
  for (const auto& paired : is_paired) {
    std::vector<Run> runs;
    for (std::size_t i = 0; i < width_; ++i) {
      if (paired[i] && (i == 0 || !paired[i - 1])) {
        runs.push_back({i, i});
      }
      if (paired[i]) {
        runs.back().end = i + 1;
      }
    }
    runs_.push_back(std::move(runs));
  }
}

template <typename Body>
void Fitter::in_parts(std::size_t size, const Body& body) const {
  const std::size_t parts =
      std::clamp<std::size_t>(options_.threads, 1, std::max<std::size_t>(size, 1));
  aggregation::run_parts(parts, [&](std::size_t part) {
    for (std::size_t i = part; i < size; i += parts) {
      body(i);
    }
  });
}

void Fitter::multiply(Matrix& to,
                      const LeftOperand& left,
                      const Matrix& right,
                      std::size_t depth) const {
  const std::size_t bands = round_up(to.rows(), kTileRows) / kTileRows;
  in_parts(bands, [&](std::size_t band) {
    const std::size_t row = band * kTileRows;
    for (std::size_t column = 0; column < to.stride(); column += kTileColumns) {
      Tile tile{};
      add_product({left.data + row * left.row, left.row, left.depth},
                  {right.row(0) + column, right.stride()},
                  depth,
                  tile.data());
      for (std::size_t r = row; r < std::min(row + kTileRows, to.rows()); ++r) {
        std::copy_n(tile.data() + (r - row) * kTileColumns, kTileColumns, to.row(r) + column);
      }
    }
  });
}

void Fitter::make_shares() {
  multiply(
      shares_, {codes_.value.row(0), codes_.value.stride(), 1}, loadings_.value, options_.rank);
  in_parts(options_.components, [&](std::size_t k) {
    softmax({shares_.row(k), width_}, {bias_.value.row(0), width_}, offsets_);
  });
}

// Adds what the tables of one value of the target (or all tables, without one) pull at the shares.
void Fitter::add_gradient(std::size_t target_bin) {
  const std::size_t components = options_.components;
  const std::optional<std::size_t> target =
      target_ ? std::optional(*target_ + target_bin) : std::nullopt;
  const Matrix& weighted = target ? weighted_ : shares_;
  if (target) {
    in_parts(components, [&](std::size_t k) {
      scale({weighted_.row(k), width_}, {shares_.row(k), width_}, shares_.row(k)[*target]);
    });
  }
  const float inverse = 1.0F / static_cast<float>(components);
  in_parts(round_up(tiles_.size(), kTilesTogether) / kTilesTogether, [&](std::size_t together) {
    const std::size_t first = together * kTilesTogether;
    const std::size_t last = std::min(first + kTilesTogether, tiles_.size());
    std::vector<Tile> products(last - first, Tile{});
    for (std::size_t k = 0; k < components; k += kBlockComponents) {
      for (std::size_t number = first; number < last; ++number) {
        const auto& measured = tiles_[number];
        add_product({weighted.row(k) + measured.row, 1, weighted.stride()},
                    {shares_.row(k) + measured.column, shares_.stride()},
                    std::min(kBlockComponents, components - k),
                    products[number - first].data());
      }
    }
    for (std::size_t number = first; number < last; ++number) {
      const auto& measured = tiles_[number];
      const auto& tile = products[number - first];
      const auto& shares = measured.shares[target_bin];
      for (std::size_t cell = 0; cell < tile.size(); ++cell) {
        if (measured.weight[cell] > 0.0F) {
          const std::size_t i = measured.row + cell / kTileColumns;
          const std::size_t j = measured.column + cell % kTileColumns;
          const float error = (tile[cell] * inverse - shares[cell]) * measured.weight[cell];
          errors_.row(i)[j] = error;
          errors_.row(j)[i] = error;
        }
      }
    }
  });
  in_parts(round_up(components, kBlockComponents) / kBlockComponents, [&](std::size_t block) {
    const std::size_t begin = block * kBlockComponents;
    const std::size_t end = std::min(begin + kBlockComponents, components);
    for (std::size_t t = 0; t < runs_.size(); ++t) {
      const std::size_t column = t * kTileColumns;
      for (std::size_t row = begin; row < end; row += kTileRows) {
        Tile tile{};
        for (const auto& run : runs_[t]) {
          add_product({shares_.row(row) + run.begin, shares_.stride(), 1},
                      {errors_.row(run.begin) + column, errors_.stride()},
                      run.end - run.begin,
                      tile.data());
        }
        for (std::size_t r = row; r < std::min(row + kTileRows, end); ++r) {
          std::copy_n(tile.data() + (r - row) * kTileColumns, kTileColumns, pulls_.row(r) + column);
        }
      }
    }
    for (std::size_t k = begin; k < end; ++k) {
      add_scaled({gradient_.row(k), width_},
                 {pulls_.row(k), width_},
                 target ? shares_.row(k)[*target] : 1.0F);
      if (target) {
        gradient_.row(k)[*target] += 0.5F * dot({shares_.row(k), width_}, {pulls_.row(k), width_});
      }
    }
  });
}

// The gradient by the shares becomes that by the logits, and that by the parameters.
void Fitter::to_logits() {
  in_parts(options_.components, [&](std::size_t k) {
    softmax_gradient({gradient_.row(k), width_},
                     {shares_.row(k), width_},
                     offsets_,
                     1.0F / static_cast<float>(options_.components));
  });
  Matrix transposed(width_, options_.rank);
  for (std::size_t r = 0; r < options_.rank; ++r) {
    for (std::size_t c = 0; c < width_; ++c) {
      transposed.row(c)[r] = loadings_.value.row(r)[c];
    }
  }
  multiply(codes_.gradient, {gradient_.row(0), gradient_.stride(), 1}, transposed, width_);
  multiply(loadings_.gradient,
           {codes_.value.row(0), 1, codes_.value.stride()},
           gradient_,
           options_.components);
  std::ranges::fill(bias_.gradient.all(), 0.0F);
  for (std::size_t k = 0; k < options_.components; ++k) {
    add_scaled({bias_.gradient.row(0), width_}, {gradient_.row(k), width_}, 1.0F);
  }
}

void Fitter::step(std::size_t number) {
  const double progress = static_cast<double>(number) / static_cast<double>(options_.steps);
  const double rate =
      options_.first_rate * std::pow(options_.last_rate / options_.first_rate, progress);
  AdamRates rates;
  rates.first_decay = kFirstDecay;
  rates.second_decay = kSecondDecay;
  rates.rate = static_cast<float>(
      rate / (1.0 - std::pow(static_cast<double>(kFirstDecay), static_cast<double>(number))));
  rates.second_scale = static_cast<float>(
      1.0 / (1.0 - std::pow(static_cast<double>(kSecondDecay), static_cast<double>(number))));
  rates.epsilon = kEpsilon;
  for (auto* parameter : {&codes_, &loadings_, &bias_}) {
    adam(parameter->value.all(),
         parameter->gradient.all(),
         parameter->first.all(),
         parameter->second.all(),
         rates);
  }
}

Components Fitter::run() {
  if (!tiles_.empty()) {
    for (std::size_t number = 1; number <= options_.steps; ++number) {
      make_shares();
      std::ranges::fill(gradient_.all(), 0.0F);
      for (std::size_t t = 0; t < target_bins_; ++t) {
        add_gradient(t);
      }
      to_logits();
      step(number);
    }
  } else {
    std::ranges::fill(loadings_.value.all(), 0.0F);  // nothing ties columns together
  }
  make_shares();
  Components components{options_.components, offsets_, {}};
  components.shares.reserve(options_.components * width_);
  for (std::size_t k = 0; k < options_.components; ++k) {
    components.shares.insert(components.shares.end(), shares_.row(k), shares_.row(k) + width_);
  }
  return components;
}

}  // namespace

Components fit(const TablePlan& plan,
               const Measured& tables,
               double rows,
               std::span<const std::vector<double>> masses,
               const FitOptions& options) {
  GENESIS_CHECK(tables.counts.size() == plan.cells(), "counts are those of the plan");
  const std::size_t groups =
      std::max<std::size_t>(1, (options.components + kGroupComponents - 1) / kGroupComponents);
  Components all;
  for (std::size_t g = 0; g < groups; ++g) {
    auto of_group = options;
    of_group.components = options.components / groups + (g < options.components % groups ? 1 : 0);
    const auto name = g == 0 ? std::string() : " of group " + std::to_string(g);
    auto fitted = Fitter(plan, tables, rows, masses, of_group, name).run();
    all.offsets = std::move(fitted.offsets);
    all.count += fitted.count;
    all.shares.insert(all.shares.end(), fitted.shares.begin(), fitted.shares.end());
  }
  return all;
}

}  // namespace genesis::mixture
