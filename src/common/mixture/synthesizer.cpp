#include "common/mixture/synthesizer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "common/mixture/sampler.hpp"
#include "common/tabular/where.hpp"

namespace genesis::mixture {
namespace {

static_assert(Sampler::kBlockRows == method::Synthesizer::kBlockRows);

// What `where` reads of a column: its domain, as one mode that any number may come from.
tabular::EncodedColumnSpec spec_of(const Column& column, bool has_missing) {
  tabular::EncodedColumnSpec spec;
  spec.name = column.name;
  spec.kind = column.kind;
  if (!column.is_counted()) {
    return spec;
  }
  if (column.is_number()) {
    spec.precision = column.precision;
    spec.rounding.decimals = column.precision;
    spec.format = column.format;
    spec.minimum = column.minimum;
    spec.maximum = value_of(column, column.units - 1);
    tabular::Mode mode;
    mode.type = tabular::Mode::Type::kGaussian;
    mode.mean = spec.minimum + (spec.maximum - spec.minimum) / 2.0;
    mode.deviation = spec.maximum - spec.minimum;
    spec.modes.push_back(mode);
  }
  for (const auto& category : column.categories) {
    tabular::Mode mode;
    mode.type = tabular::Mode::Type::kCategory;
    mode.category = category;
    spec.modes.push_back(std::move(mode));
  }
  if (has_missing) {
    tabular::Mode mode;
    mode.type = tabular::Mode::Type::kMissing;
    spec.modes.push_back(mode);
  }
  return spec;
}

// The first unit whose value is at least `bound`; column.units where there is none.
std::uint64_t first_at_least(const Column& column, double bound) {
  const double place = (bound - column.minimum) / column.step;
  if (!(place > 0.0)) {
    return 0;
  }
  auto unit = place < static_cast<double>(column.units)
                  ? static_cast<std::uint64_t>(std::floor(place))
                  : column.units;
  while (unit > 0 && value_of(column, unit - 1) >= bound) {
    --unit;
  }
  while (unit < column.units && value_of(column, unit) < bound) {
    ++unit;
  }
  return unit;
}

// The unit whose value is `number`, or the nearest below it in the domain.
std::uint64_t unit_near(const Column& column, double number) {
  const double place = std::round((number - column.minimum) / column.step);
  return static_cast<std::uint64_t>(std::clamp(place, 0.0, static_cast<double>(column.units - 1)));
}

Allowed allowed_by(const tabular::ColumnFilter& filter,
                   const Column& column,
                   const tabular::EncodedColumnSpec& spec) {
  Allowed allowed;
  allowed.column = filter.column;
  for (std::size_t k = 0; k < spec.modes.size(); ++k) {
    if (filter.modes[k] == 0) {
      continue;
    }
    switch (spec.modes[k].type) {
      case tabular::Mode::Type::kMissing:
        allowed.missing = true;
        break;
      case tabular::Mode::Type::kGaussian:
        for (const auto& interval : filter.intervals) {
          const auto first = first_at_least(column, interval.low);
          const auto end = first_at_least(
              column, std::nextafter(interval.high, std::numeric_limits<double>::infinity()));
          if (first < end) {
            allowed.units.emplace_back(first, end - 1);
          }
        }
        break;
      default:
        allowed.units.emplace_back(k, k);
    }
  }
  return allowed;
}

class Synthesizer final : public method::Synthesizer {
 public:
  explicit Synthesizer(Sampler sampler) : sampler_(std::move(sampler)) {
    for (std::size_t c = 0; c < sampler_.schema().size(); ++c) {
      columns_.push_back(spec_of(sampler_.schema()[c], sampler_.has_missing(c)));
    }
  }

  Result<tabular::Table> block(std::uint64_t seed,
                               std::uint64_t block,
                               std::size_t rows,
                               std::span<const std::string> conditions) const override {
    tabular::Where where;
    for (const auto& condition : conditions) {
      GENESIS_RETURN_IF_ERROR(where.add(condition, columns_));
    }
    std::vector<Allowed> all;
    for (const auto& filter : where.filters()) {
      all.push_back(allowed_by(filter, sampler_.schema()[filter.column], columns_[filter.column]));
    }
    return sampler_.block(seed, block, rows, all);
  }

  Result<std::vector<std::string>> categories(std::string_view column) const override {
    return tabular::categories_of(column, columns_);
  }

  Result<method::Completed> complete(std::uint64_t seed,
                                     std::uint64_t block,
                                     const tabular::Table& texts,
                                     method::Draw draw) const override {
    std::vector<std::vector<std::uint64_t>> known;
    std::vector<std::vector<tabular::Given>> given;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const auto& column = sampler_.schema()[c];
      GENESIS_ASSIGN(const auto cells, tabular::given_cells(texts, columns_[c]));
      known.emplace_back();
      given.emplace_back();
      for (const auto& cell : cells) {
        given.back().push_back(cell.given);
        const bool is_known = cell.given == tabular::Given::kUnderstood && column.is_counted();
        const auto unknown = cell.given == tabular::Given::kForeign ? Sampler::kSomeUnit : kNoUnit;
        known.back().push_back(!is_known            ? unknown
                               : column.is_number() ? unit_near(column, cell.number)
                                                    : cell.mode);
      }
    }
    return method::Completed{
        sampler_.complete(seed, block, std::move(known), draw == method::Draw::kValues),
        std::move(given)};
  }

 private:
  Sampler sampler_;
  std::vector<tabular::EncodedColumnSpec> columns_;  // as conditions read them
};

}  // namespace

Result<std::unique_ptr<method::Synthesizer>> open_model(const wire::ModelFile& file) {
  GENESIS_ASSIGN(auto model, from_file(file));
  return std::make_unique<Synthesizer>(Sampler(std::move(model)));
}

}  // namespace genesis::mixture
