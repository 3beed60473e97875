#pragma once
// What a model sees of an encoder's columns. Used where encoders are made: by fitting and from
// JSON.
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/tabular/encoder.hpp"
#include "common/tabular/layout.hpp"

namespace genesis::tabular {

/// A Gaussian mode's scalar is (x - mean) / (kScalarWidth * deviation): CTGAN's 4.
inline constexpr double kScalarWidth = 4.0;

/// One of a column's categories by their shares: what stands for text that the model does not know.
class CategoryDraw {
 public:
  explicit CategoryDraw(const EncodedColumnSpec& spec);
  /// The mode that `uniform`, from [0, 1), falls on; nothing where no row has a category.
  [[nodiscard]] std::optional<std::uint32_t> operator()(double uniform) const;

 private:
  std::vector<double> cumulative_;
  double sum_ = 0.0;
};

[[nodiscard]] Layout layout_of(std::span<const EncodedColumnSpec> columns);

}  // namespace genesis::tabular
