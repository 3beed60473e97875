#pragma once
// Loss and gradient of one batch (parameters.hpp). Private to this folder and its tests.
//
// What a code of column i adds to the first layer of column j's network is a row of
// embedding.i input.i[j], so the first layers gather rows of these small products: they are made
// for the codes that the batch has, and their gradients are scattered into rows of the same shape.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/autoregressive/discretizer.hpp"
#include "common/autoregressive/parameters.hpp"

namespace genesis::autoregressive {

class BatchLoss {
 public:
  /// `most_rows` of a batch at most. `site_logits` are added to the logits of each column.
  BatchLoss(const Shape& shape, std::size_t most_rows, std::vector<std::vector<float>> site_logits);

  /// The loss, summed over columns, mean over rows, where each column in `order` is predicted from
  /// those before it; and its gradient by all weights. `rows` are numbers of rows of `table`.
  [[nodiscard]] double operator()(std::span<const float> weights,
                                  const CodedTable& table,
                                  std::span<const std::uint32_t> rows,
                                  std::span<const std::uint32_t> order,
                                  std::span<float> gradient);

  /// Adds to `sum` what DP-SGD (Abadi et al. 2016) takes of rows, any number of them: each row's
  /// own gradient of its loss by all weights, scaled down to the Euclidean norm `most` where it is
  /// longer. A gradient that is not finite adds nothing. No row's gradient is written down: its
  /// norm follows from those of the two vectors whose product each layer's part of it is
  /// (Goodfellow 2015), and then the vectors are scaled.
  void add_clipped(std::span<const float> weights,
                   const CodedTable& table,
                   std::span<const std::uint32_t> rows,
                   std::span<const std::uint32_t> order,
                   double most,
                   std::span<float> sum);

 private:
  enum class Into { kSet, kAdd };
  // What the layers of one column's network pass on for the rows at hand, forward and back.
  struct Signals {
    std::vector<float> first, residual, sum;             // (rows, hidden)
    std::vector<float> logits, back_hidden, back_first;  // gradients: (rows, codes), (rows, hidden)
  };

  // The codes of one column that the batch has, and "unknown".
  struct Used {
    std::size_t first = 0;             // row in tables_
    std::vector<std::uint32_t> codes;  // the last is "unknown"
  };

  void take_codes(const CodedTable& table,
                  std::span<const std::uint32_t> rows,
                  std::span<const std::uint32_t> order);
  void make_tables(std::span<const float> weights, std::size_t first_net, std::size_t nets);
  void backward_tables(std::span<const float> weights,
                       std::size_t first_net,
                       std::size_t nets,
                       Into into,
                       std::span<float> gradient);
  /// Of the embeddings of the codes that were used.
  void add_embeddings(std::span<float> gradient) const;
  void take_embeddings(std::span<const float> weights);
  void open_tables(std::size_t nets);
  [[nodiscard]] std::size_t unknown_row(std::size_t column, std::size_t net) const {
    return (used_[column].first + used_[column].codes.size() - 1) * width_ + net * shape_.hidden;
  }
  /// From the tables to first, residual, sum, and logits, which hold `share` of their gradient
  /// then.
  [[nodiscard]] double forward(std::span<const float> weights,
                               std::span<const std::uint32_t> order,
                               std::size_t place,
                               std::size_t net,
                               float share,
                               Signals& signals);
  void add_clipped_rows(std::span<const float> weights,
                        std::span<const std::uint32_t> order,
                        double most,
                        std::span<float> sum);
  /// Of column order[place], back to its first layer; and what it adds to the squared norms.
  void back_propagate(std::span<const float> weights,
                      std::span<const std::uint32_t> order,
                      std::size_t place);
  void add_products(std::span<const std::uint32_t> order,
                    std::size_t place,
                    std::size_t net,
                    std::span<float> sum);
  // The network of the column at `place` of the order, which is net `net` of the tables at hand.
  [[nodiscard]] double column_loss(std::span<const float> weights,
                                   std::span<const std::uint32_t> order,
                                   std::size_t place,
                                   std::size_t net,
                                   std::span<float> gradient);

  Shape shape_;
  Places places_;
  std::vector<std::vector<float>> site_logits_;
  std::size_t rows_ = 0;   // of the batch at hand
  std::size_t nets_ = 0;   // of tables_ at once
  std::size_t width_ = 0;  // of a row of tables_: of the nets at hand
  std::vector<Used> used_;
  std::vector<std::vector<std::uint32_t>> codes_;  // of the batch, by column
  std::vector<std::uint32_t> local_;               // by code: its place in Used, plus 1
  std::vector<std::uint32_t> indices_;  // (rows, columns): rows of tables_, by place in the order
  std::vector<float> embedded_, embedded_gradient_;  // (all used codes, embedding)
  std::vector<float> tables_, tables_gradient_;      // (all used codes, nets * hidden)
  std::vector<float> bias_;                          // (most codes)
  std::vector<float> base_;                          // (hidden)
  Signals signals_;                                  // of the column at hand
  std::vector<float> back_;                          // (rows, hidden)
  // Of add_clipped():
  std::vector<Signals> kept_;                        // of all columns
  std::vector<float> squares_;                       // of each row's gradient
  std::vector<float> of_codes_;                      // squares of the embeddings of used codes
  std::vector<float> known_, unknown_, embeddings_;  // (rows, columns * embedding)
  std::vector<float> left_, right_;                  // (rows): squares of two vectors
};

}  // namespace genesis::autoregressive
