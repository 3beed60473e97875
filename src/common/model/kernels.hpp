#pragma once
// Everything elementwise that a step needs, as fused loops over raw buffers; the matrix products
// are in matrix.hpp. Private to this folder. Matrices are row-major; `batch` and `n` are rows and
// columns.
#include <cstddef>
#include <cstdint>

#include "common/model/matrix.hpp"

namespace genesis::model {

inline constexpr float kBatchNormEpsilon = 1e-5F;
inline constexpr float kBatchNormMomentum = 0.1F;
inline constexpr float kLeak = 0.2F;  // slope of the discriminator's leaky ReLU below 0

// --- rows by index: products with one-hot inputs -------------------------------------------------
/// target[r] += table[index[r]], table rows are target.columns long.
void add_indexed_rows(const Matrix& target, const float* table, const std::uint32_t* index);
/// table[index[r]] += source[r].
void scatter_rows(const ConstMatrix& source, float* table, const std::uint32_t* index);

/// Encoded rows without zeros; groups of `pac` of them are one input of the discriminator, whose
/// weight has `pac` blocks of `width` rows.
struct SparseRows {
  std::size_t modes_per_row = 0;
  std::size_t values_per_row = 0;
  const std::uint32_t* modes = nullptr;          // (rows, modes_per_row): places of the ones
  const std::uint32_t* value_columns = nullptr;  // (values_per_row): places of the scalars
  const float* values = nullptr;                 // (rows, values_per_row)
};
/// target (groups, n) += rows x weight (pac * width, n).
void add_sparse_rows(const float* weight,
                     std::size_t width,
                     std::size_t pac,
                     const SparseRows& rows,
                     const Matrix& target);
/// weight += rows^T x source (groups, n).
void scatter_sparse_rows(const ConstMatrix& source,
                         std::size_t width,
                         std::size_t pac,
                         const SparseRows& rows,
                         float* weight);
/// out (n) = column sums; out += with add_column_sums.
void column_sums(const ConstMatrix& source, float* out);
void add_column_sums(const ConstMatrix& source, float* out);
/// target[r] += row.
void add_row(const Matrix& target, const float* row);

// --- batch norm and ReLU (Ioffe, Szegedy 2015) ---------------------------------------------------
/// For each row r its addend table[index[r]], as long as the matrix is wide; none where index is
/// null.
struct IndexedRows {
  const float* table = nullptr;
  const std::uint32_t* index = nullptr;
};

/// In: a (batch, n), the linear layer without its bias, and rows that belong to it. With a + extra
/// for a; out: a becomes (a - mean) / std; h =
/// relu(gamma a + beta); mean (n), inverse_std (n) and the biased variance (n).
struct BatchNormStatistics {
  float* mean;
  float* variance;
  float* inverse_std;
};
void batch_norm_relu(const Matrix& a,
                     const IndexedRows& extra,
                     const float* gamma,
                     const float* beta,
                     const BatchNormStatistics& statistics,
                     const Matrix& h);
/// In: dh (batch, n) and what the forward pass left. Out: `normalised` becomes the gradient of the
/// linear layer's output; dgamma, dbeta (n).
void batch_norm_relu_backward(const ConstMatrix& dh,
                              const ConstMatrix& h,
                              const float* gamma,
                              const float* inverse_std,
                              const Matrix& normalised,
                              float* dgamma,
                              float* dbeta);
/// h = max(0, a + extra + bias): batch norm folded into the weights.
void bias_relu(const ConstMatrix& a, const IndexedRows& extra, const float* bias, const Matrix& h);

// --- leaky ReLU and dropout ----------------------------------------------------------------------
/// a += bias; slope = (a > 0 ? 1 : kLeak) * dropout; a *= slope. Contiguous matrices of one shape.
void leaky_relu_dropout(const Matrix& a, const float* bias, const float* dropout, float* slope);
/// target *= factor, `count` floats.
void scale_elementwise(float* target, const float* factor, std::size_t count);
/// out[r] = source[r] . vector + offset
void row_dots(const ConstMatrix& source, const float* vector, float offset, float* out);
/// target[r][j] = scale[r] * vector[j] * factor[r][j]; contiguous.
void scaled_outer(const float* scale,
                  const float* vector,
                  const float* factor,
                  const Matrix& target);
/// out[j] = sum over r of source[r][j] * scale[r].
void weighted_column_sums(const ConstMatrix& source, const float* scale, float* out);
/// target = t * a + (1 - t) * b with t = share[r]; contiguous, `n` columns.
void blend_rows(const float* share, const float* a, const float* b, const Matrix& target);
/// Sum of squares in double, in a fixed order.
[[nodiscard]] double sum_of_squares(const float* values, std::size_t count);
void scale_all(float* values, float factor, std::size_t count);
/// Products of three vectors of `count` floats with each other, in double, in a fixed order.
struct ThreeProducts {
  double aa = 0.0, bb = 0.0, cc = 0.0;
  double ab = 0.0, ac = 0.0, bc = 0.0;
};
[[nodiscard]] ThreeProducts products_of(const float* a,
                                        const float* b,
                                        const float* c,
                                        std::size_t count);

// --- exponentials --------------------------------------------------------------------------------
/// values = exp(values) / noise^5: softmax terms at temperature 1/5 with Gumbel noise, since
/// exp((l - ln E) / 0.2) = exp(5 l) E^-5 for E a unit exponential.
void exp_over_noise5(float* values, const float* noise, std::size_t count);
void exp_all(float* values, std::size_t count);
void tanh_all(float* values, std::size_t count);

// --- Adam (Kingma, Ba 2015), as torch.optim.Adam -------------------------------------------------
inline constexpr double kAdamEpsilon = 1e-8;  // torch's

struct AdamStep {
  float beta1;
  float beta2;
  float learning_rate;  // divided by the first moment's bias correction
  float second_scale;   // 1 / sqrt(the second moment's bias correction)
  float weight_decay;   // added as L2 gradient, after `gradient_scale`
};
/// With g = gradient_scale * gradient + weight_decay * w: moments and weights of one tensor or
/// more.
void adam_update(const AdamStep& step,
                 float gradient_scale,
                 const float* gradient,
                 float* first,
                 float* second,
                 float* weight,
                 std::size_t count);
/// gradient += mu * (weight - anchor)
void add_proximal(
    float mu, const float* weight, const float* anchor, float* gradient, std::size_t count);

}  // namespace genesis::model
