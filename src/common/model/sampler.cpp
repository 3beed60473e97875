// Synthetic rows from a trained generator: eval mode, conditions from the table's frequencies.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "common/base/check.hpp"
#include "common/model/ctgan.hpp"
#include "common/model/kernels.hpp"
#include "common/model/network.hpp"
#include "common/model/noise.hpp"

namespace genesis::model {
namespace {

using tabular::EncodedTable;

// A block is made in parts of this many rows, always whole ones: a part's buffers fit the cache,
// and its rows come out of the same products however many are asked for.
constexpr std::size_t kPartRows = Sampler::kCandidates;
static_assert(Sampler::kBlockRows % kPartRows == 0);

struct Layer {
  std::vector<float> weight;       // (dense inputs, n)
  std::vector<float> conditional;  // (condition width, n)
  std::vector<float> bias;         // (n)
  std::size_t inputs = 0, outputs = 0;
};

// A conditional column's categories by their share of the rows.
struct ConditionColumn {
  std::size_t column = 0;  // in the layout
  std::size_t first = 0;   // in the conditional vector
  std::vector<double> cumulative;
};

// A column's modes by their frequencies, scaled to sum to 1; without any frequency all alike.
std::vector<double> cumulative_of(const std::vector<double>& frequencies) {
  std::vector<double> cumulative;
  double total = 0.0;
  for (const double frequency : frequencies) {
    total += std::max(0.0, frequency);
    cumulative.push_back(total);
  }
  for (std::size_t k = 0; k < cumulative.size(); ++k) {
    cumulative[k] = total > 0.0
                        ? cumulative[k] / total
                        : static_cast<double>(k + 1) / static_cast<double>(cumulative.size());
  }
  return cumulative;
}

// A span whose cells may be missing, and the share of the table's rows in which they are.
struct Gap {
  std::size_t first = 0;  // of the span's modes, in a row
  std::size_t modes = 0;
  std::size_t missing = 0;  // mode
  double share = 0.0;
};

// The odds that a cell is missing, times this, make the mean probability over the rows the share.
double odds_factor(std::span<const double> probability, double share) {
  const double wanted = share * static_cast<double>(probability.size());
  double low = -16.0;
  double high = 16.0;
  constexpr int kSteps = 24;
  for (int step = 0; step < kSteps; ++step) {
    const double factor = std::exp((low + high) / 2.0);
    double sum = 0.0;
    for (const double p : probability) {
      sum += p * factor / (p * factor + (1.0 - p));
    }
    (sum < wanted ? low : high) = (low + high) / 2.0;
  }
  return std::exp((low + high) / 2.0);
}

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
    auto frequencies = layout.columns[span.column].frequencies;
    frequencies.resize(span.modes, 0.0);
    ConditionColumn column{span.column, span.condition_first, cumulative_of(frequencies)};
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
  std::vector<Gap> gaps;
  std::size_t column_count = 0;  // of the layout
  std::size_t hidden = 0, stride = 0, values = 0;

  // The random streams of one part.
  struct Streams {
    Streams(std::uint64_t seed, std::uint64_t block, std::size_t part)
        : conditions(seed, RoundId{0}, "", name("conditions", block, part)),
          latent(Rng(seed, RoundId{0}, "", name("latent", block, part))),
          choice(Rng(seed, RoundId{0}, "", name("choice", block, part))),
          missing(Rng(seed, RoundId{0}, "", name("missing", block, part))) {}
    Rng conditions;
    NoiseStream latent, choice, missing;
  };

  // What a part is made in; the parts of a block share it.
  struct Part {
    explicit Part(const Impl& impl);
    std::vector<float> x, a, logits, uniform;
    std::vector<std::uint32_t> condition;
    std::vector<std::uint32_t> mode;  // (rows, spans)
    std::vector<float> scalars;       // (rows, values)
  };

  void calibrate(const tabular::Layout& layout);
  void candidates(Streams& streams, Part& part, std::span<const ConditionColumn> conditions) const;
  void place_missing(Streams& streams, Part& part) const;
  void choose(Streams& streams, Part& part) const;
  void append(const Part& part, std::span<const std::size_t> rows, EncodedTable& table) const;
  [[nodiscard]] EncodedTable empty_table() const;
  [[nodiscard]] std::optional<ConditionColumn> condition_of(std::span<const Allowed> allowed) const;
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
  GENESIS_CHECK(span != network.spans.end(), "an allowed column is one that the model learns");
  return static_cast<std::size_t>(span - network.spans.begin());
}

// kPartRows fresh rows, each with a category of one of `conditions` as its condition: their
// scalars, and in `logits` the modes' probabilities, but for a factor.
void Sampler::Impl::candidates(Streams& streams,
                               Part& part,
                               std::span<const ConditionColumn> conditions) const {
  for (auto& drawn : part.condition) {
    if (!conditions.empty()) {
      const auto& column = conditions[streams.conditions.below(conditions.size())];
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
}

// Draws which cells of a whole part are missing, so that they are as many as the share says, up to
// one: probabilities are brought to it (as in calibrate, but for these rows) and the rows, in
// random order, are drawn systematically (Madow 1949). Drawn row by row, 500 rows would often be
// more than a point off. Leaves 0 for the modes that a cell can't have any more.
void Sampler::Impl::place_missing(Streams& streams, Part& part) const {
  std::vector<float> keys(kPartRows + 1);  // the last one is where counting starts
  std::vector<std::size_t> order(kPartRows);
  std::vector<double> probability(kPartRows);
  for (const auto& gap : gaps) {
    streams.missing.uniform(keys);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
      return keys[a] != keys[b] ? keys[a] < keys[b] : a < b;
    });
    for (std::size_t r = 0; r < kPartRows; ++r) {
      const float* p = part.logits.data() + r * network.width + gap.first;
      const double total = std::accumulate(p, p + gap.modes, 0.0);
      probability[r] = p[gap.missing] / total;
    }
    const double factor = odds_factor(probability, gap.share);
    double before = keys.back();
    for (const std::size_t r : order) {
      const double p = probability[r];
      const double after = before + p * factor / (p * factor + (1.0 - p));
      float* modes = part.logits.data() + r * network.width + gap.first;
      if (std::floor(after) > std::floor(before)) {
        std::fill(modes, modes + gap.modes, 0.0F);
        modes[gap.missing] = 1.0F;
      } else {
        modes[gap.missing] = 0.0F;
      }
      before = after;
    }
  }
}

// argmax(logits + Gumbel noise) has the softmax's distribution; drawing from that by its cumulative
// sum takes one exponential a mode and one uniform a column.
void Sampler::Impl::choose(Streams& streams, Part& part) const {
  streams.choice.uniform(part.uniform);
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

// A generator hits the share of a mode by a few points only, and that of missing cells no better.
// The sums over all sites say what it is, so each mode's logit gets the constant that makes the
// mean probability over many rows that share. Rows keep what tells them apart.
void Sampler::Impl::calibrate(const tabular::Layout& layout) {
  constexpr std::size_t kMostRows = 16384;  // a share's error is below half a point then
  constexpr std::size_t kMostFloats = std::size_t{1} << 22;
  const std::size_t parts = std::clamp<std::size_t>(
      std::min(kMostRows, kMostFloats / std::max<std::size_t>(1, network.width)) / kPartRows,
      1,
      kMostRows / kPartRows);
  std::vector<float> weights;  // (rows, width): unnormalised probabilities, 0 at scalars
  weights.reserve(parts * kPartRows * network.width);
  Part part(*this);
  for (std::size_t p = 0; p < parts; ++p) {
    Streams streams(0, p, kMostRows);
    candidates(streams, part, columns);
    weights.insert(weights.end(), part.logits.begin(), part.logits.end());
  }
  const std::size_t rows = parts * kPartRows;
  for (const auto& span : network.spans) {
    const auto& shares = layout.columns[span.column].frequencies;
    std::vector<double> factor(span.modes, 1.0);
    constexpr int kMostSteps = 30;
    for (int step = 0; step < kMostSteps; ++step) {
      std::vector<double> mean(span.modes, 0.0);
      for (std::size_t r = 0; r < rows; ++r) {
        const float* p = weights.data() + r * network.width + span.first;
        double total = 0.0;
        for (std::size_t k = 0; k < span.modes; ++k) {
          total += p[k] * factor[k];
        }
        for (std::size_t k = 0; k < span.modes; ++k) {
          mean[k] += p[k] * factor[k] / total;
        }
      }
      double farthest = 0.0;
      for (std::size_t k = 0; k < span.modes && k < shares.size(); ++k) {
        const double has = mean[k] / static_cast<double>(rows);
        farthest = std::max(farthest, std::abs(has - shares[k]));
        constexpr double kLeast = 1e-9;  // a mode that the generator never gives stays away
        constexpr double kLargest = 1e4;
        if (shares[k] > 0.0 && has > kLeast) {
          factor[k] = std::clamp(factor[k] * shares[k] / has, 1.0 / kLargest, kLargest);
        }
      }
      constexpr double kClose = 1e-4;
      if (farthest < kClose) {
        break;
      }
    }
    for (std::size_t k = 0; k < span.modes; ++k) {
      output.bias[span.first + k] += static_cast<float>(std::log(factor[k]));
    }
  }
}

// Some of a part's rows, at the end of a table.
void Sampler::Impl::append(const Part& part,
                           std::span<const std::size_t> rows,
                           EncodedTable& table) const {
  const auto& spans = network.spans;
  std::size_t value = 0;
  for (std::size_t s = 0; s < spans.size(); ++s) {
    auto& column = table.columns[spans[s].column];
    for (const std::size_t r : rows) {
      column.mode.push_back(part.mode[r * spans.size() + s]);
    }
    if (spans[s].has_value) {
      const auto& gate = spans[s].gate;
      for (const std::size_t r : rows) {
        const bool counts = gate.empty() || gate[part.mode[r * spans.size() + s]] != 0.0F;
        column.value.push_back(counts ? part.scalars[r * values + value] : 0.0F);
      }
      ++value;
    }
  }
  table.rows += rows.size();
}

EncodedTable Sampler::Impl::empty_table() const {
  EncodedTable table;
  table.columns.resize(column_count);
  return table;
}

// The column to condition on, with its allowed modes alone.
std::optional<ConditionColumn> Sampler::Impl::condition_of(std::span<const Allowed> allowed) const {
  std::optional<ConditionColumn> rarest;
  double least = 0.0;
  for (const auto& [column, modes] : allowed) {
    const auto known = std::ranges::find(columns, column, &ConditionColumn::column);
    if (known == columns.end()) {
      continue;
    }
    std::vector<double> shares(modes.size(), 0.0);
    double total = 0.0;
    double before = 0.0;
    for (std::size_t k = 0; k < modes.size(); ++k) {
      // Modes that no row has keep a trace, so that only allowed ones can be drawn.
      constexpr double kTrace = 1e-12;
      shares[k] = modes[k] != 0 ? std::max(kTrace, known->cumulative[k] - before) : 0.0;
      before = known->cumulative[k];
      total += shares[k];
    }
    if (!rarest || total < least) {
      rarest = ConditionColumn{column, known->first, cumulative_of(shares)};
      least = total;
    }
  }
  return rarest;
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
    const auto& column = layout.columns[span.column];
    if (column.missing && span.modes > 1) {
      impl->gaps.push_back(
          {span.first, span.modes, *column.missing, column.frequencies[*column.missing]});
    }
  }
  impl->calibrate(layout);
  return Sampler(std::move(impl));
}

EncodedTable Sampler::sample_block(std::uint64_t seed,
                                   std::uint64_t block,
                                   std::size_t rows) const {
  GENESIS_CHECK(rows <= kBlockRows, "a block holds at most kBlockRows rows");
  EncodedTable table = impl_->empty_table();
  Impl::Part part(*impl_);
  std::vector<std::size_t> all(kPartRows);
  std::iota(all.begin(), all.end(), std::size_t{0});
  for (std::size_t first = 0; first < rows; first += kPartRows) {
    Impl::Streams streams(seed, block, first / kPartRows);
    impl_->candidates(streams, part, impl_->columns);
    impl_->place_missing(streams, part);
    impl_->choose(streams, part);
    impl_->append(part, std::span(all).first(std::min(kPartRows, rows - first)), table);
  }
  return table;
}

EncodedTable Sampler::sample_allowed(std::uint64_t seed,
                                     std::uint64_t attempt,
                                     std::span<const Allowed> allowed) const {
  constexpr std::uint64_t kParts = kBlockRows / kPartRows;
  Impl::Streams streams(seed, attempt / kParts, static_cast<std::size_t>(attempt % kParts));
  Impl::Part part(*impl_);
  const auto condition = impl_->condition_of(allowed);
  impl_->candidates(
      streams, part, condition ? std::span(&*condition, 1) : std::span(impl_->columns));
  impl_->choose(streams, part);
  const std::size_t spans = impl_->network.spans.size();
  std::vector<std::size_t> rows;
  for (std::size_t r = 0; r < kPartRows; ++r) {
    const bool fits = std::ranges::all_of(allowed, [&](const Allowed& one) {
      const std::uint32_t mode = part.mode[r * spans + impl_->span_of(one.column)];
      return mode < one.modes.size() && one.modes[mode] != 0;
    });
    if (fits) {
      rows.push_back(r);
    }
  }
  EncodedTable table = impl_->empty_table();
  impl_->append(part, rows, table);
  return table;
}

}  // namespace genesis::model
