#include "common/mixture/bins.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/mixture/noise_floor.hpp"
#include "common/tabular/json_reader.hpp"

namespace genesis::mixture {
namespace {

constexpr double kSpikeShare = 0.006;  // of all rows, in one unit
// A bin below this share of the intended mass may be joined with a neighbour.
constexpr double kLight = 0.4;
constexpr std::size_t kBinsBesideManySpikes = 4;

double deviation(const Atom& atom) {
  return std::max(atom.sigma, kLeastSigma);
}

// Single values that hold many rows, beyond their neighbours by more than noise does.
std::vector<bool> spikes_of(const std::vector<Atom>& atoms, double rows, std::size_t most) {
  std::vector<bool> is_spike(atoms.size(), false);
  for (std::size_t i = 0; i < atoms.size(); ++i) {
    const auto& atom = atoms[i];
    const double near =
        median_of_neighbours(atoms.size(), i, [&](std::size_t j) { return atoms[j].rows; });
    const bool is_heavy = atom.first == atom.last && atom.rows >= kSpikeShare * rows;
    const bool stands_out =
        atom.rows > 2.5 * near || atom.rows > 1.5 * rows / static_cast<double>(most);
    is_spike[i] = is_heavy && stands_out && atom.rows - near > kClear * deviation(atom);
  }
  return is_spike;
}

// The bins of a number as they grow: bin i holds atoms [begins[i], begins[i + 1]).
struct Groups {
  std::vector<std::size_t> begins;
  std::vector<bool> is_spike;
};

Groups cut(const std::vector<Atom>& atoms, const std::vector<bool>& is_spike, std::size_t most) {
  double plain = 0.0;
  std::size_t spikes = 0;
  for (std::size_t i = 0; i < atoms.size(); ++i) {
    plain += is_spike[i] ? 0.0 : atoms[i].rows;
    spikes += is_spike[i] ? 1 : 0;
  }
  const std::size_t wanted = spikes < most ? most - spikes : kBinsBesideManySpikes;
  const double mass = plain / static_cast<double>(wanted);
  Groups groups;
  bool is_open = false;
  double filled = 0.0;
  for (std::size_t i = 0; i < atoms.size(); ++i) {
    if (is_spike[i] || !is_open) {
      groups.begins.push_back(i);
      groups.is_spike.push_back(is_spike[i]);
      filled = 0.0;
    }
    filled += is_spike[i] ? 0.0 : atoms[i].rows;
    is_open = !is_spike[i] && (atoms.size() > most ? filled < mass * 0.999 : false);
  }
  return groups;
}

double rows_of(const std::vector<Atom>& atoms, const Groups& groups, std::size_t i) {
  const std::size_t end = i + 1 < groups.begins.size() ? groups.begins[i + 1] : atoms.size();
  double rows = 0.0;
  for (std::size_t a = groups.begins[i]; a < end; ++a) {
    rows += atoms[a].rows;
  }
  return rows;
}

// Joins the lightest bin that is too light with its lighter neighbour, until none is.
void join_light(const std::vector<Atom>& atoms, Groups& groups, double light) {
  std::vector<double> rows;
  for (std::size_t i = 0; i < groups.begins.size(); ++i) {
    rows.push_back(rows_of(atoms, groups, i));
  }
  while (rows.size() > 2) {
    std::optional<std::size_t> lightest;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!groups.is_spike[i] && rows[i] < light && (!lightest || rows[i] < rows[*lightest])) {
        lightest = i;
      }
    }
    if (!lightest) {
      return;
    }
    const std::size_t i = *lightest;
    std::optional<std::size_t> to;
    for (const bool may_be_spike : {false, true}) {
      for (const std::size_t j : {i - 1, i + 1}) {  // i - 1 of 0 is beyond the end
        if (!to && j < rows.size() && (may_be_spike || !groups.is_spike[j])) {
          const std::size_t other = 2 * i - j;
          const bool other_fits = other < rows.size() && (may_be_spike || !groups.is_spike[other]);
          to = other_fits && rows[other] < rows[j] ? other : j;
        }
      }
    }
    const std::size_t low = std::min(i, *to);
    groups.is_spike[low] = groups.is_spike[i] || groups.is_spike[*to];
    rows[low] = rows[i] + rows[*to];
    const auto gone = static_cast<std::ptrdiff_t>(low + 1);
    groups.begins.erase(groups.begins.begin() + gone);
    groups.is_spike.erase(groups.is_spike.begin() + gone);
    rows.erase(rows.begin() + gone);
  }
}

Binning bin_number(const Marginal& marginal, double rows, std::size_t most) {
  const auto& atoms = marginal.atoms;
  double sigma = kLeastSigma;
  for (const auto& atom : atoms) {
    sigma = std::max(sigma, atom.sigma);
  }
  const auto is_spike = spikes_of(atoms, rows, most);
  auto groups = cut(atoms, is_spike, most);
  double plain = 0.0;
  for (std::size_t i = 0; i < atoms.size(); ++i) {
    plain += is_spike[i] ? 0.0 : atoms[i].rows;
  }
  const std::size_t bins = std::max<std::size_t>(1, std::min(most, atoms.size()));
  join_light(atoms, groups, std::min(kLight * plain / static_cast<double>(bins), kClear * sigma));
  Binning binning;
  for (std::size_t i = 0; i < groups.begins.size(); ++i) {
    binning.firsts.push_back(atoms[groups.begins[i]].first);
    binning.of_run.push_back(static_cast<std::uint16_t>(i));
  }
  binning.bins = static_cast<std::uint32_t>(groups.begins.size());
  return binning;
}

// All but so many of the heaviest are rare.
void keep_heaviest(const std::vector<Atom>& atoms, std::size_t most, std::vector<bool>& is_rare) {
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < atoms.size(); ++i) {
    if (!is_rare[i]) {
      kept.push_back(i);
    }
  }
  std::ranges::stable_sort(kept, [&](auto a, auto b) { return atoms[a].rows > atoms[b].rows; });
  for (std::size_t k = most; k < kept.size(); ++k) {
    is_rare[kept[k]] = true;
  }
}

Binning bin_categories(const Marginal& marginal, bool is_target, std::size_t most) {
  const auto& atoms = marginal.atoms;
  std::vector<bool> is_rare;
  for (const auto& atom : atoms) {
    is_rare.push_back(!is_target && atom.rows < kClear * deviation(atom));
  }
  if (std::ranges::count(is_rare, true) <= 1) {
    is_rare.assign(atoms.size(), false);
  }
  if (static_cast<std::size_t>(std::ranges::count(is_rare, false)) > most) {
    keep_heaviest(atoms, most - 1, is_rare);
  }
  const auto kept = static_cast<std::uint16_t>(std::ranges::count(is_rare, false));
  Binning binning;
  std::uint16_t next = 0;
  for (std::size_t i = 0; i < atoms.size(); ++i) {
    binning.firsts.push_back(atoms[i].first);
    binning.of_run.push_back(is_rare[i] ? kept : next++);
  }
  binning.bins = kept + (kept < atoms.size() ? 1U : 0U);
  return binning;
}

tl::unexpected<Error> wrong(std::size_t column, std::string_view what) {
  return fail(Errc::kInvalidArgument, "bins[" + std::to_string(column) + "]: " + std::string(what));
}

Status check(const Binning& binning, const Column& column, std::size_t at) {
  if (binning.bins > kMaxBins || binning.firsts.size() != binning.of_run.size() ||
      (binning.bins == 0) != !column.is_counted()) {
    return wrong(at, "are none of its column");
  }
  for (std::size_t i = 0; i < binning.firsts.size(); ++i) {
    const bool is_in_order =
        i == 0 ? binning.firsts[0] == 0 : binning.firsts[i - 1] < binning.firsts[i];
    if (!is_in_order || binning.firsts[i] >= column.size() || binning.of_run[i] >= binning.bins) {
      return wrong(at, "are not in order");
    }
  }
  if (binning.missing && *binning.missing >= binning.bins) {
    return wrong(at, "lack the one for missing values");
  }
  std::vector<bool> is_named(binning.bins, false);
  for (const auto bin : binning.of_run) {
    is_named[bin] = true;
  }
  if (binning.missing) {
    is_named[*binning.missing] = true;
  }
  if (std::ranges::find(is_named, false) != is_named.end()) {
    return wrong(at, "are more than its values have");
  }
  return {};
}

}  // namespace

std::uint16_t Binning::bin_of(std::uint64_t unit) const {
  if (unit == kMissingUnit) {
    return missing.value_or(kNoBin);
  }
  if (unit == kNoUnit || firsts.empty()) {
    return kNoBin;
  }
  const auto after = std::ranges::upper_bound(firsts, unit);
  return of_run[static_cast<std::size_t>(after - firsts.begin()) - 1];
}

Binnings bin(const Schema& schema, const Marginals& marginals, const BinRules& rules) {
  Binnings binnings;
  for (std::size_t c = 0; c < schema.size(); ++c) {
    const auto& marginal = marginals.columns[c];
    Binning binning;
    if (schema[c].is_number()) {
      binning = bin_number(marginal, marginals.rows, rules.most);
    } else if (schema[c].is_counted()) {
      const bool is_target = rules.target == c;
      const std::size_t most = std::max<std::size_t>(
          2, is_target ? std::min(rules.most_categories, kMostTargetBins) : rules.most_categories);
      binning = bin_categories(marginal, is_target, most);
    }
    if (schema[c].is_counted() && marginal.has_missing) {
      binning.missing = static_cast<std::uint16_t>(binning.bins++);
    }
    binnings.push_back(std::move(binning));
  }
  return binnings;
}

std::vector<std::uint16_t> bins_of_atoms(const Marginal& marginal, const Binning& binning) {
  std::vector<std::uint16_t> bins;
  for (const auto& atom : marginal.atoms) {
    bins.push_back(binning.bin_of(atom.first));
  }
  return bins;
}

std::vector<double> masses(const Marginal& marginal, const Binning& binning) {
  std::vector<double> mass(binning.bins, 0.0);
  const auto bins = bins_of_atoms(marginal, binning);
  for (std::size_t i = 0; i < bins.size(); ++i) {
    mass[bins[i]] += marginal.atoms[i].rows;
  }
  if (binning.missing) {
    mass[*binning.missing] += marginal.missing;
  }
  const double total = std::accumulate(mass.begin(), mass.end(), 0.0);
  for (double& share : mass) {
    share = total > 0.0 ? share / total : 1.0 / static_cast<double>(mass.size());
  }
  return mass;
}

nlohmann::json to_json(const Binnings& binnings) {
  auto json = nlohmann::json::array();
  for (const auto& binning : binnings) {
    nlohmann::json object{
        {"bins", binning.bins}, {"firsts", binning.firsts}, {"of_run", binning.of_run}};
    if (binning.missing) {
      object["missing"] = *binning.missing;
    }
    json.push_back(std::move(object));
  }
  return json;
}

Result<Binnings> binnings_from_json(JsonValue json, const Schema& schema) {
  constexpr std::size_t kMaxRuns = 2 * kMaxBins;  // a spike parts a bin
  if (!json.is_array() || json.size() != schema.size()) {
    return fail(Errc::kInvalidArgument, "bins: expected one entry a column");
  }
  Binnings binnings;
  for (const JsonValue item : json.elements()) {
    const std::size_t c = binnings.size();
    tabular::JsonReader reader(item, "bins[" + std::to_string(c) + "]");
    Binning binning;
    binning.bins = static_cast<std::uint32_t>(reader.count("bins", kMaxBins));
    binning.firsts = reader.counts("firsts", kMaxRuns);
    for (const auto bin : reader.counts("of_run", kMaxRuns)) {
      binning.of_run.push_back(static_cast<std::uint16_t>(std::min<std::uint64_t>(bin, kNoBin)));
    }
    if (item.find("missing")) {
      binning.missing = static_cast<std::uint16_t>(reader.count("missing", kMaxBins));
    }
    GENESIS_RETURN_IF_ERROR(reader.status());
    GENESIS_RETURN_IF_ERROR(check(binning, schema[c], c));
    binnings.push_back(std::move(binning));
  }
  return binnings;
}

}  // namespace genesis::mixture
