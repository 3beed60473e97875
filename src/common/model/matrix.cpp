#include "common/model/matrix.hpp"

#include <array>
#include <cstdint>

#include <ATen/core/Tensor.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>
#include <c10/core/InferenceMode.h>

#include "common/base/check.hpp"

namespace genesis::model {
namespace {

at::Tensor tensor_of(const ConstMatrix& m) {
  std::array<std::int64_t, 2> sizes = {static_cast<std::int64_t>(m.rows),
                                       static_cast<std::int64_t>(m.columns)};
  std::array<std::int64_t, 2> strides = {static_cast<std::int64_t>(m.stride), 1};
  if (m.transposed) {
    std::swap(sizes[0], sizes[1]);
    std::swap(strides[0], strides[1]);
  }
  // from_blob takes void*; operands are only read.
  return at::from_blob(const_cast<float*>(m.data), sizes, strides, at::TensorOptions(at::kFloat));
}

void check_shapes(const ConstMatrix& a, const ConstMatrix& b, const Matrix& c) {
  const std::size_t rows = a.transposed ? a.columns : a.rows;
  const std::size_t inner = a.transposed ? a.rows : a.columns;
  const std::size_t inner_b = b.transposed ? b.columns : b.rows;
  const std::size_t columns = b.transposed ? b.rows : b.columns;
  GENESIS_CHECK(rows == c.rows && inner == inner_b && columns == c.columns,
                "[matrix] shapes of a product must agree");
}

}  // namespace

void multiply(const ConstMatrix& a, const ConstMatrix& b, const Matrix& c) {
  check_shapes(a, b, c);
  const c10::InferenceMode guard;
  at::Tensor out = tensor_of(view(c));
  at::mm_out(out, tensor_of(a), tensor_of(b));
}

void multiply_add(const ConstMatrix& a, const ConstMatrix& b, const Matrix& c) {
  check_shapes(a, b, c);
  const c10::InferenceMode guard;
  at::Tensor out = tensor_of(view(c));
  at::addmm_out(out, out, tensor_of(a), tensor_of(b));
}

}  // namespace genesis::model
