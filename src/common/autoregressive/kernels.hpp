#pragma once
// Everything elementwise that a step and a sample need, as loops over raw buffers. Private to this
// folder. Matrices are row-major; the products are those of model/matrix.hpp.
#include <cstddef>
#include <cstdint>

#include "common/model/matrix.hpp"

namespace genesis::autoregressive {

/// Rows without gaps between them.
[[nodiscard]] inline model::Matrix matrix(float* data, std::size_t rows, std::size_t columns) {
  return {data, rows, columns, columns};
}
[[nodiscard]] inline model::ConstMatrix matrix(const float* data,
                                               std::size_t rows,
                                               std::size_t columns) {
  return {data, rows, columns, columns};
}

/// For each row the first `count` of `stride` numbers of rows in a table.
struct Indices {
  const std::uint32_t* data = nullptr;
  std::size_t stride = 0;
  std::size_t count = 0;
};

/// target[r] = relu(base + sum over the row's indices i of table[i]); rows of the table are
/// table_stride apart.
void gather_relu(const float* base,
                 const float* table,
                 std::size_t table_stride,
                 const Indices& indices,
                 const model::Matrix& target);
/// table[i] += source[r] for the row's indices i.
void scatter(const model::ConstMatrix& source,
             const Indices& indices,
             float* table,
             std::size_t table_stride);

/// out[k] = table[index[k]], or table[index[k]] += source[k]; rows of `n` floats.
void take_rows(
    const float* table, const std::uint32_t* index, std::size_t rows, std::size_t n, float* out);
void add_rows(
    const float* source, const std::uint32_t* index, std::size_t rows, std::size_t n, float* table);

/// z = relu(z + bias); sum = z + skip. Matrices of one shape.
void bias_relu_skip(const float* bias,
                    const model::ConstMatrix& skip,
                    const model::Matrix& z,
                    const model::Matrix& sum);
/// target = source where gate > 0, else 0.
void gate(const model::ConstMatrix& gate,
          const model::ConstMatrix& source,
          const model::Matrix& target);

/// In: logits without their bias, and the code that each row has. Out: `share` times the gradient
/// of the rows' cross entropy by the logits. Returns the cross entropy, summed over the rows.
[[nodiscard]] double cross_entropy(const float* bias,
                                   const std::uint32_t* codes,
                                   float share,
                                   const model::Matrix& logits);

/// squares[r] += |m[r]|^2.
void add_row_squares(const model::ConstMatrix& m, float* squares);
/// norms[r] += a[r] (b[r] + 1): what an outer product of rows of those squared norms, and a bias
/// that gets the first of them, have together.
void add_outer_squares(const float* a, const float* b, std::size_t rows, float* norms);
/// m[r] *= factor[r]; rows whose factor is 0 are set to 0, whatever they hold.
void scale_rows(const float* factor, const model::Matrix& m);
/// into[r] += block number i of source[r], for the blocks that `is_taken` names; `block` values a
/// block, `into` as wide as the source.
void add_blocks(const model::ConstMatrix& source,
                const bool* is_taken,
                std::size_t block,
                float* into);

/// For each row: draws a code in proportion to exp(logits + bias) shares, where uniform[r] in (0,
/// 1) says which. `shares` may be null: all 1. `kept` (may be null) is multiplied by the part of
/// the whole that the shares leave.
void draw_codes(const float* bias,
                const float* shares,
                const float* uniform,
                const model::Matrix& logits,
                std::uint32_t* codes,
                float* kept);

}  // namespace genesis::autoregressive
