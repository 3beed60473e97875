#pragma once
// Rows out of a trained network, column after column. What is asked of columns holds in every row,
// without rejection: these columns are drawn first, from their distributions as far as they are
// allowed.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/autoregressive/discretizer.hpp"
#include "common/autoregressive/parameters.hpp"
#include "common/base/error.hpp"
#include "common/base/tensors.hpp"

namespace genesis::autoregressive {

class Sampler {
 public:
  static constexpr std::size_t kBlockRows = 4096;

  /// `order` is that in which rows are drawn without conditions. Errors: kInvalidArgument where the
  /// tensors are not those of `shape`, or not finite.
  [[nodiscard]] static Result<Sampler> create(const Shape& shape,
                                              std::vector<std::uint32_t> order,
                                              Tensors parameters);

  /// The first `rows` rows of block number `block` of the endless sample that `seed` and `allowed`
  /// name; at most one entry of `allowed` a column. Rows are drawn from the model's distribution
  /// under the conditions: exactly where at most one column may have several codes, else by drawing
  /// several candidates for the asked columns and choosing among them by their likelihood (Rubin
  /// 1988).
  [[nodiscard]] CodedTable block(std::uint64_t seed,
                                 std::uint64_t block,
                                 std::size_t rows,
                                 std::span<const Allowed> allowed) const;

  /// The code of a cell that is to be drawn.
  static constexpr std::uint32_t kUnknown = 0xFFFFFFFF;
  /// Draws the unknown codes of `known`, at most kBlockRows rows, which are those of block number
  /// `block`: each column from its distribution given the row's known codes and those drawn before,
  /// within `allowed`, of which a row's known codes need not be.
  [[nodiscard]] CodedTable complete(std::uint64_t seed,
                                    std::uint64_t block,
                                    const CodedTable& known,
                                    std::span<const Allowed> allowed) const;

 private:
  struct Draft;  // the rows of a block, as far as they are drawn

  Sampler(const Shape& shape, std::vector<std::uint32_t> order, std::vector<float> weights);
  void add_drawn(std::uint32_t column, Draft& draft) const;
  void multiply_inputs(std::uint32_t column,
                       std::span<const std::uint32_t> from,
                       std::vector<float>& table) const;
  void draw_column(std::uint32_t column,
                   const Allowed* allowed,
                   const std::vector<float>& table,
                   Draft& draft) const;

  Shape shape_;
  Places places_;
  std::vector<std::uint32_t> order_;
  std::vector<float> weights_;
  std::vector<float> unknown_;          // (columns, columns * hidden): what each adds where unknown
  std::vector<std::size_t> first_row_;  // of each column's codes in a table of all codes
  std::size_t all_codes_ = 0;
};

}  // namespace genesis::autoregressive
