// The products of matrix.hpp by OpenBLAS's sgemm itself: the call that LibTorch makes for these
// shapes, so that both builds give the same bits.
#include <algorithm>

#include "common/base/check.hpp"
#include "common/model/matrix.hpp"

extern "C" void sgemm_(const char* transposed_a,
                       const char* transposed_b,
                       const int* m,
                       const int* n,
                       const int* k,
                       const float* alpha,
                       const float* a,
                       const int* stride_a,
                       const float* b,
                       const int* stride_b,
                       const float* beta,
                       float* c,
                       const int* stride_c);

namespace genesis::model {
namespace {

int stride_of(std::size_t stride) {
  return static_cast<int>(std::max<std::size_t>(stride, 1));
}

// c = a b + beta c. BLAS reads columns where we write rows, so it is told c' = b' a'.
void product(const ConstMatrix& a, const ConstMatrix& b, const Matrix& c, float beta) {
  const std::size_t rows = a.transposed ? a.columns : a.rows;
  const std::size_t inner = a.transposed ? a.rows : a.columns;
  const std::size_t inner_b = b.transposed ? b.columns : b.rows;
  const std::size_t columns = b.transposed ? b.rows : b.columns;
  GENESIS_CHECK(rows == c.rows && inner == inner_b && columns == c.columns,
                "[matrix] shapes of a product must agree");
  if (rows == 0 || columns == 0) {
    return;
  }
  const int m = static_cast<int>(columns);
  const int n = static_cast<int>(rows);
  const int k = static_cast<int>(inner);
  const int stride_a = stride_of(a.stride);
  const int stride_b = stride_of(b.stride);
  const int stride_c = stride_of(c.stride);
  const float alpha = 1.0F;
  sgemm_(b.transposed ? "T" : "N",
         a.transposed ? "T" : "N",
         &m,
         &n,
         &k,
         &alpha,
         b.data,
         &stride_b,
         a.data,
         &stride_a,
         &beta,
         c.data,
         &stride_c);
}

}  // namespace

void multiply(const ConstMatrix& a, const ConstMatrix& b, const Matrix& c) {
  product(a, b, c, 0.0F);
}

void multiply_add(const ConstMatrix& a, const ConstMatrix& b, const Matrix& c) {
  product(a, b, c, 1.0F);
}

}  // namespace genesis::model
