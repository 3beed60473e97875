#include "common/autoregressive/kernels.hpp"

#include <cmath>

#include "common/base/target.hpp"
#include "common/base/vector_math.hpp"

// Loops here are written for the vectoriser: unit stride, no calls but inlined ones, no aliasing
// between the restricted pointers of one loop.
#define GENESIS_RESTRICT __restrict__

namespace genesis::autoregressive {
namespace {

using Out = float* GENESIS_RESTRICT;
using In = const float* GENESIS_RESTRICT;
using model::ConstMatrix;
using model::Matrix;

constexpr std::size_t kPanel = 64;  // columns whose sums stay in registers
constexpr std::size_t kLanes = 16;  // partial sums, so that the order does not depend on the width

template <typename M>
GENESIS_INLINE auto* row_of(const M& m, std::size_t r) {
  return m.data + r * m.stride;
}

// `n` is a constant where the caller has one, so that the sums stay in registers.
GENESIS_INLINE void gather_panel(In base,
                                 In table,
                                 std::size_t table_stride,
                                 const std::uint32_t* index,
                                 std::size_t count,
                                 Out target,
                                 std::size_t n) {
  float sums[kPanel];
  for (std::size_t j = 0; j < n; ++j) {
    sums[j] = base[j];
  }
  for (std::size_t k = 0; k < count; ++k) {
    In row = table + index[k] * table_stride;
    for (std::size_t j = 0; j < n; ++j) {
      sums[j] += row[j];
    }
  }
  for (std::size_t j = 0; j < n; ++j) {
    target[j] = sums[j] > 0.0F ? sums[j] : 0.0F;
  }
}

GENESIS_INLINE float sum_of(const float* values, std::size_t n) {
  float lanes[kLanes] = {};
  std::size_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) {
      lanes[k] += values[j + k];
    }
  }
  float sum = 0.0F;
  for (; j < n; ++j) {
    sum += values[j];
  }
  for (const float lane : lanes) {
    sum += lane;
  }
  return sum;
}

GENESIS_INLINE float largest(const float* values, std::size_t n) {
  float most = values[0];
  for (std::size_t j = 1; j < n; ++j) {
    most = values[j] > most ? values[j] : most;
  }
  return most;
}

// values = exp(values + bias - their largest sum), whose largest is 1.
GENESIS_INLINE void exponentials(In bias, Out values, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) {
    values[j] += bias[j];
  }
  const float most = largest(values, n);
  for (std::size_t j = 0; j < n; ++j) {
    values[j] = fast_exp(values[j] - most);
  }
}

}  // namespace

GENESIS_KERNEL void gather_relu(const float* base,
                                const float* table,
                                std::size_t table_stride,
                                const Indices& indices,
                                const Matrix& target) {
  for (std::size_t first = 0; first < target.columns; first += kPanel) {
    const std::size_t n = target.columns - first < kPanel ? target.columns - first : kPanel;
    for (std::size_t r = 0; r < target.rows; ++r) {
      const std::uint32_t* index = indices.data + r * indices.stride;
      float* out = row_of(target, r) + first;
      if (n == kPanel) {
        gather_panel(base + first, table + first, table_stride, index, indices.count, out, kPanel);
      } else {
        gather_panel(base + first, table + first, table_stride, index, indices.count, out, n);
      }
    }
  }
}

GENESIS_KERNEL void scatter(const ConstMatrix& source,
                            const Indices& indices,
                            float* table,
                            std::size_t table_stride) {
  for (std::size_t r = 0; r < source.rows; ++r) {
    const std::uint32_t* index = indices.data + r * indices.stride;
    In in = row_of(source, r);
    for (std::size_t k = 0; k < indices.count; ++k) {
      Out out = table + index[k] * table_stride;
      for (std::size_t j = 0; j < source.columns; ++j) {
        out[j] += in[j];
      }
    }
  }
}

GENESIS_KERNEL void take_rows(
    const float* table, const std::uint32_t* index, std::size_t rows, std::size_t n, float* out_) {
  for (std::size_t r = 0; r < rows; ++r) {
    In in = table + index[r] * n;
    Out out = out_ + r * n;
    for (std::size_t j = 0; j < n; ++j) {
      out[j] = in[j];
    }
  }
}

GENESIS_KERNEL void add_rows(const float* source,
                             const std::uint32_t* index,
                             std::size_t rows,
                             std::size_t n,
                             float* table) {
  for (std::size_t r = 0; r < rows; ++r) {
    In in = source + r * n;
    Out out = table + index[r] * n;
    for (std::size_t j = 0; j < n; ++j) {
      out[j] += in[j];
    }
  }
}

GENESIS_KERNEL void bias_relu_skip(const float* bias_,
                                   const ConstMatrix& skip_,
                                   const Matrix& z_,
                                   const Matrix& sum_) {
  In bias = bias_;
  for (std::size_t r = 0; r < z_.rows; ++r) {
    In skip = row_of(skip_, r);
    Out z = row_of(z_, r);
    Out sum = row_of(sum_, r);
    for (std::size_t j = 0; j < z_.columns; ++j) {
      const float x = z[j] + bias[j];
      z[j] = x > 0.0F ? x : 0.0F;
      sum[j] = z[j] + skip[j];
    }
  }
}

GENESIS_KERNEL void gate(const ConstMatrix& gate_,
                         const ConstMatrix& source_,
                         const Matrix& target_) {
  for (std::size_t r = 0; r < target_.rows; ++r) {
    In open = row_of(gate_, r);
    In source = row_of(source_, r);
    Out target = row_of(target_, r);
    for (std::size_t j = 0; j < target_.columns; ++j) {
      target[j] = open[j] > 0.0F ? source[j] : 0.0F;
    }
  }
}

GENESIS_KERNEL double cross_entropy(const float* bias,
                                    const std::uint32_t* codes,
                                    float share,
                                    const Matrix& logits) {
  double loss = 0.0;
  for (std::size_t r = 0; r < logits.rows; ++r) {
    float* values = row_of(logits, r);
    exponentials(bias, values, logits.columns);
    const float sum = sum_of(values, logits.columns);
    const float own = values[codes[r]];
    loss += static_cast<double>(fast_log(sum)) - static_cast<double>(fast_log(own));
    const float scale = share / sum;
    Out gradient = values;
    for (std::size_t j = 0; j < logits.columns; ++j) {
      gradient[j] *= scale;
    }
    gradient[codes[r]] -= share;
  }
  return loss;
}

GENESIS_KERNEL void add_row_squares(const ConstMatrix& m, float* squares) {
  for (std::size_t r = 0; r < m.rows; ++r) {
    In values = row_of(m, r);
    float lanes[kLanes] = {};
    std::size_t j = 0;
    for (; j + kLanes <= m.columns; j += kLanes) {
      for (std::size_t k = 0; k < kLanes; ++k) {
        lanes[k] += values[j + k] * values[j + k];
      }
    }
    float sum = 0.0F;
    for (; j < m.columns; ++j) {
      sum += values[j] * values[j];
    }
    for (const float lane : lanes) {
      sum += lane;
    }
    squares[r] += sum;
  }
}

GENESIS_KERNEL void add_outer_squares(const float* a_,
                                      const float* b_,
                                      std::size_t rows,
                                      float* norms_) {
  In a = a_;
  In b = b_;
  Out norms = norms_;
  for (std::size_t r = 0; r < rows; ++r) {
    norms[r] += a[r] * (b[r] + 1.0F);
  }
}

GENESIS_KERNEL void scale_rows(const float* factor, const Matrix& m) {
  for (std::size_t r = 0; r < m.rows; ++r) {
    Out values = row_of(m, r);
    const float by = factor[r];
    if (by == 0.0F) {
      for (std::size_t j = 0; j < m.columns; ++j) {
        values[j] = 0.0F;
      }
    } else {
      for (std::size_t j = 0; j < m.columns; ++j) {
        values[j] *= by;
      }
    }
  }
}

GENESIS_KERNEL void add_blocks(const ConstMatrix& source_,
                               const bool* is_taken,
                               std::size_t block,
                               float* into_) {
  for (std::size_t r = 0; r < source_.rows; ++r) {
    In source = row_of(source_, r);
    Out into = into_ + r * source_.columns;
    for (std::size_t first = 0, i = 0; first < source_.columns; first += block, ++i) {
      if (is_taken[i]) {
        for (std::size_t j = first; j < first + block; ++j) {
          into[j] += source[j];
        }
      }
    }
  }
}

GENESIS_KERNEL void draw_codes(const float* bias,
                               const float* shares_,
                               const float* uniform,
                               const Matrix& logits,
                               std::uint32_t* codes,
                               float* kept) {
  const std::size_t n = logits.columns;
  for (std::size_t r = 0; r < logits.rows; ++r) {
    float* values = row_of(logits, r);
    exponentials(bias, values, n);
    if (shares_ != nullptr) {
      const float all = sum_of(values, n);
      In shares = shares_;
      Out weighted = values;
      for (std::size_t j = 0; j < n; ++j) {
        // No less than what is possible may have, so that a row is drawn whatever the model thinks.
        const float least = shares[j] > 0.0F ? 1e-30F : 0.0F;
        weighted[j] = weighted[j] * shares[j] + least;
      }
      if (kept != nullptr) {
        kept[r] *= sum_of(values, n) / all;
      }
    }
    float rest = uniform[r] * sum_of(values, n);
    std::uint32_t last = 0;  // the last code that is possible, for what rounding leaves
    for (std::size_t j = 0; j < n && rest >= 0.0F; ++j) {
      rest -= values[j];
      last = values[j] > 0.0F ? static_cast<std::uint32_t>(j) : last;
    }
    codes[r] = last;
  }
}

}  // namespace genesis::autoregressive
