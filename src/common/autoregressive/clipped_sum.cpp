// BatchLoss::add_clipped: what each row brings, clipped, without any row's gradient written down.
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "common/autoregressive/kernels.hpp"
#include "common/autoregressive/network.hpp"
#include "common/model/kernels.hpp"
#include "common/model/matrix.hpp"

namespace genesis::autoregressive {
namespace {

using model::ConstMatrix;
using model::Matrix;
using model::transpose;
using model::view;

// Of what is kept of all columns for add_clipped(), for so many rows at once.
constexpr std::size_t kKeptFloats = std::size_t{1} << 23;
constexpr std::size_t kFewestRows = 32;
// What a row may bring is clipped a little below the norm that is asked for, which is more than
// sums of single precision are off.
constexpr double kRounding = 1.0 - 0x1p-10;

}  // namespace

void BatchLoss::add_clipped(std::span<const float> weights,
                            const CodedTable& table,
                            std::span<const std::uint32_t> rows,
                            std::span<const std::uint32_t> order,
                            double most,
                            std::span<float> sum) {
  const std::size_t hidden = shape_.hidden;
  const std::size_t columns = shape_.columns();
  const std::size_t wide = columns * shape_.embedding;
  std::size_t of_row = 3 * wide;
  for (const auto codes : shape_.codes) {
    of_row += 5 * hidden + codes;
  }
  const std::size_t chunk =
      std::clamp(kKeptFloats / of_row, std::min(kFewestRows, codes_[0].size()), codes_[0].size());
  if (kept_.empty()) {
    kept_.resize(columns);
    for (std::size_t i = 0; i < columns; ++i) {
      for (auto* values : {&kept_[i].first,
                           &kept_[i].residual,
                           &kept_[i].sum,
                           &kept_[i].back_hidden,
                           &kept_[i].back_first}) {
        values->resize(chunk * hidden);
      }
      kept_[i].logits.resize(chunk * shape_.codes[i]);
    }
    embeddings_.resize(chunk * wide);
    left_.resize(chunk);
    right_.resize(chunk);
  }
  for (std::size_t first = 0; first < rows.size(); first += chunk) {
    take_codes(table, rows.subspan(first, std::min(chunk, rows.size() - first)), order);
    take_embeddings(weights);
    add_clipped_rows(weights, order, most, sum);
  }
}

void BatchLoss::add_clipped_rows(std::span<const float> weights,
                                 std::span<const std::uint32_t> order,
                                 double most,
                                 std::span<float> sum) {
  const std::size_t columns = shape_.columns();
  const std::size_t wide = columns * shape_.embedding;
  squares_.assign(rows_, 0.0F);
  known_.assign(rows_ * wide, 0.0F);
  unknown_.assign(rows_ * wide, 0.0F);
  const std::size_t all = used_.back().first + used_.back().codes.size();
  of_codes_.assign(all, 0.0F);
  add_row_squares(matrix(std::as_const(embedded_).data(), all, shape_.embedding), of_codes_.data());
  std::vector<std::size_t> place_of(columns);
  for (std::size_t place = 0; place < columns; ++place) {
    place_of[order[place]] = place;
  }
  for (std::size_t first = 0; first < columns; first += nets_) {
    const std::size_t nets = std::min(nets_, columns - first);
    open_tables(nets);
    make_tables(weights, first, nets);
    for (std::size_t net = 0; net < nets; ++net) {
      const std::size_t column = first + net;
      (void)forward(weights, order, place_of[column], net, 1.0F, kept_[column]);
      back_propagate(weights, order, place_of[column]);
    }
  }
  // A column's code and its "unknown" are two rows of its embedding.
  add_row_squares(matrix(std::as_const(known_).data(), rows_, wide), squares_.data());
  add_row_squares(matrix(std::as_const(unknown_).data(), rows_, wide), squares_.data());
  for (float& factor : squares_) {
    const double norm = std::sqrt(static_cast<double>(factor));
    const double scaled = most * kRounding / norm;
    factor = std::isfinite(norm) ? static_cast<float>(std::min(1.0, scaled)) : 0.0F;
  }
  for (std::size_t first = 0; first < columns; first += nets_) {
    const std::size_t nets = std::min(nets_, columns - first);
    open_tables(nets);
    for (std::size_t net = 0; net < nets; ++net) {
      add_products(order, place_of[first + net], net, sum);
    }
    backward_tables(weights, first, nets, Into::kAdd, sum);
  }
  add_embeddings(sum);
}

void BatchLoss::back_propagate(std::span<const float> weights,
                               std::span<const std::uint32_t> order,
                               std::size_t place) {
  const std::size_t column = order[place];
  const std::size_t hidden = shape_.hidden;
  const std::size_t columns = shape_.columns();
  auto& kept = kept_[column];
  const Matrix first = matrix(kept.first.data(), rows_, hidden);
  const Matrix logits = matrix(kept.logits.data(), rows_, shape_.codes[column]);
  const Matrix back_hidden = matrix(kept.back_hidden.data(), rows_, hidden);
  const Matrix back_first = matrix(kept.back_first.data(), rows_, hidden);
  const Matrix back = matrix(back_.data(), rows_, hidden);
  const auto add_layer = [&](const Matrix& gradient, const Matrix& input) {
    std::ranges::fill(left_, 0.0F);
    std::ranges::fill(right_, 0.0F);
    add_row_squares(view(gradient), left_.data());
    add_row_squares(view(input), right_.data());
    add_outer_squares(left_.data(), right_.data(), rows_, squares_.data());
  };
  add_layer(logits, matrix(kept.sum.data(), rows_, hidden));
  model::multiply(view(logits),
                  matrix(weights.data() + places_.output[column], shape_.codes[column], hidden),
                  back);
  gate(matrix(std::as_const(kept.residual).data(), rows_, hidden), view(back), back_hidden);
  add_layer(back_hidden, first);
  model::multiply_add(
      view(back_hidden), matrix(weights.data() + places_.hidden[column], hidden, hidden), back);
  gate(view(first), view(back), back_first);

  // The first layer adds up, over the columns, an embedding times the weights that it has there, so
  // that each column's part is a product of the embedding and `back_first`.
  float of_unknown = 0.0F;
  for (std::size_t p = place; p < columns; ++p) {
    const auto& used = used_[order[p]];
    of_unknown += of_codes_[used.first + used.codes.size() - 1];
  }
  std::ranges::fill(left_, 0.0F);
  add_row_squares(view(back_first), left_.data());
  for (std::size_t r = 0; r < rows_; ++r) {
    right_[r] = of_unknown;
    for (std::size_t p = 0; p < place; ++p) {
      right_[r] += of_codes_[indices_[r * columns + p]];
    }
  }
  add_outer_squares(left_.data(), right_.data(), rows_, squares_.data());

  // What the embeddings get: of all columns, the weights for this one are rows of one matrix.
  const std::size_t wide = columns * shape_.embedding;
  const ConstMatrix input{
      weights.data() + places_.input.front() + column * hidden, wide, hidden, columns * hidden};
  const Matrix embeddings = matrix(embeddings_.data(), rows_, wide);
  model::multiply(view(back_first), transpose(input), embeddings);
  const auto is_known = std::make_unique<bool[]>(columns);
  const auto is_unknown = std::make_unique<bool[]>(columns);
  for (std::size_t p = 0; p < columns; ++p) {
    is_known[order[p]] = p < place;
    is_unknown[order[p]] = p >= place;
  }
  add_blocks(view(embeddings), is_known.get(), shape_.embedding, known_.data());
  add_blocks(view(embeddings), is_unknown.get(), shape_.embedding, unknown_.data());
}

void BatchLoss::add_products(std::span<const std::uint32_t> order,
                             std::size_t place,
                             std::size_t net,
                             std::span<float> sum) {
  const std::size_t column = order[place];
  const std::size_t hidden = shape_.hidden;
  const std::size_t codes = shape_.codes[column];
  auto& kept = kept_[column];
  const Matrix first = matrix(kept.first.data(), rows_, hidden);
  const Matrix last = matrix(kept.sum.data(), rows_, hidden);
  const Matrix logits = matrix(kept.logits.data(), rows_, codes);
  const Matrix back_hidden = matrix(kept.back_hidden.data(), rows_, hidden);
  const Matrix back_first = matrix(kept.back_first.data(), rows_, hidden);
  for (std::size_t r = 0; r < rows_; ++r) {
    if (squares_[r] == 0.0F) {  // a row that is left out may not be finite
      std::fill_n(first.data + r * hidden, hidden, 0.0F);
      std::fill_n(last.data + r * hidden, hidden, 0.0F);
    }
  }
  for (const auto& gradient : {logits, back_hidden, back_first}) {
    scale_rows(squares_.data(), gradient);
  }
  float* const into = sum.data();
  model::multiply_add(
      transpose(logits), view(last), matrix(into + places_.output[column], codes, hidden));
  model::add_column_sums(view(logits), into + places_.output_bias[column]);
  model::multiply_add(
      transpose(back_hidden), view(first), matrix(into + places_.hidden[column], hidden, hidden));
  model::add_column_sums(view(back_hidden), into + places_.hidden_bias[column]);
  model::column_sums(view(back_first), base_.data());
  model::add_row(matrix(into + places_.input_bias + column * hidden, 1, hidden), base_.data());
  const Indices known{indices_.data(), order.size(), place};
  scatter(view(back_first), known, tables_gradient_.data() + net * hidden, width_);
  for (std::size_t p = place; p < order.size(); ++p) {
    std::copy_n(base_.data(), hidden, tables_gradient_.data() + unknown_row(order[p], net));
  }
}

}  // namespace genesis::autoregressive
