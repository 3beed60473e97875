// Synthetic rows from a trained generator: eval mode, conditions from the table's frequencies.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "common/base/check.hpp"
#include "common/model/ctgan.hpp"
#include "common/model/kernels.hpp"
#include "common/model/network.hpp"
#include "common/model/noise.hpp"

namespace genesis::model {
namespace {

// A block is made in parts of this many rows, always whole ones: a part's buffers fit the cache,
// and its rows come out of the same products however many are asked for.
constexpr std::size_t kPartRows = 256;
static_assert(Sampler::kBlockRows % kPartRows == 0);

// Attempts at rows that have every fixed mode, before the modes are set outright: enough where at
// least 1 candidate in 30 has them.
constexpr int kAttempts = 32;

struct Layer {
  std::vector<float> weight;       // (dense inputs, n)
  std::vector<float> conditional;  // (condition width, n)
  std::vector<float> bias;         // (n)
  std::size_t inputs = 0, outputs = 0;
};

// A conditional column's categories by their share of the rows.
struct ConditionColumn {
  std::size_t first = 0;  // in the conditional vector
  std::vector<double> cumulative;
};

std::string name(const char* purpose, std::uint64_t block, std::size_t part) {
  return "sample " + std::string(purpose) + " " + std::to_string(block) + "/" +
         std::to_string(part);
}

Layer layer_of(const LinearPlace& place, const Network& network, const float* weights) {
  Layer layer;
  layer.inputs = place.inputs - network.condition_width;
  layer.outputs = place.outputs;
  const float* weight = weights + place.weight;
  const float* conditional = weight + layer.inputs * layer.outputs;
  layer.weight.assign(weight, conditional);
  layer.conditional.assign(conditional, weight + place.inputs * place.outputs);
  layer.bias.assign(weights + place.bias, weights + place.bias + place.outputs);
  return layer;
}

// With running statistics a batch norm is a scale and a shift of the layer before it.
void fold(Layer& layer, const BlockPlace& block, const Weights& weights) {
  std::vector<float> scale(layer.outputs);
  for (std::size_t j = 0; j < layer.outputs; ++j) {
    const float variance = std::max(0.0F, weights.statistics[block.running_var + j]);
    scale[j] = weights.generator[block.gamma + j] / std::sqrt(variance + kBatchNormEpsilon);
    layer.bias[j] = (layer.bias[j] - weights.statistics[block.running_mean + j]) * scale[j] +
                    weights.generator[block.beta + j];
  }
  for (auto* matrix : {&layer.weight, &layer.conditional}) {
    for (std::size_t i = 0; i < matrix->size(); ++i) {
      (*matrix)[i] *= scale[i % layer.outputs];
    }
  }
}

std::vector<ConditionColumn> condition_columns(const Network& network,
                                               const tabular::Layout& layout) {
  std::vector<ConditionColumn> columns;
  for (const auto& span : network.spans) {
    if (!span.conditional) {
      continue;
    }
    ConditionColumn column;
    column.first = span.condition_first;
    const auto& frequencies = layout.columns[span.column].frequencies;
    double total = 0.0;
    for (std::size_t k = 0; k < span.modes; ++k) {
      total += k < frequencies.size() ? std::max(0.0, frequencies[k]) : 0.0;
      column.cumulative.push_back(total);
    }
    for (std::size_t k = 0; k < span.modes; ++k) {  // without any frequency: uniform
      column.cumulative[k] = total > 0.0
                                 ? column.cumulative[k] / total
                                 : static_cast<double>(k + 1) / static_cast<double>(span.modes);
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace

struct Sampler::Impl {
  Network network;
  std::vector<Layer> blocks;
  Layer output;
  std::vector<ConditionColumn> columns;
  std::size_t column_count = 0;  // of the layout
  std::size_t hidden = 0, stride = 0, values = 0;

  // The random streams of one part.
  struct Streams {
    Streams(std::uint64_t seed, std::uint64_t block, std::size_t part)
        : conditions(seed, RoundId{0}, "", name("conditions", block, part)),
          latent(Rng(seed, RoundId{0}, "", name("latent", block, part))),
          choice(Rng(seed, RoundId{0}, "", name("choice", block, part))) {}
    Rng conditions;
    NoiseStream latent, choice;
  };

  // What a part is made in; the parts of a block share it.
  struct Part {
    explicit Part(const Impl& impl);
    std::vector<float> x, a, logits, uniform;
    std::vector<std::uint32_t> condition;
    std::vector<std::uint32_t> mode;  // (rows, spans)
    std::vector<float> scalars;       // (rows, values)
  };

  // One of `candidates`' rows, kept.
  struct Rows {
    std::vector<std::uint32_t> mode;
    std::vector<float> scalar;
    std::size_t count = 0;
  };

  void candidates(Streams& streams, Part& part, std::optional<std::uint32_t> condition) const;
  void choose(Streams& streams, Part& part) const;
  Rows part_rows(Streams& streams, Part& part, std::span<const Fixed> fixed) const;
  [[nodiscard]] std::size_t span_of(std::size_t column) const;
};

Sampler::Impl::Part::Part(const Impl& impl)
    : x(kPartRows * impl.stride),
      logits(kPartRows * impl.network.width),
      uniform(kPartRows * impl.network.spans.size()),
      condition(kPartRows),
      mode(kPartRows * impl.network.spans.size()),
      scalars(kPartRows * impl.values) {
  std::size_t widest = 0;
  for (const auto& layer : impl.blocks) {
    widest = std::max(widest, layer.outputs);
  }
  a.resize(kPartRows * widest);
}

std::size_t Sampler::Impl::span_of(std::size_t column) const {
  const auto span = std::ranges::find(network.spans, column, &Span::column);
  GENESIS_CHECK(span != network.spans.end(), "a fixed column is one that the model learns");
  return static_cast<std::size_t>(span - network.spans.begin());
}

// kPartRows fresh rows.
void Sampler::Impl::candidates(Streams& streams,
                               Part& part,
                               std::optional<std::uint32_t> condition) const {
  for (auto& drawn : part.condition) {
    if (condition) {
      drawn = *condition;
    } else if (!columns.empty()) {
      const auto& column = columns[streams.conditions.below(columns.size())];
      const auto place = std::ranges::upper_bound(column.cumulative, streams.conditions.uniform());
      drawn = static_cast<std::uint32_t>(
          column.first + std::min(static_cast<std::size_t>(place - column.cumulative.begin()),
                                  column.cumulative.size() - 1));
    }
  }
  for (std::size_t r = 0; r < kPartRows; ++r) {
    streams.latent.normal({part.x.data() + r * stride + hidden, network.embedding});
  }
  const bool conditional = network.condition_width > 0;
  std::size_t section = hidden;
  for (const auto& layer : blocks) {
    const std::size_t n = layer.outputs;
    const Matrix a{part.a.data(), kPartRows, n, n};
    multiply({part.x.data() + section, kPartRows, layer.inputs, stride},
             {layer.weight.data(), layer.inputs, n, n},
             a);
    section -= n;
    bias_relu(view(a),
              {layer.conditional.data(), conditional ? part.condition.data() : nullptr},
              layer.bias.data(),
              {part.x.data() + section, kPartRows, n, stride});
  }
  const Matrix logits{part.logits.data(), kPartRows, output.outputs, output.outputs};
  multiply({part.x.data(), kPartRows, stride, stride},
           {output.weight.data(), stride, output.outputs, output.outputs},
           logits);
  add_row(logits, output.bias.data());
  if (conditional) {
    add_indexed_rows(logits, output.conditional.data(), part.condition.data());
  }
  choose(streams, part);
}

// argmax(logits + Gumbel noise) has the softmax's distribution; drawing from that by its cumulative
// sum takes one exponential a mode and one uniform a column.
void Sampler::Impl::choose(Streams& streams, Part& part) const {
  streams.choice.uniform(part.uniform);
  float* scalar = part.scalars.data();
  for (std::size_t r = 0; r < kPartRows; ++r) {
    float* row = part.logits.data() + r * network.width;
    for (const auto& span : network.spans) {
      if (span.has_value) {
        *scalar++ = row[span.first - 1];
      }
      float* l = row + span.first;
      const float top = *std::max_element(l, l + span.modes);
      for (std::size_t k = 0; k < span.modes; ++k) {
        l[k] -= top;
      }
    }
  }
  exp_all(part.logits.data(), kPartRows * network.width);
  tanh_all(part.scalars.data(), part.scalars.size());
  const float* uniform = part.uniform.data();
  std::uint32_t* mode = part.mode.data();
  for (std::size_t r = 0; r < kPartRows; ++r) {
    const float* row = part.logits.data() + r * network.width;
    for (const auto& span : network.spans) {
      const float* p = row + span.first;
      float total = 0.0F;
      for (std::size_t k = 0; k < span.modes; ++k) {
        total += p[k];
      }
      float left = *uniform++ * total;
      std::uint32_t chosen = 0;
      while (chosen + 1 < span.modes && left >= p[chosen]) {
        left -= p[chosen++];
      }
      *mode++ = chosen;
    }
  }
}

// A part's rows. Where columns are fixed the condition is the first conditional one of them; rows
// are candidates that have every fixed mode, and after kAttempts the remaining places take
// candidates as they come with the modes written over them.
Sampler::Impl::Rows Sampler::Impl::part_rows(Streams& streams,
                                             Part& part,
                                             std::span<const Fixed> fixed) const {
  std::optional<std::uint32_t> condition;
  std::vector<std::pair<std::size_t, std::uint32_t>> wanted;  // span, mode
  for (const auto& column : fixed) {
    const std::size_t s = span_of(column.column);
    const Span& span = network.spans[s];
    GENESIS_CHECK(column.mode < span.modes, "a fixed mode is one of its column's");
    wanted.emplace_back(s, column.mode);
    if (span.conditional && !condition) {
      condition = static_cast<std::uint32_t>(span.condition_first) + column.mode;
    }
  }
  Rows rows;
  const std::size_t spans = network.spans.size();
  const auto keep = [&](std::size_t r) {
    rows.mode.insert(rows.mode.end(), &part.mode[r * spans], &part.mode[r * spans] + spans);
    const float* scalar = part.scalars.data() + r * values;
    rows.scalar.insert(rows.scalar.end(), scalar, scalar + values);
    ++rows.count;
  };
  for (int attempt = 0; attempt < kAttempts && rows.count < kPartRows; ++attempt) {
    candidates(streams, part, condition);
    for (std::size_t r = 0; r < kPartRows && rows.count < kPartRows; ++r) {
      const bool fits = std::ranges::all_of(wanted, [&](const auto& want) {
        return part.mode[r * spans + want.first] == want.second;
      });
      if (fits) {
        keep(r);
      }
    }
  }
  for (std::size_t r = 0; rows.count < kPartRows; ++r) {
    keep(r);
    for (const auto& [s, mode] : wanted) {
      rows.mode[(rows.count - 1) * spans + s] = mode;
    }
  }
  return rows;
}

Sampler::Sampler(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sampler::Sampler(Sampler&&) noexcept = default;
Sampler& Sampler::operator=(Sampler&&) noexcept = default;
Sampler::~Sampler() = default;

Result<Sampler> Sampler::create(const CtganConfig& config,
                                const tabular::Layout& layout,
                                const Tensors& generator) {
  GENESIS_ASSIGN(Network whole, Network::create(config, layout));
  auto impl = std::make_unique<Impl>();
  impl->network = generator_part(std::move(whole));
  const Network& network = impl->network;
  if (generator.values.size() != element_count(generator.specs)) {
    return fail(Errc::kInvalidArgument, "[model] generator: values and shapes disagree in number");
  }
  const Tensors own = generator_of(generator);
  GENESIS_RETURN_IF_ERROR(check_tensors(network.specs, own));
  Weights weights;
  load(network, own.values, weights);
  for (const auto& block : network.blocks) {
    impl->blocks.push_back(layer_of(block.linear, network, weights.generator.data()));
    fold(impl->blocks.back(), block, weights);
    impl->hidden += block.linear.outputs;
  }
  impl->output = layer_of(network.generator_output, network, weights.generator.data());
  impl->stride = impl->hidden + network.embedding;
  impl->column_count = layout.columns.size();
  impl->columns = condition_columns(network, layout);
  for (const auto& span : network.spans) {
    impl->values += span.has_value ? 1U : 0U;
  }
  return Sampler(std::move(impl));
}

tabular::EncodedTable Sampler::sample_block(std::uint64_t seed,
                                            std::uint64_t block,
                                            std::size_t rows,
                                            std::span<const Fixed> fixed) const {
  GENESIS_CHECK(rows <= kBlockRows, "a block holds at most kBlockRows rows");
  tabular::EncodedTable table;
  table.rows = rows;
  table.columns.resize(impl_->column_count);
  const auto& spans = impl_->network.spans;
  for (const auto& span : spans) {
    table.columns[span.column].mode.resize(rows);
    table.columns[span.column].value.resize(span.has_value ? rows : 0);
  }
  Impl::Part part(*impl_);
  for (std::size_t first = 0; first < rows; first += kPartRows) {
    Impl::Streams streams(seed, block, first / kPartRows);
    const Impl::Rows made = impl_->part_rows(streams, part, fixed);
    const std::size_t count = std::min(kPartRows, rows - first);
    std::size_t value = 0;
    for (std::size_t s = 0; s < spans.size(); ++s) {
      auto& column = table.columns[spans[s].column];
      for (std::size_t r = 0; r < count; ++r) {
        column.mode[first + r] = made.mode[r * spans.size() + s];
      }
      if (spans[s].has_value) {
        for (std::size_t r = 0; r < count; ++r) {
          const auto& gate = spans[s].gate;
          const bool counts = gate.empty() || gate[column.mode[first + r]] != 0.0F;
          column.value[first + r] = counts ? made.scalar[r * impl_->values + value] : 0.0F;
        }
        ++value;
      }
    }
  }
  return table;
}

}  // namespace genesis::model
