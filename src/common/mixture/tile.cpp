#include "common/mixture/tile.hpp"

#include <cstring>

#include "common/base/target.hpp"

namespace genesis::mixture {
namespace {

// `Rows` rows of `Vectors` vectors of `Lanes` floats, kept in registers.
template <std::size_t Rows, std::size_t Vectors, std::size_t Lanes>
GENESIS_INLINE void add_block(const LeftOperand& left,
                              const RightOperand& right,
                              std::size_t depth,
                              float* out) {
  using Vector [[gnu::vector_size(Lanes * sizeof(float))]] = float;
  Vector sums[Rows][Vectors];
  for (std::size_t r = 0; r < Rows; ++r) {
    for (std::size_t v = 0; v < Vectors; ++v) {
      std::memcpy(&sums[r][v], out + r * kTileColumns + v * Lanes, sizeof(Vector));
    }
  }
  const float* row = right.data;
  const float* column = left.data;
  for (std::size_t d = 0; d < depth; ++d) {
    Vector values[Vectors];
    for (std::size_t v = 0; v < Vectors; ++v) {
      std::memcpy(&values[v], row + v * Lanes, sizeof(Vector));
    }
    for (std::size_t r = 0; r < Rows; ++r) {
      const float factor = column[r * left.row];
      for (std::size_t v = 0; v < Vectors; ++v) {
        sums[r][v] += factor * values[v];
      }
    }
    row += right.stride;
    column += left.depth;
  }
  for (std::size_t r = 0; r < Rows; ++r) {
    for (std::size_t v = 0; v < Vectors; ++v) {
      std::memcpy(out + r * kTileColumns + v * Lanes, &sums[r][v], sizeof(Vector));
    }
  }
}

template <std::size_t Rows, std::size_t Vectors, std::size_t Lanes>
GENESIS_INLINE void add_tile(const LeftOperand& left,
                             const RightOperand& right,
                             std::size_t depth,
                             float* out) {
  for (std::size_t r = 0; r < kTileRows; r += Rows) {
    for (std::size_t c = 0; c < kTileColumns; c += Vectors * Lanes) {
      add_block<Rows, Vectors, Lanes>({left.data + r * left.row, left.row, left.depth},
                                      {right.data + c, right.stride},
                                      depth,
                                      out + r * kTileColumns + c);
    }
  }
}

using Kernel = void (*)(const LeftOperand&, const RightOperand&, std::size_t, float*);

void add_tile_plain(const LeftOperand& left,
                    const RightOperand& right,
                    std::size_t depth,
                    float* out) {
  add_tile<4, 2, 4>(left, right, depth, out);
}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
[[gnu::target("arch=x86-64-v3")]] void add_tile_v3(const LeftOperand& left,
                                                   const RightOperand& right,
                                                   std::size_t depth,
                                                   float* out) {
  add_tile<4, 2, 8>(left, right, depth, out);
}

[[gnu::target("arch=x86-64-v4")]] void add_tile_v4(const LeftOperand& left,
                                                   const RightOperand& right,
                                                   std::size_t depth,
                                                   float* out) {
  add_tile<8, 2, 16>(left, right, depth, out);
}

Kernel best_kernel() {
  if (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
      __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
      __builtin_cpu_supports("fma") != 0) {
    return add_tile_v4;
  }
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 ? add_tile_v3
                                                                                   : add_tile_plain;
}
#else
Kernel best_kernel() {
  return add_tile_plain;
}
#endif

}  // namespace

void add_product(LeftOperand left, RightOperand right, std::size_t depth, float* out) {
  static const Kernel kernel = best_kernel();
  kernel(left, right, depth, out);
}

}  // namespace genesis::mixture
