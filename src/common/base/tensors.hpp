#pragma once
// Named float32 tensors laid end to end: what is sent, folded, trained and saved. No LibTorch.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace genesis {

struct TensorSpec {
  std::string name;
  std::vector<std::int64_t> shape;

  [[nodiscard]] std::size_t element_count() const {
    std::size_t count = 1;
    for (const auto extent : shape) {
      count *= static_cast<std::size_t>(extent);
    }
    return count;
  }
  bool operator==(const TensorSpec&) const = default;
};

[[nodiscard]] inline std::size_t element_count(const std::vector<TensorSpec>& specs) {
  std::size_t count = 0;
  for (const auto& spec : specs) {
    count += spec.element_count();
  }
  return count;
}

/// `values` holds the tensors of `specs` in that order, row-major, without gaps.
struct Tensors {
  std::vector<TensorSpec> specs;
  std::vector<float> values;
  bool operator==(const Tensors&) const = default;
};

}  // namespace genesis
