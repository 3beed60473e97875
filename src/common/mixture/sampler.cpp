#include "common/mixture/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "common/tabular/cell.hpp"

namespace genesis::mixture {
namespace {

// A unit that no row of the noisy counts has may be asked for all the same.
constexpr double kLeastRows = 1e-9;
// What a component has at least of a value, so that given cells that fit none of them leave them as
// likely as they are.
constexpr double kLeastShare = 1e-30;

// Vose's construction. `thresholds` are in units of 2^-32.
void build_alias(std::span<const double> weights, const auto& set) {
  const std::size_t n = weights.size();
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<double> scaled(n, 1.0);
  if (total > 0.0) {
    std::ranges::transform(weights, scaled.begin(), [&](double weight) {
      return weight / total * static_cast<double>(n);
    });
  }
  std::vector<std::uint32_t> small;
  std::vector<std::uint32_t> large;
  for (std::uint32_t i = 0; i < n; ++i) {
    (scaled[i] < 1.0 ? small : large).push_back(i);
  }
  while (!small.empty() && !large.empty()) {
    const auto low = small.back();
    const auto high = large.back();
    small.pop_back();
    set(low, static_cast<std::uint32_t>(scaled[low] * 0x1.0p32), high);
    scaled[high] -= 1.0 - scaled[low];
    if (scaled[high] < 1.0) {
      large.pop_back();
      small.push_back(high);
    }
  }
  for (const auto* rest : {&small, &large}) {
    for (const auto i : *rest) {
      set(i, 0xFFFFFFFFU, i);
    }
  }
}

// Which of the components each row of a block is of: each as often as its weight says, but for less
// than one row, in random order.
std::vector<std::uint32_t> draw_components(std::span<const double> weights,
                                           std::size_t rows,
                                           Rng& rng) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<std::uint32_t> components;
  components.reserve(rows);
  const double offset = rng.uniform();
  double reached = 0.0;
  std::uint32_t k = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    const double at = (static_cast<double>(i) + offset) / static_cast<double>(rows) * total;
    while (k + 1 < weights.size() && reached + weights[k] <= at) {
      reached += weights[k++];
    }
    components.push_back(k);
  }
  for (std::size_t i = rows; i > 1; --i) {
    std::swap(components[i - 1], components[rng.below(i)]);
  }
  return components;
}

// Of components by their likelihoods, which may be far below what a double holds.
std::vector<double> weights_of(std::span<const double> logarithms) {
  const double most = *std::ranges::max_element(logarithms);
  std::vector<double> weights;
  for (const double logarithm : logarithms) {
    weights.push_back(std::isfinite(most) ? std::exp(logarithm - most) : 1.0);
  }
  return weights;
}

// The parts of `atom` that are allowed, each with its part of the rows.
void add_allowed(std::vector<Atom>& atoms, const Atom& atom, const Allowed& allowed) {
  const auto size = static_cast<double>(atom.last - atom.first + 1);
  for (const auto& [first, last] : allowed.units) {
    const std::uint64_t from = std::max(first, atom.first);
    const std::uint64_t to = std::min(last, atom.last);
    if (from <= to) {
      const double part = static_cast<double>(to - from + 1) / size;
      atoms.push_back({from, to, atom.rows * part, 0.0});
    }
  }
}

tabular::Column empty_column(const Column& column, std::size_t rows) {
  tabular::Column made;
  made.name = column.name;
  made.kind = column.kind;
  made.precision = column.precision;
  made.format = column.format;
  if (column.is_number()) {
    made.numbers.resize(rows);
  } else {
    made.codes.resize(rows);
    made.categories = column.categories;
  }
  return made;
}

void put(tabular::Column& made, const Column& column, std::size_t row, std::uint64_t unit) {
  if (!column.is_number()) {
    made.codes[row] =
        unit == kMissingUnit ? tabular::kMissingCode : static_cast<std::uint32_t>(unit);
  } else if (unit == kMissingUnit) {
    made.numbers[row] = std::numeric_limits<double>::quiet_NaN();
  } else {
    made.numbers[row] = value_of(column, unit);
  }
}

// As a table that was read has them: sorted, and only those that occur.
void keep_used_categories(tabular::Column& column) {
  std::vector<std::uint32_t> new_code(column.categories.size(), tabular::kMissingCode);
  for (const auto code : column.codes) {
    if (code != tabular::kMissingCode) {
      new_code[code] = 0;
    }
  }
  std::vector<std::string> used;
  for (std::size_t i = 0; i < new_code.size(); ++i) {
    if (new_code[i] != tabular::kMissingCode) {
      new_code[i] = static_cast<std::uint32_t>(used.size());
      used.push_back(std::move(column.categories[i]));
    }
  }
  for (auto& code : column.codes) {
    code = code == tabular::kMissingCode ? code : new_code[code];
  }
  column.categories = std::move(used);
}

tabular::Column identifiers(const Column& column, std::uint64_t first, std::size_t rows) {
  std::vector<std::pair<std::string, std::size_t>> sorted;
  for (std::size_t row = 0; row < rows; ++row) {
    sorted.emplace_back("id-" + std::to_string(first + row + 1), row);
  }
  std::ranges::sort(sorted);
  auto made = empty_column(column, rows);
  for (auto& [name, row] : sorted) {
    made.codes[row] = static_cast<std::uint32_t>(made.categories.size());
    made.categories.push_back(std::move(name));
  }
  return made;
}

}  // namespace

AliasTable::AliasTable(std::span<const double> weights) : slots_(weights.size()) {
  build_alias(weights, [&](std::uint32_t i, std::uint32_t threshold, std::uint32_t other) {
    slots_[i] = {threshold, i, other};
  });
}

Sampler::Sampler(Model model) : model_(std::move(model)) {
  for (std::size_t c = 0; c < model_.schema.size(); ++c) {
    drawers_.push_back(model_.schema[c].is_counted() ? drawer(c, nullptr, nullptr) : Drawer{});
  }
}

Sampler::Drawer Sampler::drawer(std::size_t column,
                                const Allowed* allowed,
                                std::vector<double>* likelihood) const {
  const auto& marginal = model_.marginals.columns[column];
  const auto& binning = model_.binnings[column];
  const auto& components = model_.components;
  Drawer drawer;
  drawer.bins = binning.bins;
  drawer.missing = binning.missing ? *binning.missing : drawer.missing;

  const double marginal_rows = model_.marginals.rows;
  std::vector<std::vector<Atom>> in_bin(binning.bins);
  std::vector<double> all(binning.bins, 0.0);
  const auto bins = bins_of_atoms(marginal, binning);
  for (std::size_t i = 0; i < bins.size(); ++i) {
    auto atom = marginal.atoms[i];
    atom.rows += kLeastRows * std::max(1.0, marginal_rows);
    all[bins[i]] += atom.rows;
    if (allowed == nullptr) {
      in_bin[bins[i]].push_back(atom);
    } else {
      add_allowed(in_bin[bins[i]], atom, *allowed);
    }
  }
  // Which part of each bin is allowed.
  std::vector<double> share(binning.bins, 1.0);
  for (std::uint32_t b = 0; b < binning.bins; ++b) {
    std::vector<double> rows;
    drawer.first_atom.push_back(static_cast<std::uint32_t>(drawer.atoms.size()));
    for (const auto& atom : in_bin[b]) {
      rows.push_back(atom.rows);
      drawer.atoms.push_back(atom);
    }
    drawer.in_bin.emplace_back(rows);
    if (allowed != nullptr) {
      const double kept = std::accumulate(rows.begin(), rows.end(), 0.0);
      share[b] = b == drawer.missing ? (allowed->missing ? 1.0 : 0.0)
                                     : (all[b] > 0.0 ? kept / all[b] : 0.0);
    }
  }
  drawer.first_atom.push_back(static_cast<std::uint32_t>(drawer.atoms.size()));

  const std::size_t cells = components.count * binning.bins;
  drawer.thresholds.resize(cells);
  drawer.others.resize(cells);
  std::vector<double> weights(binning.bins);
  for (std::size_t k = 0; k < components.count; ++k) {
    const float* shares =
        components.shares.data() + k * components.width() + components.offsets[column];
    for (std::uint32_t b = 0; b < binning.bins; ++b) {
      weights[b] = static_cast<double>(shares[b]) * share[b];
    }
    const bool is_conditional = likelihood != nullptr;  // such a component is not drawn then
    if (!is_conditional &&
        std::ranges::none_of(weights, [](double weight) { return weight > 0.0; })) {
      for (std::uint32_t b = 0; b < binning.bins; ++b) {
        weights[b] = all[b] * share[b];  // the component has none of it: as all rows have it
      }
    }
    build_alias(weights, [&](std::uint32_t i, std::uint32_t threshold, std::uint32_t other) {
      drawer.thresholds[k * binning.bins + i] = threshold;
      drawer.others[k * binning.bins + i] = static_cast<std::uint16_t>(other);
    });
    if (likelihood != nullptr) {
      (*likelihood)[k] += std::log(std::accumulate(weights.begin(), weights.end(), 0.0));
    }
  }
  return drawer;
}

Status Sampler::check(const Allowed& allowed) const {
  const auto& column = model_.schema[allowed.column];
  const auto& binning = model_.binnings[allowed.column];
  const bool is_there = std::ranges::any_of(
      allowed.units, [&](const auto& units) { return units.first < column.size(); });
  if (!column.is_counted() || (!is_there && !(allowed.missing && binning.missing))) {
    return fail(Errc::kInvalidArgument,
                "column '" + column.name + "': no value that the model knows is allowed");
  }
  return {};
}

Result<tabular::Table> Sampler::block(std::uint64_t seed,
                                      std::uint64_t block,
                                      std::size_t rows,
                                      std::span<const Allowed> allowed) const {
  std::vector<double> likelihood(model_.components.count, 0.0);  // logarithms
  std::vector<Drawer> asked(allowed.size());
  std::vector<const Drawer*> drawers;
  for (const auto& drawer : drawers_) {
    drawers.push_back(&drawer);
  }
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    GENESIS_RETURN_IF_ERROR(check(allowed[i]));
    asked[i] = drawer(allowed[i].column, &allowed[i], &likelihood);
    drawers[allowed[i].column] = &asked[i];
  }
  Rng rng(seed, RoundId{0}, std::to_string(block), "mixture rows");
  const auto components = draw_components(weights_of(likelihood), kBlockRows, rng);
  tabular::Table table;
  table.rows = rows;
  for (std::size_t c = 0; c < model_.schema.size(); ++c) {
    const auto& column = model_.schema[c];
    if (!column.is_counted()) {
      table.columns.push_back(identifiers(column, block * kBlockRows, rows));
      continue;
    }
    const auto& drawer = *drawers[c];
    auto made = empty_column(column, rows);
    // A stream of its own: what is asked of one column moves no other one's draws.
    Rng draws(seed, RoundId{0}, std::to_string(block), "mixture column " + std::to_string(c));
    for (std::size_t row = 0; row < rows; ++row) {
      put(made, column, row, draw_unit(drawer, components[row], draws));
    }
    if (!column.is_number()) {
      keep_used_categories(made);
    }
    table.columns.push_back(std::move(made));
  }
  return table;
}

std::uint64_t Sampler::draw_unit(const Drawer& drawer, std::uint32_t component, Rng& draws) {
  const std::uint64_t random = draws.next();
  const std::uint64_t slot = ((random >> 32U) * drawer.bins) >> 32U;
  const std::size_t cell = std::size_t{component} * drawer.bins + slot;
  const std::uint32_t bin = static_cast<std::uint32_t>(random) < drawer.thresholds[cell]
                                ? static_cast<std::uint32_t>(slot)
                                : drawer.others[cell];
  if (bin == drawer.missing) {
    return kMissingUnit;
  }
  const std::uint32_t first = drawer.first_atom[bin];
  const bool is_alone = drawer.first_atom[bin + 1] - first == 1;
  const auto& atom = drawer.atoms[is_alone ? first : first + drawer.in_bin[bin].draw(draws.next())];
  const std::uint64_t size = atom.last - atom.first + 1;
  return size == 1 ? atom.first : atom.first + draws.below(size);
}

// Draws each row's component by its probability given the row's known units.
std::vector<std::uint32_t> Sampler::components_of(
    const std::vector<std::vector<std::uint64_t>>& known, Rng& rng) const {
  const auto& components = model_.components;
  const std::size_t rows = known.empty() ? 0 : known.front().size();
  std::vector<std::uint32_t> drawn;
  for (std::size_t row = 0; row < rows; ++row) {
    std::vector<double> likelihood(components.count, 0.0);  // logarithms
    for (std::size_t c = 0; c < known.size(); ++c) {
      const auto unit = known[c][row];
      const auto& binning = model_.binnings[c];
      const bool has_value = unit == kSomeUnit;
      const std::uint16_t bin = has_value ? binning.missing.value_or(kNoBin)
                                : unit == kNoUnit || !model_.schema[c].is_counted()
                                    ? kNoBin
                                    : binning.bin_of(unit);
      for (std::size_t k = 0; bin != kNoBin && k < components.count; ++k) {
        const double share = static_cast<double>(
            components.shares[k * components.width() + components.offsets[c] + bin]);
        likelihood[k] += std::log(std::max(has_value ? 1.0 - share : share, kLeastShare));
      }
    }
    const auto weights = weights_of(likelihood);
    const double at = rng.uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
    double reached = 0.0;
    std::uint32_t k = 0;
    while (k + 1 < weights.size() && reached + weights[k] <= at) {
      reached += weights[k++];
    }
    drawn.push_back(k);
  }
  return drawn;
}

tabular::Table Sampler::complete(std::uint64_t seed,
                                 std::uint64_t block,
                                 std::vector<std::vector<std::uint64_t>> known,
                                 bool is_filled) const {
  for (std::size_t c = 0; is_filled && c < known.size(); ++c) {
    const bool has_values = model_.schema[c].is_counted() && model_.schema[c].size() > 0;
    std::ranges::replace(known[c], kNoUnit, has_values ? kSomeUnit : kNoUnit);
  }
  Rng rng(seed, RoundId{0}, std::to_string(block), "mixture rows");
  const auto components = components_of(known, rng);
  tabular::Table table;
  table.rows = components.size();
  for (std::size_t c = 0; c < model_.schema.size(); ++c) {
    const auto& column = model_.schema[c];
    if (!column.is_counted()) {
      table.columns.push_back(identifiers(column, block * kBlockRows, table.rows));
      continue;
    }
    const Allowed values{c, {{0, column.size() - 1}}, false};
    const bool is_without_missing = is_filled && has_missing(c) && column.size() > 0;
    const auto filled = is_without_missing ? drawer(c, &values, nullptr) : Drawer{};
    const auto& drawer = is_without_missing ? filled : drawers_[c];
    auto made = empty_column(column, table.rows);
    Rng draws(seed, RoundId{0}, std::to_string(block), "mixture column " + std::to_string(c));
    for (std::size_t row = 0; row < table.rows; ++row) {
      const auto unit = draw_unit(drawer, components[row], draws);
      const bool is_drawn = known[c][row] == kNoUnit || known[c][row] == kSomeUnit;
      put(made, column, row, is_drawn ? unit : known[c][row]);
    }
    if (!column.is_number()) {
      keep_used_categories(made);
    }
    table.columns.push_back(std::move(made));
  }
  return table;
}

}  // namespace genesis::mixture
