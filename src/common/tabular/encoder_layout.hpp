#pragma once
// What a model sees of an encoder's columns. Used where encoders are made: by fitting and from
// JSON.
#include <span>

#include "common/tabular/encoder.hpp"
#include "common/tabular/layout.hpp"

namespace genesis::tabular {

/// A Gaussian mode's scalar is (x - mean) / (kScalarWidth * deviation): CTGAN's 4.
inline constexpr double kScalarWidth = 4.0;

[[nodiscard]] Layout layout_of(std::span<const EncodedColumnSpec> columns);

}  // namespace genesis::tabular
