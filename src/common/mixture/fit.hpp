#pragma once
// A mixture of product distributions, fitted to noisy tables by weighted least squares ("mixture of
// products" of McKenna et al., private-pgm; RAP and GEM, Aydore et al. 2021 and Liu et al. 2021,
// are its relatives):
//
//   p(row) = 1/K sum_k prod_c P[k][c][bin of the row in c],   P[k][c] = softmax((Z V + b)[k][c])
//   loss   = sum over tables and cells w (sum_k p_t P_a P_b / K - share in the table)^2,
//
// with w = rows / variance of a cell's noise, minimised by Adam. Pure and without LibTorch: the
// same tables give the same bits on any number of threads, on one kind of processor.
//
// What a fit makes of the noise depends on where it starts, and what it makes of the rows hardly
// does: so components are fitted in groups, each to all tables by itself, and the model is the mean
// of the groups.
#include <cstdint>
#include <span>
#include <vector>

#include "common/mixture/marginals.hpp"
#include "common/mixture/tables.hpp"

namespace genesis::mixture {

/// Components of a group, at most.
inline constexpr std::size_t kGroupComponents = 500;

struct FitOptions {
  std::size_t components = kGroupComponents;
  std::size_t rank = 64;
  std::size_t steps = 600;
  double first_rate = 0.02;  // falls geometrically to
  double last_rate = 0.002;
  std::uint64_t seed = 0;
  unsigned threads = 1;
};

/// Every column's distribution in every component.
struct Components {
  std::size_t count = 0;
  std::vector<std::uint32_t> offsets;  // of the columns; then the width
  std::vector<float> shares;           // (count, width), row-major; of each column they add up to 1

  [[nodiscard]] std::size_t width() const { return offsets.back(); }
};

/// `masses` are the bins' shares of each column, as the start; `tables` are the sum over sites.
[[nodiscard]] Components fit(const TablePlan& plan,
                             const Measured& tables,
                             double rows,
                             std::span<const std::vector<double>> masses,
                             const FitOptions& options);

}  // namespace genesis::mixture
