#include "common/model/kernels.hpp"

#include <cmath>

#include "common/base/target.hpp"
#include "common/base/vector_math.hpp"

// Loops here are written for the vectoriser: unit stride, no calls but inlined ones, no aliasing
// between the restricted pointers of one loop.
#define GENESIS_RESTRICT __restrict__

namespace genesis::model {
namespace {

using Out = float* GENESIS_RESTRICT;
using In = const float* GENESIS_RESTRICT;

constexpr std::size_t kPanel = 64;  // columns

GENESIS_INLINE float* row_of(const Matrix& m, std::size_t r) {
  return m.data + r * m.stride;
}
GENESIS_INLINE const float* row_of(const ConstMatrix& m, std::size_t r) {
  return m.data + r * m.stride;
}

GENESIS_INLINE void add_into(Out target, In source, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) {
    target[j] += source[j];
  }
}

// Fewer passes over the target than one row at a time.
GENESIS_INLINE void add_four(Out target, In a, In b, In c, In d, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) {
    target[j] += (a[j] + b[j]) + (c[j] + d[j]);
  }
}

GENESIS_INLINE void add_scaled(Out target, In source, float scale, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) {
    target[j] += scale * source[j];
  }
}

GENESIS_INLINE void zero(Out target, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) {
    target[j] = 0.0F;
  }
}

}  // namespace

GENESIS_KERNEL void add_indexed_rows(const Matrix& target,
                                     const float* table,
                                     const std::uint32_t* index) {
  const std::size_t n = target.columns;
  for (std::size_t r = 0; r < target.rows; ++r) {
    add_into(row_of(target, r), table + index[r] * n, n);
  }
}

GENESIS_KERNEL void scatter_rows(const ConstMatrix& source,
                                 float* table,
                                 const std::uint32_t* index) {
  const std::size_t n = source.columns;
  for (std::size_t r = 0; r < source.rows; ++r) {
    add_into(table + index[r] * n, row_of(source, r), n);
  }
}

// Both go block by block of the weight (member by member of the groups): a block stays in the
// cache.
GENESIS_KERNEL void add_sparse_rows(const float* weight,
                                    std::size_t width,
                                    std::size_t pac,
                                    const SparseRows& rows,
                                    const Matrix& target) {
  const std::size_t n = target.columns;
  for (std::size_t member = 0; member < pac; ++member) {
    const float* block = weight + member * width * n;
    for (std::size_t group = 0; group < target.rows; ++group) {
      const std::size_t r = group * pac + member;
      float* out = row_of(target, group);
      const std::uint32_t* modes = rows.modes + r * rows.modes_per_row;
      const float* values = rows.values + r * rows.values_per_row;
      std::size_t k = 0;
      for (; k + 4 <= rows.modes_per_row; k += 4) {
        add_four(out,
                 block + modes[k] * n,
                 block + modes[k + 1] * n,
                 block + modes[k + 2] * n,
                 block + modes[k + 3] * n,
                 n);
      }
      for (; k < rows.modes_per_row; ++k) {
        add_into(out, block + modes[k] * n, n);
      }
      for (k = 0; k < rows.values_per_row; ++k) {
        add_scaled(out, block + rows.value_columns[k] * n, values[k], n);
      }
    }
  }
}

GENESIS_KERNEL void scatter_sparse_rows(const ConstMatrix& source,
                                        std::size_t width,
                                        std::size_t pac,
                                        const SparseRows& rows,
                                        float* weight) {
  const std::size_t n = source.columns;
  for (std::size_t member = 0; member < pac; ++member) {
    float* block = weight + member * width * n;
    for (std::size_t group = 0; group < source.rows; ++group) {
      const std::size_t r = group * pac + member;
      const float* in = row_of(source, group);
      const std::uint32_t* modes = rows.modes + r * rows.modes_per_row;
      for (std::size_t k = 0; k < rows.modes_per_row; ++k) {
        add_into(block + modes[k] * n, in, n);
      }
      for (std::size_t k = 0; k < rows.values_per_row; ++k) {
        add_scaled(
            block + rows.value_columns[k] * n, in, rows.values[r * rows.values_per_row + k], n);
      }
    }
  }
}

GENESIS_KERNEL void column_sums(const ConstMatrix& source, float* out) {
  zero(out, source.columns);
  for (std::size_t r = 0; r < source.rows; ++r) {
    add_into(out, row_of(source, r), source.columns);
  }
}

GENESIS_KERNEL void add_column_sums(const ConstMatrix& source, float* out) {
  for (std::size_t r = 0; r < source.rows; ++r) {
    add_into(out, row_of(source, r), source.columns);
  }
}

GENESIS_KERNEL void add_row(const Matrix& target, const float* row) {
  for (std::size_t r = 0; r < target.rows; ++r) {
    add_into(row_of(target, r), row, target.columns);
  }
}

// Column panels keep a panel's rows and sums in the nearest caches through all passes.
GENESIS_KERNEL void batch_norm_relu(const Matrix& a,
                                    const IndexedRows& extra,
                                    const float* gamma_,
                                    const float* beta_,
                                    const BatchNormStatistics& statistics,
                                    const Matrix& h) {
  const float share = 1.0F / static_cast<float>(a.rows);
  for (std::size_t first = 0; first < a.columns; first += kPanel) {
    const std::size_t n = a.columns - first < kPanel ? a.columns - first : kPanel;
    In gamma = gamma_ + first;
    In beta = beta_ + first;
    float mean[kPanel] = {};
    float variance[kPanel] = {};
    float inverse_std[kPanel];
    for (std::size_t r = 0; r < a.rows; ++r) {
      Out x = row_of(a, r) + first;
      if (extra.index != nullptr) {
        In more = extra.table + extra.index[r] * a.columns + first;
        for (std::size_t j = 0; j < n; ++j) {
          x[j] += more[j];
          mean[j] += x[j];
        }
      } else {
        for (std::size_t j = 0; j < n; ++j) {
          mean[j] += x[j];
        }
      }
    }
    for (std::size_t j = 0; j < n; ++j) {
      mean[j] *= share;
    }
    // The variance takes a pass of its own: for values far from zero it keeps its digits.
    for (std::size_t r = 0; r < a.rows; ++r) {
      In x = row_of(a, r) + first;
      for (std::size_t j = 0; j < n; ++j) {
        const float centred = x[j] - mean[j];
        variance[j] += centred * centred;
      }
    }
    for (std::size_t j = 0; j < n; ++j) {
      variance[j] *= share;
      inverse_std[j] = 1.0F / std::sqrt(variance[j] + kBatchNormEpsilon);
      statistics.mean[first + j] = mean[j];
      statistics.variance[first + j] = variance[j];
      statistics.inverse_std[first + j] = inverse_std[j];
    }
    for (std::size_t r = 0; r < a.rows; ++r) {
      Out x = row_of(a, r) + first;
      Out y = row_of(h, r) + first;
      for (std::size_t j = 0; j < n; ++j) {
        const float normalised = (x[j] - mean[j]) * inverse_std[j];
        const float scaled = gamma[j] * normalised + beta[j];
        x[j] = normalised;
        y[j] = scaled > 0.0F ? scaled : 0.0F;
      }
    }
  }
}

GENESIS_KERNEL void batch_norm_relu_backward(const ConstMatrix& dh,
                                             const ConstMatrix& h,
                                             const float* gamma_,
                                             const float* inverse_std_,
                                             const Matrix& normalised,
                                             float* dgamma_,
                                             float* dbeta_) {
  const float share = 1.0F / static_cast<float>(normalised.rows);
  for (std::size_t first = 0; first < normalised.columns; first += kPanel) {
    const std::size_t n = normalised.columns - first < kPanel ? normalised.columns - first : kPanel;
    float dgamma[kPanel] = {};
    float dbeta[kPanel] = {};
    for (std::size_t r = 0; r < normalised.rows; ++r) {
      In x = row_of(normalised, r) + first;
      In y = row_of(h, r) + first;
      In dy = row_of(dh, r) + first;
      for (std::size_t j = 0; j < n; ++j) {
        const float d = y[j] > 0.0F ? dy[j] : 0.0F;
        dbeta[j] += d;
        dgamma[j] += d * x[j];
      }
    }
    float slope[kPanel], shift[kPanel], tilt[kPanel];
    for (std::size_t j = 0; j < n; ++j) {
      dgamma_[first + j] = dgamma[j];
      dbeta_[first + j] = dbeta[j];
      slope[j] = gamma_[first + j] * inverse_std_[first + j];
      shift[j] = share * dbeta[j];
      tilt[j] = share * dgamma[j];
    }
    for (std::size_t r = 0; r < normalised.rows; ++r) {
      Out x = row_of(normalised, r) + first;
      In y = row_of(h, r) + first;
      In dy = row_of(dh, r) + first;
      for (std::size_t j = 0; j < n; ++j) {
        const float d = y[j] > 0.0F ? dy[j] : 0.0F;
        x[j] = slope[j] * (d - shift[j] - x[j] * tilt[j]);
      }
    }
  }
}

GENESIS_KERNEL void bias_relu(const ConstMatrix& a,
                              const IndexedRows& more,
                              const float* bias_,
                              const Matrix& h) {
  const std::size_t n = a.columns;
  In bias = bias_;
  for (std::size_t r = 0; r < a.rows; ++r) {
    In x = row_of(a, r);
    Out y = row_of(h, r);
    if (more.index != nullptr) {
      In extra = more.table + more.index[r] * n;
      for (std::size_t j = 0; j < n; ++j) {
        const float sum = x[j] + bias[j] + extra[j];
        y[j] = sum > 0.0F ? sum : 0.0F;
      }
    } else {
      for (std::size_t j = 0; j < n; ++j) {
        const float sum = x[j] + bias[j];
        y[j] = sum > 0.0F ? sum : 0.0F;
      }
    }
  }
}

GENESIS_KERNEL void leaky_relu_dropout(const Matrix& a,
                                       const float* bias_,
                                       const float* dropout_,
                                       float* slope_) {
  const std::size_t n = a.columns;
  In bias = bias_;
  for (std::size_t r = 0; r < a.rows; ++r) {
    Out x = row_of(a, r);
    In dropout = dropout_ + r * n;
    Out slope = slope_ + r * n;
    for (std::size_t j = 0; j < n; ++j) {
      const float sum = x[j] + bias[j];
      const float s = (sum > 0.0F ? 1.0F : kLeak) * dropout[j];
      slope[j] = s;
      x[j] = sum * s;
    }
  }
}

GENESIS_KERNEL void scale_elementwise(float* target_, const float* factor_, std::size_t count) {
  Out target = target_;
  In factor = factor_;
  for (std::size_t i = 0; i < count; ++i) {
    target[i] *= factor[i];
  }
}

GENESIS_KERNEL void row_dots(const ConstMatrix& source,
                             const float* vector,
                             float offset,
                             float* out) {
  constexpr std::size_t kLanes =
      16;  // partial sums, so that the order does not depend on the width
  for (std::size_t r = 0; r < source.rows; ++r) {
    In x = row_of(source, r);
    float lanes[kLanes] = {};
    std::size_t j = 0;
    for (; j + kLanes <= source.columns; j += kLanes) {
      for (std::size_t k = 0; k < kLanes; ++k) {
        lanes[k] += x[j + k] * vector[j + k];
      }
    }
    float sum = offset;
    for (; j < source.columns; ++j) {
      sum += x[j] * vector[j];
    }
    for (const float lane : lanes) {
      sum += lane;
    }
    out[r] = sum;
  }
}

GENESIS_KERNEL void scaled_outer(const float* scale,
                                 const float* vector_,
                                 const float* factor_,
                                 const Matrix& target) {
  In vector = vector_;
  const std::size_t n = target.columns;
  for (std::size_t r = 0; r < target.rows; ++r) {
    Out y = row_of(target, r);
    In factor = factor_ + r * n;
    const float s = scale[r];
    for (std::size_t j = 0; j < n; ++j) {
      y[j] = s * vector[j] * factor[j];
    }
  }
}

GENESIS_KERNEL void weighted_column_sums(const ConstMatrix& source,
                                         const float* scale,
                                         float* out_) {
  Out out = out_;
  zero(out, source.columns);
  for (std::size_t r = 0; r < source.rows; ++r) {
    In x = row_of(source, r);
    const float s = scale[r];
    for (std::size_t j = 0; j < source.columns; ++j) {
      out[j] += s * x[j];
    }
  }
}

GENESIS_KERNEL void blend_rows(const float* share,
                               const float* a_,
                               const float* b_,
                               const Matrix& target) {
  const std::size_t n = target.columns;
  for (std::size_t r = 0; r < target.rows; ++r) {
    In a = a_ + r * n;
    In b = b_ + r * n;
    Out y = row_of(target, r);
    const float t = share[r];
    for (std::size_t j = 0; j < n; ++j) {
      y[j] = t * a[j] + (1.0F - t) * b[j];
    }
  }
}

GENESIS_KERNEL double sum_of_squares(const float* values, std::size_t count) {
  constexpr std::size_t kLanes = 16;
  double lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) {
      const auto x = static_cast<double>(values[i + k]);
      lanes[k] += x * x;
    }
  }
  double sum = 0.0;
  for (; i < count; ++i) {
    sum += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  }
  for (const double lane : lanes) {
    sum += lane;
  }
  return sum;
}

GENESIS_KERNEL ThreeProducts products_of(const float* a,
                                         const float* b,
                                         const float* c,
                                         std::size_t count) {
  constexpr std::size_t kLanes = 8;
  double lanes[6][kLanes] = {};
  const auto add = [&](std::size_t i, std::size_t k) {
    const auto x = static_cast<double>(a[i]);
    const auto y = static_cast<double>(b[i]);
    const auto z = static_cast<double>(c[i]);
    lanes[0][k] += x * x;
    lanes[1][k] += y * y;
    lanes[2][k] += z * z;
    lanes[3][k] += x * y;
    lanes[4][k] += x * z;
    lanes[5][k] += y * z;
  };
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) {
      add(i + k, k);
    }
  }
  for (; i < count; ++i) {
    add(i, 0);
  }
  double sums[6] = {};
  for (std::size_t p = 0; p < 6; ++p) {
    for (const double lane : lanes[p]) {
      sums[p] += lane;
    }
  }
  return {sums[0], sums[1], sums[2], sums[3], sums[4], sums[5]};
}

GENESIS_KERNEL void scale_all(float* values, float factor, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    values[i] *= factor;
  }
}

GENESIS_KERNEL void exp_over_noise5(float* values_, const float* noise_, std::size_t count) {
  Out values = values_;
  In noise = noise_;
  for (std::size_t i = 0; i < count; ++i) {
    const float e = noise[i];
    const float e2 = e * e;
    values[i] = fast_exp(values[i]) / (e2 * e2 * e);
  }
}

GENESIS_KERNEL void exp_all(float* values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = fast_exp(values[i]);
  }
}

GENESIS_KERNEL void tanh_all(float* values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = fast_tanh(values[i]);
  }
}

GENESIS_KERNEL void adam_update(const AdamStep& step,
                                float gradient_scale,
                                const float* gradient_,
                                float* first_,
                                float* second_,
                                float* weight_,
                                std::size_t count) {
  constexpr auto kEpsilon = static_cast<float>(kAdamEpsilon);
  In gradient = gradient_;
  Out first = first_;
  Out second = second_;
  Out weight = weight_;
  const AdamStep s = step;
  for (std::size_t i = 0; i < count; ++i) {
    const float g = gradient_scale * gradient[i] + s.weight_decay * weight[i];
    const float m = s.beta1 * first[i] + (1.0F - s.beta1) * g;
    const float v = s.beta2 * second[i] + (1.0F - s.beta2) * g * g;
    first[i] = m;
    second[i] = v;
    weight[i] -= s.learning_rate * m / (std::sqrt(v) * s.second_scale + kEpsilon);
  }
}

GENESIS_KERNEL void add_proximal(
    float mu, const float* weight_, const float* anchor_, float* gradient_, std::size_t count) {
  In weight = weight_;
  In anchor = anchor_;
  Out gradient = gradient_;
  for (std::size_t i = 0; i < count; ++i) {
    gradient[i] += mu * (weight[i] - anchor[i]);
  }
}

}  // namespace genesis::model
