#include "common/model/network.hpp"

#include <algorithm>
#include <cmath>

#include "common/base/check.hpp"

namespace genesis::model {
namespace {

std::vector<Span> spans_of(const tabular::Layout& layout) {
  std::vector<Span> spans;
  std::size_t offset = 0;
  std::size_t condition_offset = 0;
  for (std::size_t c = 0; c < layout.columns.size(); ++c) {
    const auto& column = layout.columns[c];
    if (column.modes == 0) {
      offset += column.has_value ? 1U : 0U;
      continue;
    }
    Span span;
    span.column = c;
    span.modes = column.modes;
    span.has_value = column.has_value;
    span.first = offset + (column.has_value ? 1U : 0U);
    offset = span.first + span.modes;
    if (column.has_value &&
        std::ranges::find(column.mode_has_value, 0) != column.mode_has_value.end()) {
      for (const auto counts : column.mode_has_value) {
        span.gate.push_back(counts != 0 ? 1.0F : 0.0F);
      }
    }
    if (column.conditional) {
      span.conditional = true;
      span.condition_first = condition_offset;
      condition_offset += span.modes;
    }
    spans.push_back(std::move(span));
  }
  return spans;
}

// Walks network.specs and lays each tensor behind the last of its area.
class Placer {
 public:
  explicit Placer(Network& network) : network_(network) {}

  LinearPlace linear(Placement::Area area) {
    LinearPlace place;
    const auto& shape = network_.specs[network_.placements.size()].shape;
    place.outputs = static_cast<std::size_t>(shape[0]);
    place.inputs = static_cast<std::size_t>(shape[1]);
    place.weight = tensor(area);
    place.bias = tensor(area);
    return place;
  }

  std::size_t tensor(Placement::Area area) {
    const auto& spec = network_.specs[network_.placements.size()];
    std::size_t& size = size_of(area);
    Placement placement{.area = area, .offset = size, .count = spec.element_count()};
    if (spec.shape.size() == 2) {
      placement.outputs = static_cast<std::size_t>(spec.shape[0]);
      placement.inputs = static_cast<std::size_t>(spec.shape[1]);
    }
    size += placement.count;
    network_.placements.push_back(placement);
    return placement.offset;
  }

 private:
  std::size_t& size_of(Placement::Area area) {
    switch (area) {
      case Placement::Area::kGenerator:
        return network_.generator_size;
      case Placement::Area::kDiscriminator:
        return network_.discriminator_size;
      case Placement::Area::kStatistics:
        return network_.statistics_size;
    }
    GENESIS_CHECK(false, "every area is handled");
  }

  Network& network_;
};

// The inner row of a weight's input `i`.
std::size_t inner_row(const Network& network, const Placement& placement, std::size_t i) {
  if (!placement.regrouped) {
    return i;
  }
  const std::size_t member = i / (network.width + network.condition_width);
  const std::size_t j = i % (network.width + network.condition_width);
  return j < network.width
             ? member * network.width + j
             : network.pac * network.width + member * network.condition_width + (j - network.width);
}

std::vector<float>& area_of(Weights& weights, Placement::Area area) {
  switch (area) {
    case Placement::Area::kGenerator:
      return weights.generator;
    case Placement::Area::kDiscriminator:
      return weights.discriminator;
    case Placement::Area::kStatistics:
      return weights.statistics;
  }
  GENESIS_CHECK(false, "every area is handled");
}

}  // namespace

Result<Network> Network::create(const CtganConfig& config, const tabular::Layout& layout) {
  Network network;
  GENESIS_ASSIGN(network.specs, parameter_specs(config, layout));
  for (const auto& column : layout.columns) {
    if (column.has_value && column.mode_has_value.size() != column.modes) {
      return fail(Errc::kInvalidArgument,
                  "column " + column.name + ": mode_has_value has " +
                      std::to_string(column.mode_has_value.size()) + " entries for " +
                      std::to_string(column.modes) + " modes");
    }
    if (column.conditional && column.modes == 0) {
      return fail(Errc::kInvalidArgument,
                  "column " + column.name + ": conditional, but has no category");
    }
  }
  network.embedding = static_cast<std::size_t>(config.embedding_dim);
  network.width = layout.width();
  network.condition_width = layout.condition_width();
  network.pac = static_cast<std::size_t>(config.pac);
  network.spans = spans_of(layout);

  using Area = Placement::Area;
  Placer placer(network);
  for (std::size_t i = 0; i < config.generator_dims.size(); ++i) {
    BlockPlace block;
    block.linear = placer.linear(Area::kGenerator);
    block.gamma = placer.tensor(Area::kGenerator);
    block.beta = placer.tensor(Area::kGenerator);
    block.running_mean = placer.tensor(Area::kStatistics);
    block.running_var = placer.tensor(Area::kStatistics);
    network.blocks.push_back(block);
  }
  network.generator_output = placer.linear(Area::kGenerator);
  for (std::size_t i = 0; i < config.discriminator_dims.size(); ++i) {
    const std::size_t index = network.placements.size();
    network.layers.push_back(placer.linear(Area::kDiscriminator));
    network.placements[index].regrouped = i == 0;
  }
  network.discriminator_output = placer.linear(Area::kDiscriminator);
  GENESIS_CHECK(network.placements.size() == network.specs.size(), "every tensor has its place");
  return network;
}

Network generator_part(Network network) {
  const auto of_generator = static_cast<std::size_t>(
      std::ranges::count_if(network.placements, [](const Placement& placement) {
        return placement.area != Placement::Area::kDiscriminator;
      }));  // they come first
  network.specs.resize(of_generator);
  network.placements.resize(of_generator);
  network.layers.clear();
  network.discriminator_size = 0;
  return network;
}

void load(const Network& network, std::span<const float> values, Weights& weights) {
  weights.generator.resize(network.generator_size);
  weights.discriminator.resize(network.discriminator_size);
  weights.statistics.resize(network.statistics_size);
  const float* source = values.data();
  for (const auto& placement : network.placements) {
    float* target = area_of(weights, placement.area).data() + placement.offset;
    if (placement.inputs == 0) {
      std::copy_n(source, placement.count, target);
    } else {
      for (std::size_t i = 0; i < placement.inputs; ++i) {
        float* row = target + inner_row(network, placement, i) * placement.outputs;
        for (std::size_t o = 0; o < placement.outputs; ++o) {
          row[o] = source[o * placement.inputs + i];
        }
      }
    }
    source += placement.count;
  }
}

void store(const Network& network, const Weights& weights, std::span<float> values) {
  float* target = values.data();
  auto& mutable_weights = const_cast<Weights&>(weights);  // area_of serves both; only read here
  for (const auto& placement : network.placements) {
    const float* source = area_of(mutable_weights, placement.area).data() + placement.offset;
    if (placement.inputs == 0) {
      std::copy_n(source, placement.count, target);
    } else {
      for (std::size_t i = 0; i < placement.inputs; ++i) {
        const float* row = source + inner_row(network, placement, i) * placement.outputs;
        for (std::size_t o = 0; o < placement.outputs; ++o) {
          target[o * placement.inputs + i] = row[o];
        }
      }
    }
    target += placement.count;
  }
}

Status check_tensors(const std::vector<TensorSpec>& expected, const Tensors& actual) {
  if (actual.specs.size() != expected.size()) {
    return fail(Errc::kInvalidArgument,
                "[model] expected " + std::to_string(expected.size()) + " tensors, got " +
                    std::to_string(actual.specs.size()));
  }
  const auto describe = [](const TensorSpec& spec) {
    std::string text = spec.name + " (";
    for (const auto extent : spec.shape) {
      text += (text.back() == '(' ? "" : ", ") + std::to_string(extent);
    }
    return text + ")";
  };
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (actual.specs[i] != expected[i]) {
      return fail(
          Errc::kInvalidArgument,
          "[model] expected " + describe(expected[i]) + ", got " + describe(actual.specs[i]));
    }
  }
  if (actual.values.size() != element_count(expected)) {
    return fail(Errc::kInvalidArgument,
                "[model] expected " + std::to_string(element_count(expected)) + " values, got " +
                    std::to_string(actual.values.size()));
  }
  const float* value = actual.values.data();
  for (const auto& spec : expected) {
    const float* end = value + spec.element_count();
    if (!std::all_of(value, end, [](float v) { return std::isfinite(v); })) {
      return fail(Errc::kInvalidArgument,
                  "[model] " + spec.name + " holds a value that is not finite");
    }
    value = end;
  }
  return {};
}

}  // namespace genesis::model
