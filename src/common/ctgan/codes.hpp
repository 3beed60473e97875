#pragma once
// Tables of codes, one a column, as a CTGAN sees them under differential privacy: each column is a
// softmax over its codes and takes part in the conditional vector. Pure; no LibTorch.
#include "common/autoregressive/discretizer.hpp"
#include "common/tabular/layout.hpp"

namespace genesis::ctgan {

/// So many bins a number has: fewer than noise would drown.
inline constexpr std::size_t kPrivateBins = 16;

[[nodiscard]] tabular::Layout layout_of(const autoregressive::Discretizer& discretizer);
[[nodiscard]] tabular::EncodedTable encoded(autoregressive::CodedTable coded);
[[nodiscard]] autoregressive::CodedTable coded(tabular::EncodedTable encoded);

}  // namespace genesis::ctgan
