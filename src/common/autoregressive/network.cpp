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
  add_embeddings(gradient);
  return loss;
}

void BatchLoss::add_embeddings(std::span<float> gradient) const {
  for (std::size_t i = 0; i < shape_.columns(); ++i) {
    add_rows(embedded_gradient_.data() + used_[i].first * shape_.embedding,
             used_[i].codes.data(),
             used_[i].codes.size(),
             shape_.embedding,
             gradient.data() + places_.embedding[i]);
  }
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

}  // namespace genesis::autoregressive
