#pragma once
// Row-major views of float buffers and their product: the door to LibTorch's matrix library.
// Used by this folder, its tests, and methods that train other networks.
#include <cstddef>

namespace genesis::model {

/// `rows` x `columns` floats, rows `stride` apart. Does not own; the buffers of one Trainer or
/// Sampler outlive the views that its steps make.
struct ConstMatrix {
  const float* data = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t stride = 0;
  bool transposed = false;  // read as (columns, rows)
};

struct Matrix {
  float* data = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t stride = 0;
};

inline ConstMatrix view(const Matrix& m) {
  return {m.data, m.rows, m.columns, m.stride};
}
inline ConstMatrix transpose(ConstMatrix m) {
  m.transposed = !m.transposed;
  return m;
}
inline ConstMatrix transpose(const Matrix& m) {
  return transpose(view(m));
}

/// c = a b. Shapes must agree (a broken invariant otherwise).
void multiply(const ConstMatrix& a, const ConstMatrix& b, const Matrix& c);
/// c += a b.
void multiply_add(const ConstMatrix& a, const ConstMatrix& b, const Matrix& c);

}  // namespace genesis::model
