#pragma once
// Two classifiers of rows, for judging tables: a logistic regression and boosted trees. Both give a
// score that grows with the probability of the first class. Pure and reproducible; one thread.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace genesis::quality {

/// Rows as a classifier reads them, a column at a time. Numbers: NaN is missing. Categories: codes
/// below `categories`, kMissingCategory is missing.
struct Feature {
  static constexpr std::uint32_t kMissingCategory = 0xFFFFFFFF;
  std::vector<double> numbers;
  std::vector<std::uint32_t> codes;
  std::uint32_t categories = 0;  // 0: numbers
  [[nodiscard]] bool is_number() const { return categories == 0; }
};

struct Examples {
  std::vector<Feature> features;
  std::vector<std::uint8_t> labels;  // 0 or 1, one a row
  [[nodiscard]] std::size_t rows() const { return labels.size(); }
};

/// Scores of the rows `tested` by boosted trees that are fitted to the rows `trained`: Newton steps
/// of logistic loss on histograms of at most 64 bins a column (Friedman 2001; Ke et al. 2017),
/// categories in the order of their gradients.
[[nodiscard]] std::vector<double> score_by_trees(const Examples& examples,
                                                 std::span<const std::size_t> trained,
                                                 std::span<const std::size_t> tested);

/// The same by a logistic regression with a small ridge penalty, on standardised numbers and one
/// indicator a category.
[[nodiscard]] std::vector<double> score_by_regression(const Examples& examples,
                                                      std::span<const std::size_t> trained,
                                                      std::span<const std::size_t> tested);

/// Area under the ROC curve: how often a row of class 1 has the higher score, ties counting half.
/// 0.5 where a class is absent.
[[nodiscard]] double area_under_curve(std::span<const double> scores,
                                      std::span<const std::uint8_t> labels);

}  // namespace genesis::quality
