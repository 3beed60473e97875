#include "common/autoregressive/sampler.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include "common/autoregressive/kernels.hpp"
#include "common/base/rng.hpp"
#include "common/model/kernels.hpp"
#include "common/model/matrix.hpp"
#include "common/model/noise.hpp"
#include "common/wire/safetensors.hpp"

namespace genesis::autoregressive {
namespace {

using model::ConstMatrix;
using model::Matrix;
using model::transpose;
using model::view;

// Candidates for each row, where several columns may have several codes.
constexpr std::size_t kCandidates = 8;

Matrix matrix(std::vector<float>& data, std::size_t rows, std::size_t columns) {
  data.resize(rows * columns);
  return {data.data(), rows, columns, columns};
}

bool is_one_code(const Allowed& allowed) {
  return std::ranges::count_if(allowed.shares, [](float share) { return share > 0.0F; }) == 1;
}

// So many of the candidates, each as often as its weight says, but for less than one; in random
// order.
std::vector<std::size_t> choose(const std::vector<float>& weights, std::size_t rows, Rng rng) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  const double offset = rng.uniform();
  std::vector<std::size_t> chosen;
  double reached = 0.0;
  std::size_t k = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    const double at = (static_cast<double>(i) + offset) / static_cast<double>(rows) * total;
    while (k + 1 < weights.size() && reached + static_cast<double>(weights[k]) <= at) {
      reached += static_cast<double>(weights[k++]);
    }
    chosen.push_back(k);
  }
  for (std::size_t i = rows; i > 1; --i) {
    std::swap(chosen[i - 1], chosen[rng.below(i)]);
  }
  return chosen;
}

}  // namespace

struct Sampler::Draft {
  std::uint64_t seed = 0;
  std::uint64_t block = 0;
  std::size_t rows = 0;
  std::vector<std::vector<std::uint32_t>> codes;  // by column
  std::vector<std::uint32_t> drawn;               // columns that have codes, in that order
  std::vector<std::uint32_t> indices;             // (rows, columns): rows of `table`, as drawn
  std::vector<float> kept;                        // of each row: the likelihood of its conditions
  std::vector<std::size_t> places;  // of the rows in the block; empty: one after the other
  // Buffers of a column.
  std::vector<float> base, first, residual, sum, logits, uniform;

  // Keeps these rows alone.
  void keep(const std::vector<std::size_t>& chosen) {
    const std::size_t columns = codes.size();
    std::vector<std::uint32_t> kept_indices;
    for (const auto row : chosen) {
      const auto begin = indices.begin() + static_cast<std::ptrdiff_t>(row * columns);
      kept_indices.insert(kept_indices.end(), begin, begin + static_cast<std::ptrdiff_t>(columns));
    }
    indices = std::move(kept_indices);
    for (const auto column : drawn) {
      std::vector<std::uint32_t> kept_codes;
      for (const auto row : chosen) {
        kept_codes.push_back(codes[column][row]);
      }
      codes[column] = std::move(kept_codes);
    }
    rows = chosen.size();
  }
};

Result<Sampler> Sampler::create(const Shape& shape,
                                std::vector<std::uint32_t> order,
                                Tensors parameters) {
  GENESIS_ASSIGN(const auto specs, parameter_specs(shape));
  GENESIS_RETURN_IF_ERROR(wire::check_matches(parameters, specs));
  GENESIS_RETURN_IF_ERROR(wire::check_finite(parameters));
  return Sampler(shape, std::move(order), std::move(parameters.values));
}

Sampler::Sampler(const Shape& shape, std::vector<std::uint32_t> order, std::vector<float> weights)
    : shape_(shape), places_(shape), order_(std::move(order)), weights_(std::move(weights)) {
  const std::size_t width = shape_.columns() * shape_.hidden;
  unknown_.resize(shape_.columns() * width);
  for (std::size_t i = 0; i < shape_.columns(); ++i) {
    const float* unknown =
        weights_.data() + places_.embedding[i] + shape_.codes[i] * shape_.embedding;
    model::multiply({unknown, 1, shape_.embedding, shape_.embedding},
                    {weights_.data() + places_.input[i], shape_.embedding, width, width},
                    {unknown_.data() + i * width, 1, width, width});
    first_row_.push_back(all_codes_);
    all_codes_ += shape_.codes[i];
  }
}

CodedTable Sampler::block(std::uint64_t seed,
                          std::uint64_t block,
                          std::size_t rows,
                          std::span<const Allowed> allowed) const {
  // Columns that can have one code alone come first: then the first of the others is drawn from its
  // distribution given them.
  std::vector<const Allowed*> asked;
  for (const auto& one : allowed) {
    asked.push_back(&one);
  }
  std::ranges::stable_partition(asked, [](const Allowed* one) { return is_one_code(*one); });
  const auto several =
      std::ranges::count_if(asked, [](const Allowed* one) { return !is_one_code(*one); });

  Draft draft;
  draft.seed = seed;
  draft.block = block;
  draft.rows = several > 1 ? kCandidates * kBlockRows : kBlockRows;
  draft.codes.resize(shape_.columns());
  draft.indices.resize(draft.rows * shape_.columns());
  draft.kept.assign(draft.rows, 1.0F);
  std::vector<float> table_of_column;
  for (const Allowed* one : asked) {
    const auto column = static_cast<std::uint32_t>(one->column);
    multiply_inputs(column, draft.drawn, table_of_column);
    draw_column(column, one, table_of_column, draft);
  }
  if (several > 1) {
    draft.keep(
        choose(draft.kept, kBlockRows, Rng(seed, RoundId{0}, std::to_string(block), "candidates")));
  }
  for (const auto column : order_) {
    if (std::ranges::find(draft.drawn, column) == draft.drawn.end()) {
      multiply_inputs(column, draft.drawn, table_of_column);
      draw_column(column, nullptr, table_of_column, draft);
    }
  }
  CodedTable table;
  table.rows = rows;
  for (auto& codes : draft.codes) {
    codes.resize(rows);
    table.codes.push_back(std::move(codes));
  }
  return table;
}

CodedTable Sampler::complete(std::uint64_t seed,
                             std::uint64_t block,
                             const CodedTable& known,
                             std::span<const Allowed> allowed) const {
  const std::size_t columns = shape_.columns();
  // Rows with the same known columns are drawn together.
  std::map<std::vector<bool>, Draft> drafts;
  for (std::size_t row = 0; row < known.rows; ++row) {
    std::vector<bool> pattern(columns);
    for (std::size_t c = 0; c < columns; ++c) {
      pattern[c] = known.codes[c][row] != kUnknown;
    }
    drafts[std::move(pattern)].places.push_back(row);
  }
  for (auto& [pattern, draft] : drafts) {
    draft.seed = seed;
    draft.block = block;
    draft.rows = draft.places.size();
    draft.codes.resize(columns);
    draft.indices.resize(draft.rows * columns);
    draft.kept.assign(draft.rows, 1.0F);
    for (std::uint32_t c = 0; c < columns; ++c) {
      if (pattern[c]) {
        for (const auto row : draft.places) {
          draft.codes[c].push_back(known.codes[c][row]);
        }
        add_drawn(c, draft);
      }
    }
  }
  std::vector<std::uint32_t> all(columns);
  std::iota(all.begin(), all.end(), 0U);
  std::vector<float> table;
  for (const auto column : order_) {
    const auto asked = std::ranges::find(allowed, column, &Allowed::column);
    bool is_multiplied = false;
    for (auto& [pattern, draft] : drafts) {
      if (pattern[column]) {
        continue;
      }
      if (!std::exchange(is_multiplied, true)) {
        multiply_inputs(column, all, table);
      }
      draw_column(column, asked == allowed.end() ? nullptr : &*asked, table, draft);
    }
  }
  CodedTable completed = known;
  for (const auto& [pattern, draft] : drafts) {
    for (std::size_t c = 0; c < columns; ++c) {
      for (std::size_t i = 0; i < draft.rows; ++i) {
        completed.codes[c][draft.places[i]] = draft.codes[c][i];
      }
    }
  }
  return completed;
}

// The column has codes from now on, which others are drawn given.
void Sampler::add_drawn(std::uint32_t column, Draft& draft) const {
  for (std::size_t r = 0; r < draft.rows; ++r) {
    draft.indices[r * shape_.columns() + draft.drawn.size()] =
        static_cast<std::uint32_t>(first_row_[column]) + draft.codes[column][r];
  }
  draft.drawn.push_back(column);
}

// What each code of the columns `from` adds to the first layer of `column`.
void Sampler::multiply_inputs(std::uint32_t column,
                              std::span<const std::uint32_t> from,
                              std::vector<float>& table) const {
  const std::size_t hidden = shape_.hidden;
  const std::size_t width = shape_.columns() * hidden;
  const Matrix all = matrix(table, all_codes_, hidden);
  for (const auto i : from) {
    const ConstMatrix embedding{weights_.data() + places_.embedding[i],
                                shape_.codes[i],
                                shape_.embedding,
                                shape_.embedding};
    const ConstMatrix input{
        weights_.data() + places_.input[i] + column * hidden, shape_.embedding, hidden, width};
    model::multiply(
        embedding, input, {all.data + first_row_[i] * hidden, shape_.codes[i], hidden, hidden});
  }
}

void Sampler::draw_column(std::uint32_t column,
                          const Allowed* allowed,
                          const std::vector<float>& table,
                          Draft& draft) const {
  const std::size_t hidden = shape_.hidden;
  const std::size_t width = shape_.columns() * hidden;
  const std::size_t codes = shape_.codes[column];
  const Matrix base = matrix(draft.base, 1, hidden);
  std::copy_n(weights_.data() + places_.input_bias + column * hidden, hidden, base.data);
  for (std::uint32_t i = 0; i < shape_.columns(); ++i) {
    if (std::ranges::find(draft.drawn, i) == draft.drawn.end()) {
      model::add_row(base, unknown_.data() + i * width + column * hidden);
    }
  }
  const Matrix first = matrix(draft.first, draft.rows, hidden);
  const Matrix residual = matrix(draft.residual, draft.rows, hidden);
  const Matrix sum = matrix(draft.sum, draft.rows, hidden);
  const Matrix logits = matrix(draft.logits, draft.rows, codes);
  const Indices known{draft.indices.data(), shape_.columns(), draft.drawn.size()};
  gather_relu(base.data, table.data(), hidden, known, first);
  model::multiply(
      view(first),
      transpose(ConstMatrix{weights_.data() + places_.hidden[column], hidden, hidden, hidden}),
      residual);
  bias_relu_skip(weights_.data() + places_.hidden_bias[column], view(first), residual, sum);
  model::multiply(
      view(sum),
      transpose(ConstMatrix{weights_.data() + places_.output[column], codes, hidden, hidden}),
      logits);
  // A row's draws do not depend on which others are drawn with it.
  draft.uniform.resize(draft.places.empty() ? draft.rows : kBlockRows);
  model::NoiseStream(Rng(draft.seed,
                         RoundId{0},
                         std::to_string(draft.block),
                         "codes of column " + std::to_string(column)))
      .uniform(draft.uniform);
  for (std::size_t i = 0; i < draft.places.size(); ++i) {
    draft.uniform[i] =
        draft.uniform[draft.places[i]];  // places are sorted, so none is read after it was written
  }
  auto& drawn = draft.codes[column];
  drawn.resize(draft.rows);
  draw_codes(weights_.data() + places_.output_bias[column],
             allowed != nullptr ? allowed->shares.data() : nullptr,
             draft.uniform.data(),
             logits,
             drawn.data(),
             allowed != nullptr ? draft.kept.data() : nullptr);
  add_drawn(column, draft);
}

}  // namespace genesis::autoregressive
