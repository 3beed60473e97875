#include "common/autoregressive/discretizer.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/check.hpp"
#include "common/base/json.hpp"
#include "common/base/text.hpp"
#include "common/tabular/align.hpp"
#include "common/tabular/grid.hpp"
#include "common/tabular/json_reader.hpp"
#include "common/tabular/partition.hpp"

namespace genesis::autoregressive {
namespace {

using tabular::EncodedColumnSpec;
using tabular::Mode;
using tabular::Step;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kBinsBesideManySpikes = 2;
constexpr std::uint32_t kMaxCodes = tabular::kMaxCategories + 2;
constexpr JsonLimits kLimits{.max_bytes = std::size_t{64} << 20,
                             .max_values = std::size_t{8} << 20};
constexpr const char* kDiscretization = "discretization";

Step step_of(const EncodedColumnSpec& spec) {
  const auto step = tabular::step_of(spec.kind, spec.rounding, spec.format);
  GENESIS_CHECK(step.has_value(), "an encoder's formats are checked where it is made");
  return *step;
}

// The values of a cell, or nothing where it has none.
Atom atom_of(const tabular::Cell& cell, const Step& step, const EncodedColumnSpec& spec) {
  const auto inside = [&](double x) { return std::clamp(x, spec.minimum, spec.maximum); };
  Atom atom;
  atom.rows = static_cast<double>(cell.count);
  if (cell.is_single) {
    atom.first = atom.last = inside(cell.value);
    return atom;
  }
  atom.first = inside(step.at_least(cell.low));
  atom.last = inside(step.at_most(std::nextafter(cell.high, -kInfinity)));
  if (atom.first > atom.last) {
    atom.first = atom.last = inside(step.rounded(cell.low + (cell.high - cell.low) / 2));
  }
  return atom;
}

// Codes 0, 1, ... by value: those of single values that 1 row in `bins` has, and of bins.
std::uint32_t cut(std::vector<Atom>& atoms, std::size_t bins) {
  const auto sum = [](double total, const Atom& atom) { return total + atom.rows; };
  const double total = std::accumulate(atoms.begin(), atoms.end(), 0.0, sum);
  std::vector<bool> is_spike;
  double rest = 0.0;
  std::size_t spikes = 0;
  for (const auto& atom : atoms) {
    is_spike.push_back(atom.first == atom.last && atom.rows * static_cast<double>(bins) >= total);
    spikes += is_spike.back() ? 1 : 0;
    rest += is_spike.back() ? 0.0 : atom.rows;
  }
  const std::size_t wanted =
      std::max(kBinsBesideManySpikes, bins > spikes ? bins - spikes : std::size_t{0});
  const double mass = rest / static_cast<double>(wanted);
  std::uint32_t next = 0;
  std::optional<std::size_t> last_bin;
  std::uint32_t last_code = 0;
  double before = 0.0;
  for (std::size_t i = 0; i < atoms.size(); ++i) {
    if (is_spike[i]) {
      atoms[i].code = next++;
      continue;
    }
    const auto bin =
        std::min(wanted - 1, static_cast<std::size_t>((before + atoms[i].rows / 2) / mass));
    if (last_bin != bin) {
      last_bin = bin;
      last_code = next++;
    }
    atoms[i].code = last_code;
    before += atoms[i].rows;
  }
  return next;
}

Result<CodedColumn> code_number(const tabular::ColumnPlan& plan,
                                const tabular::ColumnSummary& total,
                                const EncodedColumnSpec& spec,
                                std::size_t bins) {
  CodedColumn coded;
  if (plan.few_values) {
    for (std::size_t i = 0; i < plan.values.size(); ++i) {
      if (total.values[i] > 0) {
        const double value = plan.values[i];
        coded.atoms.push_back({value, value, static_cast<double>(total.values[i]), coded.codes++});
      }
    }
  } else {
    GENESIS_ASSIGN(const Step step, tabular::step_of(plan.kind, plan.rounding, plan.format));
    for (const auto& cell : tabular::cells_of(plan.edges, total.bins, step)) {
      const Atom atom = atom_of(cell, step, spec);
      if (!coded.atoms.empty() && atom.first <= coded.atoms.back().last) {
        coded.atoms.back().rows += atom.rows;  // a count beyond the bounds that the sites have told
      } else {
        coded.atoms.push_back(atom);
      }
    }
    coded.codes = cut(coded.atoms, bins);
  }
  if (total.missing > 0) {
    coded.missing = coded.codes++;
  }
  return coded;
}

CodedColumn code_modes(const EncodedColumnSpec& spec) {
  CodedColumn coded;
  for (const auto& mode : spec.modes) {
    if (mode.type == Mode::Type::kMissing) {
      coded.missing = coded.codes;
    }
    ++coded.codes;
  }
  return coded;
}

tl::unexpected<Error> wrong(std::size_t column, const std::string& what) {
  return fail(Errc::kInvalidArgument, "discretization[" + std::to_string(column) + "]: " + what);
}

// The atom that a value is of, or the nearest one.
const Atom& atom_at(const std::vector<Atom>& atoms, double value) {
  const auto above = std::upper_bound(
      atoms.begin(), atoms.end(), value, [](double x, const Atom& atom) { return x < atom.first; });
  if (above == atoms.begin()) {
    return atoms.front();
  }
  const auto below = std::prev(above);
  if (above == atoms.end() || value <= below->last) {
    return *below;
  }
  return value - below->last <= above->first - value ? *below : *above;
}

// How many values there are from `first` to `last`, or how long it is where they lie dense.
double extent(const Step& step, double first, double last) {
  const double size = step.size(first);
  return size > 0.0 ? (last - first) / size + 1.0 : last - first;
}

// The part of `atom` in `interval`; nothing where that is empty.
std::optional<Atom> part_of(const Atom& atom, const tabular::Interval& interval, const Step& step) {
  Atom part = atom;
  part.first = std::max(atom.first, step.at_least(std::max(atom.first, interval.low)));
  part.last = std::min(atom.last, step.at_most(std::min(atom.last, interval.high)));
  if (!(part.first <= part.last)) {
    return std::nullopt;
  }
  if (const double whole = extent(step, atom.first, atom.last); whole > 0.0) {
    constexpr double kLeastPart = 1e-9;  // of values that lie dense, one is possible
    part.rows *= std::clamp(extent(step, part.first, part.last) / whole, kLeastPart, 1.0);
  }
  return part;
}

Result<Allowed> allowed_numbers(const tabular::ColumnFilter& filter,
                                const CodedColumn& coded,
                                const EncodedColumnSpec& spec) {
  const Step step = step_of(spec);
  Allowed allowed;
  for (const auto& interval : filter.intervals) {
    for (const auto& atom : coded.atoms) {
      if (const auto part = part_of(atom, interval, step)) {
        allowed.atoms.push_back(*part);
      }
    }
  }
  // Values that no row had, beside those that are near them.
  for (const auto& interval : filter.intervals) {
    if (!allowed.atoms.empty() || coded.atoms.empty()) {
      break;
    }
    const Atom domain{spec.minimum, spec.maximum, 1.0, 0};
    if (auto part = part_of(domain, interval, step)) {
      part->code = atom_at(coded.atoms, part->first).code;
      allowed.atoms.push_back(*part);
    }
  }
  std::vector<double> all(coded.codes, 0.0);
  std::vector<double> kept(coded.codes, 0.0);
  for (const auto& atom : coded.atoms) {
    all[atom.code] += atom.rows;
  }
  for (const auto& atom : allowed.atoms) {
    kept[atom.code] += atom.rows;
  }
  for (std::size_t k = 0; k < coded.codes; ++k) {
    allowed.shares.push_back(kept[k] > 0.0 ? static_cast<float>(std::min(1.0, kept[k] / all[k]))
                                           : 0.0F);
  }
  const auto missing = std::ranges::find(spec.modes, Mode::Type::kMissing, &Mode::type);
  if (coded.missing && missing != spec.modes.end()) {
    const auto mode = static_cast<std::size_t>(missing - spec.modes.begin());
    allowed.shares[*coded.missing] = filter.modes[mode] != 0 ? 1.0F : 0.0F;
  }
  if (std::ranges::all_of(allowed.shares, [](float share) { return share == 0.0F; })) {
    return fail(Errc::kInvalidArgument,
                "column '" + spec.name + "': no value that the model knows meets the conditions");
  }
  return allowed;
}

nlohmann::json json_of(const CodedColumn& coded) {
  std::vector<double> first, last, rows;
  std::vector<std::uint32_t> codes;
  for (const auto& atom : coded.atoms) {
    first.push_back(atom.first);
    last.push_back(atom.last);
    rows.push_back(atom.rows);
    codes.push_back(atom.code);
  }
  nlohmann::json json{{"column", coded.column},
                      {"first", std::move(first)},
                      {"last", std::move(last)},
                      {"rows", std::move(rows)},
                      {"codes", std::move(codes)}};
  return json;
}

Result<CodedColumn> column_from_json(JsonValue json,
                                     const tabular::Encoder& encoder,
                                     std::size_t place) {
  tabular::JsonReader reader(json, "discretization[" + std::to_string(place) + "]");
  const auto column = reader.count("column", tabular::kMaxColumns);
  const auto first = reader.numbers("first", tabular::kMaxBins);
  const auto last = reader.numbers("last", tabular::kMaxBins);
  const auto rows = reader.numbers("rows", tabular::kMaxBins);
  const auto codes = reader.counts("codes", tabular::kMaxBins);
  GENESIS_RETURN_IF_ERROR(reader.status());
  const std::size_t count = first.size();
  if (column >= encoder.columns().size() || last.size() != count || rows.size() != count ||
      codes.size() != count) {
    return wrong(place, "does not fit the encoder's columns");
  }
  const auto& spec = encoder.columns()[column];
  if (!tabular::is_continuous(spec.kind)) {
    auto coded = code_modes(spec);
    coded.column = column;
    return count == 0 ? Result<CodedColumn>(std::move(coded))
                      : wrong(place, "has values of a category");
  }
  CodedColumn coded;
  coded.column = column;
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_in_order = first[i] <= last[i] && (i == 0 || last[i - 1] < first[i]);
    const bool is_inside = first[i] >= spec.minimum && last[i] <= spec.maximum;
    if (!is_in_order || !is_inside || !(rows[i] > 0.0) || codes[i] >= kMaxCodes) {
      return wrong(place, "has values that are not in order or beyond the column's bounds");
    }
    coded.atoms.push_back({first[i], last[i], rows[i], static_cast<std::uint32_t>(codes[i])});
    coded.codes = std::max(coded.codes, coded.atoms.back().code + 1);
  }
  std::vector<bool> has_values(coded.codes, false);
  for (const auto& atom : coded.atoms) {
    has_values[atom.code] = true;
  }
  if (std::ranges::find(has_values, false) != has_values.end()) {
    return wrong(place, "has a code without values");
  }
  if (std::ranges::find(spec.modes, Mode::Type::kMissing, &Mode::type) != spec.modes.end()) {
    coded.missing = coded.codes++;
  }
  return coded.codes > 0 ? Result<CodedColumn>(std::move(coded)) : wrong(place, "has no values");
}

}  // namespace

ValueDraw::ValueDraw(std::span<const Atom> atoms, std::uint32_t codes, const Step& step)
    : step_(step), atoms_(atoms.begin(), atoms.end()), begins_(codes + 1, 0) {
  std::ranges::stable_sort(atoms_, {}, &Atom::code);
  for (const auto& atom : atoms_) {
    ++begins_[atom.code + 1];
  }
  std::partial_sum(begins_.begin(), begins_.end(), begins_.begin());
  for (std::size_t i = 0; i < atoms_.size(); ++i) {
    const bool is_first = i == begins_[atoms_[i].code];
    cumulative_.push_back(atoms_[i].rows + (is_first ? 0.0 : cumulative_.back()));
  }
}

double ValueDraw::operator()(std::uint32_t code, Rng& rng) const {
  const auto begin = cumulative_.begin() + static_cast<std::ptrdiff_t>(begins_[code]);
  const auto end = cumulative_.begin() + static_cast<std::ptrdiff_t>(begins_[code + 1]);
  const double at = rng.uniform() * *std::prev(end);
  const auto found = std::min(std::upper_bound(begin, end, at), std::prev(end));
  const auto& atom = atoms_[static_cast<std::size_t>(found - cumulative_.begin())];
  if (atom.first == atom.last) {
    return atom.first;
  }
  const double size = step_.size(atom.first);
  const double value = atom.first - size / 2 + rng.uniform() * (atom.last - atom.first + size);
  return std::clamp(step_.rounded(value), atom.first, atom.last);
}

Result<Discretizer> Discretizer::fit(const tabular::Plan& plan,
                                     const tabular::Summary& total,
                                     std::size_t bins) {
  GENESIS_ASSIGN(auto encoder, tabular::fit(plan, total));
  std::vector<CodedColumn> columns;
  for (std::size_t c = 0; c < plan.columns.size(); ++c) {
    const auto& spec = encoder.columns()[c];
    if (spec.kind == tabular::Kind::kIdentifier) {
      continue;
    }
    CodedColumn coded;
    if (tabular::is_continuous(spec.kind)) {
      GENESIS_ASSIGN(coded, code_number(plan.columns[c], total.columns[c], spec, bins));
    } else {
      coded = code_modes(spec);
    }
    coded.column = c;
    columns.push_back(std::move(coded));
  }
  return Discretizer(std::move(encoder), std::move(columns));
}

Result<Discretizer> Discretizer::of(tabular::Encoder encoder, std::vector<CodedColumn> columns) {
  // As everybody will read it.
  return parse(Discretizer(std::move(encoder), std::move(columns)).text());
}

std::uint32_t Discretizer::code_of(std::size_t coded, double value) const {
  return atom_at(columns_[coded].atoms, value).code;
}

std::uint32_t code_atoms(std::vector<Atom>& atoms, std::size_t bins) {
  if (atoms.size() > std::max(bins, tabular::kFewValues)) {
    return cut(atoms, bins);
  }
  std::uint32_t next = 0;
  for (auto& atom : atoms) {
    atom.code = next++;
  }
  return next;
}

std::string Discretizer::text() const {
  auto json = tabular::to_json(encoder_);
  auto list = nlohmann::json::array();
  for (const auto& coded : columns_) {
    list.push_back(json_of(coded));
  }
  json[kDiscretization] = std::move(list);
  return dump_json(json);
}

Result<Discretizer> Discretizer::parse(std::string_view text) {
  GENESIS_ASSIGN(const auto document, parse_json(text, kLimits));
  GENESIS_ASSIGN(auto encoder, tabular::encoder_from_json(document));
  const auto list = document.root().find(kDiscretization);
  if (!list || !list->is_array()) {
    return fail(Errc::kInvalidArgument, "encoder: lacks its discretization");
  }
  std::vector<CodedColumn> columns;
  for (const JsonValue item : list->elements()) {
    const std::size_t place = columns.size();
    GENESIS_ASSIGN(auto coded, column_from_json(item, encoder, place));
    if (place > 0 && coded.column <= columns.back().column) {
      return wrong(place, "is not in the encoder's order");
    }
    columns.push_back(std::move(coded));
  }
  Discretizer discretizer(std::move(encoder), std::move(columns));
  GENESIS_RETURN_IF_ERROR(discretizer.check());
  return discretizer;
}

Status Discretizer::check() const {
  const auto learned = std::ranges::count_if(
      encoder_.columns(), [](const auto& spec) { return spec.kind != tabular::Kind::kIdentifier; });
  return static_cast<std::size_t>(learned) == columns_.size()
             ? Status()
             : fail(Errc::kInvalidArgument, "discretization: lacks a column of the encoder");
}

std::vector<std::uint32_t> Discretizer::codes() const {
  std::vector<std::uint32_t> codes;
  for (const auto& coded : columns_) {
    codes.push_back(coded.codes);
  }
  return codes;
}

std::vector<std::string> Discretizer::names() const {
  std::vector<std::string> names;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    names.push_back(spec(c).name);
  }
  return names;
}

std::vector<std::vector<double>> Discretizer::shares() const {
  std::vector<std::vector<double>> all;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::vector<double> shares(columns_[c].codes, 0.0);
    const auto& modes = spec(c).modes;
    if (tabular::is_continuous(spec(c).kind)) {
      const auto missing = std::ranges::find(modes, Mode::Type::kMissing, &Mode::type);
      const double missing_share = missing == modes.end() ? 0.0 : missing->weight;
      double rows = 0.0;
      for (const auto& atom : columns_[c].atoms) {
        shares[atom.code] += atom.rows;
        rows += atom.rows;
      }
      for (double& share : shares) {
        share *= rows > 0.0 ? (1.0 - missing_share) / rows : 0.0;
      }
      if (columns_[c].missing) {
        shares[*columns_[c].missing] = missing_share;
      }
    } else {
      std::ranges::transform(modes, shares.begin(), &Mode::weight);
    }
    all.push_back(std::move(shares));
  }
  return all;
}

Result<CodedTable> Discretizer::encode(const tabular::Table& table, const Rng& rng) const {
  GENESIS_ASSIGN(auto encoded, encoder_.encode(table, rng));
  CodedTable coded;
  coded.rows = table.rows;
  for (const auto& column : columns_) {
    const auto& about = encoder_.columns()[column.column];
    if (!tabular::is_continuous(about.kind)) {
      coded.codes.push_back(std::move(encoded.columns[column.column].mode));
      continue;
    }
    const Step step = step_of(about);
    GENESIS_ASSIGN(const auto* cells, tabular::find_column(table, about.name));
    GENESIS_ASSIGN(const auto aligned,
                   tabular::align(*cells, {about.kind, about.format, {}, true}));
    std::vector<std::uint32_t> codes;
    codes.reserve(table.rows);
    for (const double number : aligned.numbers) {
      if (!std::isnan(number) && !column.atoms.empty()) {
        const double value = std::clamp(step.rounded(number), about.minimum, about.maximum);
        codes.push_back(atom_at(column.atoms, value).code);
      } else {
        codes.push_back(column.missing.value_or(0));
      }
    }
    coded.codes.push_back(std::move(codes));
  }
  return coded;
}

Result<Discretizer::GivenCodes> Discretizer::given_codes(const tabular::Table& texts,
                                                         std::uint32_t unknown) const {
  GivenCodes all;
  all.codes.rows = texts.rows;
  std::vector<std::vector<tabular::GivenCell>> cells;
  for (const auto& about : encoder_.columns()) {
    GENESIS_ASSIGN(cells.emplace_back(), tabular::given_cells(texts, about));
    auto& given = all.given.emplace_back();
    std::ranges::transform(cells.back(), std::back_inserter(given), &tabular::GivenCell::given);
  }
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const auto& column = columns_[c];
    const auto& about = spec(c);
    const bool is_number = tabular::is_continuous(about.kind);
    const Step step = is_number ? step_of(about) : Step{};
    auto& codes = all.codes.codes.emplace_back();
    for (const auto& cell : cells[column.column]) {
      if (cell.given != tabular::Given::kUnderstood || (is_number && column.atoms.empty())) {
        codes.push_back(unknown);
      } else if (is_number) {
        const double value = std::clamp(step.rounded(cell.number), about.minimum, about.maximum);
        codes.push_back(atom_at(column.atoms, value).code);
      } else {
        codes.push_back(static_cast<std::uint32_t>(cell.mode));
      }
    }
  }
  return all;
}

std::vector<Allowed> Discretizer::values() const {
  std::vector<Allowed> all;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const auto& column = columns_[c];
    if (!column.missing || column.codes < 2) {
      continue;
    }
    Allowed values{
        .column = c, .shares = std::vector<float>(column.codes, 1.0F), .atoms = column.atoms};
    values.shares[*column.missing] = 0.0F;
    all.push_back(std::move(values));
  }
  return all;
}

tabular::Table Discretizer::decode(const CodedTable& coded,
                                   std::uint64_t seed,
                                   std::uint64_t first_row,
                                   std::span<const Allowed> allowed) const {
  // The encoder names identifiers and categories; it knows no bins, so that numbers follow.
  tabular::EncodedTable encoded;
  encoded.rows = coded.rows;
  encoded.columns.resize(encoder_.columns().size());
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    auto& cells = encoded.columns[columns_[c].column];
    if (tabular::is_continuous(spec(c).kind)) {
      cells.mode.assign(coded.rows, 0);
      cells.value.assign(coded.rows, 0.0F);
    } else {
      cells.mode = coded.codes[c];
    }
  }
  auto table = encoder_.decode(encoded, seed, first_row);
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const auto& column = columns_[c];
    if (!tabular::is_continuous(spec(c).kind)) {
      continue;
    }
    const auto asked = std::ranges::find(allowed, c, &Allowed::column);
    const ValueDraw draw(
        asked == allowed.end() ? column.atoms : asked->atoms, column.codes, step_of(spec(c)));
    Rng rng(seed, RoundId{0}, std::to_string(first_row), "values of column " + std::to_string(c));
    auto& numbers = table.columns[column.column].numbers;
    for (std::size_t row = 0; row < coded.rows; ++row) {
      const auto code = coded.codes[c][row];
      numbers[row] = code == column.missing || !draw.has_values(code)
                         ? std::numeric_limits<double>::quiet_NaN()
                         : draw(code, rng);
    }
  }
  return table;
}

Result<std::vector<Allowed>> Discretizer::allowed_by(const tabular::Where& where) const {
  std::vector<Allowed> all;
  for (const auto& filter : where.filters()) {
    const auto found = std::ranges::find(columns_, filter.column, &CodedColumn::column);
    GENESIS_CHECK(found != columns_.end(), "conditions are on columns that can be learned");
    const auto c = static_cast<std::size_t>(found - columns_.begin());
    Allowed allowed;
    if (tabular::is_continuous(spec(c).kind)) {
      GENESIS_ASSIGN(allowed, allowed_numbers(filter, *found, spec(c)));
    } else {
      for (const auto mode : filter.modes) {
        allowed.shares.push_back(mode != 0 ? 1.0F : 0.0F);
      }
    }
    allowed.column = c;
    all.push_back(std::move(allowed));
  }
  return all;
}

std::vector<std::vector<float>> site_logits(const CodedTable& coded,
                                            const std::vector<std::vector<double>>& shares) {
  constexpr double kPriorRows = 20.0;  // that have the shares of all sites
  constexpr double kLeastShare = 1e-9;
  const auto rows = static_cast<double>(coded.rows);
  std::vector<std::vector<float>> logits;
  for (std::size_t c = 0; c < shares.size(); ++c) {
    std::vector<double> counts(shares[c].size(), 0.0);
    for (const auto code : coded.codes[c]) {
      ++counts[code];
    }
    auto& column = logits.emplace_back();
    for (std::size_t k = 0; k < counts.size(); ++k) {
      const double share = std::max(shares[c][k], kLeastShare);
      const double own = (counts[k] + kPriorRows * share) / (rows + kPriorRows);
      column.push_back(static_cast<float>(std::log(own / share)));
    }
  }
  return logits;
}

std::vector<std::uint32_t> most_codes(const tabular::Layout& layout, std::size_t bins) {
  std::vector<std::uint32_t> codes;
  for (const auto& column : layout.columns) {
    if (column.modes > 0) {
      const auto numbers = std::max(bins + kBinsBesideManySpikes, tabular::kFewValues) + 1;
      codes.push_back(column.has_value ? static_cast<std::uint32_t>(numbers) : column.modes);
    }
  }
  return codes;
}

Result<std::vector<std::uint32_t>> order_of(const std::vector<std::string>& names,
                                            const std::optional<std::string>& target) {
  std::vector<std::uint32_t> order(names.size());
  std::iota(order.begin(), order.end(), 0U);
  if (!target) {
    return order;
  }
  const auto found = std::ranges::find(names, *target);
  if (found == names.end()) {
    const auto near = nearest(*target, names);
    return fail(Errc::kInvalidArgument,
                "model.target: the table has no column '" + *target + "' that can be learned" +
                    (near.empty() ? std::string() : "; did you mean '" + near + "'?"));
  }
  const auto place = found - names.begin();
  std::rotate(order.begin() + place, order.begin() + place + 1, order.end());
  return order;
}

}  // namespace genesis::autoregressive
