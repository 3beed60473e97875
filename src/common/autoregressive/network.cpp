#include "common/autoregressive/network.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "common/autoregressive/kernels.hpp"
#include "common/model/kernels.hpp"
#include "common/model/matrix.hpp"

namespace genesis::autoregressive {
namespace {

using model::ConstMatrix;
using model::Matrix;
using model::transpose;
using model::view;

constexpr std::size_t kTableFloats = std::size_t{1} << 20;  // of one array, where it holds two nets
// Of what is kept of all columns for add_clipped(), for so many rows at once.
constexpr std::size_t kKeptFloats = std::size_t{1} << 23;
constexpr std::size_t kFewestRows = 32;
// What a row may bring is clipped a little below the norm that is asked for, which is more than
// sums of single precision are off.
constexpr double kRounding = 1.0 - 0x1p-10;

Matrix matrix(float* data, std::size_t rows, std::size_t columns) {
  return {data, rows, columns, columns};
}
ConstMatrix matrix(const float* data, std::size_t rows, std::size_t columns) {
  return {data, rows, columns, columns};
}

std::size_t most(const std::vector<std::uint32_t>& codes) {
  return *std::ranges::max_element(codes);
}

}  // namespace

BatchLoss::BatchLoss(const Shape& shape,
                     std::size_t most_rows,
                     std::vector<std::vector<float>> site_logits)
    : shape_(shape),
      places_(shape),
      site_logits_(std::move(site_logits)),
      used_(shape.columns()),
      codes_(shape.columns(), std::vector<std::uint32_t>(most_rows)),
      local_(most(shape.codes), 0),
      indices_(most_rows * shape.columns()),
      bias_(most(shape.codes)),
      base_(shape.hidden),
      back_(most_rows * shape.hidden) {
  signals_.first.resize(most_rows * shape.hidden);
  signals_.residual.resize(most_rows * shape.hidden);
  signals_.sum.resize(most_rows * shape.hidden);
  signals_.logits.resize(most_rows * most(shape.codes));
}

double BatchLoss::operator()(std::span<const float> weights,
                             const CodedTable& table,
                             std::span<const std::uint32_t> rows,
                             std::span<const std::uint32_t> order,
                             std::span<float> gradient) {
  take_codes(table, rows, order);
  const std::size_t columns = shape_.columns();
  const std::size_t embeddings_end = places_.input.front();
  std::ranges::fill(gradient.first(embeddings_end), 0.0F);  // all others are set
  take_embeddings(weights);
  std::vector<std::size_t> place_of(columns);
  for (std::size_t place = 0; place < columns; ++place) {
    place_of[order[place]] = place;
  }
  double loss = 0.0;
  for (std::size_t first = 0; first < columns; first += nets_) {
    const std::size_t nets = std::min(nets_, columns - first);
    open_tables(nets);
    make_tables(weights, first, nets);
    for (std::size_t net = 0; net < nets; ++net) {
      loss += column_loss(weights, order, place_of[first + net], net, gradient);
    }
    backward_tables(weights, first, nets, Into::kSet, gradient);
  }
  for (std::size_t i = 0; i < columns; ++i) {
    add_rows(embedded_gradient_.data() + used_[i].first * shape_.embedding,
             used_[i].codes.data(),
             used_[i].codes.size(),
             shape_.embedding,
             gradient.data() + places_.embedding[i]);
  }
  return loss;
}

void BatchLoss::take_embeddings(std::span<const float> weights) {
  const std::size_t all = used_.back().first + used_.back().codes.size();
  embedded_.resize(all * shape_.embedding);
  embedded_gradient_.assign(all * shape_.embedding, 0.0F);
  for (std::size_t i = 0; i < shape_.columns(); ++i) {
    take_rows(weights.data() + places_.embedding[i],
              used_[i].codes.data(),
              used_[i].codes.size(),
              shape_.embedding,
              embedded_.data() + used_[i].first * shape_.embedding);
  }
  nets_ = std::clamp<std::size_t>(kTableFloats / (all * shape_.hidden), 1, shape_.columns());
}

void BatchLoss::open_tables(std::size_t nets) {
  width_ = nets * shape_.hidden;
  const std::size_t all = used_.back().first + used_.back().codes.size();
  tables_.resize(all * width_);
  tables_gradient_.assign(all * width_, 0.0F);
}

void BatchLoss::take_codes(const CodedTable& table,
                           std::span<const std::uint32_t> rows,
                           std::span<const std::uint32_t> order) {
  rows_ = rows.size();
  const std::size_t columns = shape_.columns();
  std::size_t first = 0;
  for (std::size_t i = 0; i < columns; ++i) {
    auto& used = used_[i];
    used.first = first;
    used.codes.clear();
    auto& codes = codes_[i];
    for (std::size_t r = 0; r < rows_; ++r) {
      codes[r] = table.codes[i][rows[r]];
      if (auto& local = local_[codes[r]]; local == 0) {
        used.codes.push_back(codes[r]);
        local = static_cast<std::uint32_t>(used.codes.size());
      }
    }
    const auto place = static_cast<std::size_t>(std::ranges::find(order, i) - order.begin());
    for (std::size_t r = 0; r < rows_; ++r) {
      indices_[r * columns + place] = static_cast<std::uint32_t>(first) + local_[codes[r]] - 1;
    }
    for (const auto code : used.codes) {
      local_[code] = 0;
    }
    used.codes.push_back(shape_.codes[i]);
    first += used.codes.size();
  }
}

void BatchLoss::make_tables(std::span<const float> weights,
                            std::size_t first_net,
                            std::size_t nets) {
  const std::size_t hidden = shape_.hidden;
  for (std::size_t i = 0; i < shape_.columns(); ++i) {
    const auto& used = used_[i];
    const ConstMatrix embedded =
        matrix(std::as_const(embedded_).data() + used.first * shape_.embedding,
               used.codes.size(),
               shape_.embedding);
    const ConstMatrix input{weights.data() + places_.input[i] + first_net * hidden,
                            shape_.embedding,
                            nets * hidden,
                            shape_.columns() * hidden};
    model::multiply(
        embedded, input, matrix(tables_.data() + used.first * width_, used.codes.size(), width_));
  }
}

void BatchLoss::backward_tables(std::span<const float> weights,
                                std::size_t first_net,
                                std::size_t nets,
                                Into into,
                                std::span<float> gradient) {
  const std::size_t hidden = shape_.hidden;
  for (std::size_t i = 0; i < shape_.columns(); ++i) {
    const auto& used = used_[i];
    const std::size_t at = first_net * hidden;
    const std::size_t stride = shape_.columns() * hidden;
    const ConstMatrix embedded =
        matrix(std::as_const(embedded_).data() + used.first * shape_.embedding,
               used.codes.size(),
               shape_.embedding);
    const ConstMatrix rows = matrix(
        std::as_const(tables_gradient_).data() + used.first * width_, used.codes.size(), width_);
    const ConstMatrix input{
        weights.data() + places_.input[i] + at, shape_.embedding, nets * hidden, stride};
    const Matrix input_gradient{
        gradient.data() + places_.input[i] + at, shape_.embedding, nets * hidden, stride};
    if (into == Into::kAdd) {
      model::multiply_add(transpose(embedded), rows, input_gradient);
    } else {
      model::multiply(transpose(embedded), rows, input_gradient);
    }
    model::multiply_add(rows,
                        transpose(input),
                        matrix(embedded_gradient_.data() + used.first * shape_.embedding,
                               used.codes.size(),
                               shape_.embedding));
  }
}

double BatchLoss::forward(std::span<const float> weights,
                          std::span<const std::uint32_t> order,
                          std::size_t place,
                          std::size_t net,
                          float share,
                          Signals& signals) {
  const std::size_t column = order[place];
  const std::size_t hidden = shape_.hidden;
  const std::size_t codes = shape_.codes[column];
  // The bias, and what unknown columns add, is the same for all rows.
  std::copy_n(weights.data() + places_.input_bias + column * hidden, hidden, base_.data());
  for (std::size_t p = place; p < order.size(); ++p) {
    model::add_row(matrix(base_.data(), 1, hidden), tables_.data() + unknown_row(order[p], net));
  }
  const Indices known{indices_.data(), order.size(), place};
  const Matrix first = matrix(signals.first.data(), rows_, hidden);
  const Matrix residual = matrix(signals.residual.data(), rows_, hidden);
  const Matrix sum = matrix(signals.sum.data(), rows_, hidden);
  const Matrix logits = matrix(signals.logits.data(), rows_, codes);
  gather_relu(base_.data(), tables_.data() + net * hidden, width_, known, first);
  const ConstMatrix hidden_weight = matrix(weights.data() + places_.hidden[column], hidden, hidden);
  model::multiply(view(first), transpose(hidden_weight), residual);
  bias_relu_skip(weights.data() + places_.hidden_bias[column], view(first), residual, sum);
  const ConstMatrix output_weight = matrix(weights.data() + places_.output[column], codes, hidden);
  model::multiply(view(sum), transpose(output_weight), logits);
  std::copy_n(weights.data() + places_.output_bias[column], codes, bias_.data());
  model::add_row(matrix(bias_.data(), 1, codes), site_logits_[column].data());
  return cross_entropy(bias_.data(), codes_[column].data(), share, logits);
}

double BatchLoss::column_loss(std::span<const float> weights,
                              std::span<const std::uint32_t> order,
                              std::size_t place,
                              std::size_t net,
                              std::span<float> gradient) {
  const std::size_t column = order[place];
  const std::size_t hidden = shape_.hidden;
  const std::size_t codes = shape_.codes[column];
  const double loss =
      forward(weights, order, place, net, 1.0F / static_cast<float>(rows_), signals_);

  // `logits` holds its gradient, and `sum` takes the gradients of the layers before it.
  const Indices known{indices_.data(), order.size(), place};
  const Matrix first = matrix(signals_.first.data(), rows_, hidden);
  const Matrix residual = matrix(signals_.residual.data(), rows_, hidden);
  const Matrix sum = matrix(signals_.sum.data(), rows_, hidden);
  const Matrix back = matrix(back_.data(), rows_, hidden);
  const Matrix logits = matrix(signals_.logits.data(), rows_, codes);
  const ConstMatrix hidden_weight = matrix(weights.data() + places_.hidden[column], hidden, hidden);
  const ConstMatrix output_weight = matrix(weights.data() + places_.output[column], codes, hidden);
  float* const into = gradient.data();
  model::multiply(
      transpose(logits), view(sum), matrix(into + places_.output[column], codes, hidden));
  model::column_sums(view(logits), into + places_.output_bias[column]);
  model::multiply(view(logits), output_weight, sum);
  gate(view(residual), view(sum), back);
  model::multiply(
      transpose(back), view(first), matrix(into + places_.hidden[column], hidden, hidden));
  model::column_sums(view(back), into + places_.hidden_bias[column]);
  model::multiply_add(view(back), hidden_weight, sum);
  gate(view(first), view(sum), back);
  float* const bias_gradient = into + places_.input_bias + column * hidden;
  model::column_sums(view(back), bias_gradient);
  scatter(view(back), known, tables_gradient_.data() + net * hidden, width_);
  for (std::size_t p = place; p < order.size(); ++p) {
    std::copy_n(bias_gradient, hidden, tables_gradient_.data() + unknown_row(order[p], net));
  }
  return loss / static_cast<double>(rows_);
}

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
  for (std::size_t i = 0; i < columns; ++i) {
    add_rows(embedded_gradient_.data() + used_[i].first * shape_.embedding,
             used_[i].codes.data(),
             used_[i].codes.size(),
             shape_.embedding,
             sum.data() + places_.embedding[i]);
  }
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
