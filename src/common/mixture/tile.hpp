#pragma once
// One tile of a matrix product, 8 rows by 32 columns: what fit() spends its time in. The sum over
// the depth is in one order, so a tile is the same on any thread; another kind of processor may
// round differently, since it may have fused multiply-adds.
#include <cstddef>

namespace genesis::mixture {

inline constexpr std::size_t kTileRows = 8;
inline constexpr std::size_t kTileColumns = 32;

/// Element (r, d) is data[r * row + d * depth].
struct LeftOperand {
  const float* data = nullptr;
  std::size_t row = 0;
  std::size_t depth = 0;
};
/// Element (d, c) is data[d * stride + c].
struct RightOperand {
  const float* data = nullptr;
  std::size_t stride = 0;
};

/// out[r * 32 + c] += sum over d < depth of left(r, d) * right(d, c), for all 8 rows and 32
/// columns, which must be readable.
void add_product(LeftOperand left, RightOperand right, std::size_t depth, float* out);

}  // namespace genesis::mixture
