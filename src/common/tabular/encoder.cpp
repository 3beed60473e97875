#include "common/tabular/encoder.hpp"

#include <algorithm>
#include <cmath>

#include "common/tabular/align.hpp"
#include "common/tabular/encoder_layout.hpp"
#include "common/tabular/grid.hpp"
#include "common/tabular/mixture.hpp"
#include "common/tabular/partition.hpp"

namespace genesis::tabular {
namespace {

constexpr double kClip = 0.99;

bool is_missing(const Mode& mode) {
  return mode.type == Mode::Type::kMissing;
}
bool is_gaussian(const Mode& mode) {
  return mode.type == Mode::Type::kGaussian;
}

constexpr std::uint32_t kNoMode = kMissingCode;

std::uint32_t missing_mode(const EncodedColumnSpec& spec) {
  const bool has_one = !spec.modes.empty() && is_missing(spec.modes.back());
  return has_one ? static_cast<std::uint32_t>(spec.modes.size() - 1) : kNoMode;
}

tl::unexpected<Error> bad_cell(const EncodedColumnSpec& spec,
                               std::size_t row,
                               std::string_view what) {
  return fail(Errc::kInvalidArgument,
              "column '" + spec.name + "', row " + std::to_string(row + 1) + ": " +
                  std::string(what) + "; the data changed after the sites agreed on an encoding");
}

// One continuous column's modes, laid out for the loop over its rows. Modes are exact values first,
// then Gaussians.
class NumberEncoder {
 public:
  NumberEncoder(const EncodedColumnSpec& spec, Step step)
      : spec_(spec), step_(step), missing_(missing_mode(spec)) {
    for (const auto& mode : spec.modes) {
      if (mode.type == Mode::Type::kExact) {
        exact_.push_back(mode.mean);
      } else if (is_gaussian(mode)) {
        means_.push_back(mode.mean);
        inverse_.push_back(1.0 / mode.deviation);
        factors_.push_back(mode.weight / mode.deviation);
      }
    }
  }

  Status encode(std::span<const double> numbers, Rng& rng, EncodedColumn& out) const {
    out.mode.resize(numbers.size());
    out.value.resize(means_.empty() ? 0 : numbers.size());
    for (std::size_t row = 0; row < numbers.size(); ++row) {
      if (std::isnan(numbers[row])) {
        if (missing_ == kNoMode) {
          return bad_cell(spec_, row, "no value, but no site had missing values");
        }
        out.mode[row] = missing_;
        continue;
      }
      // A site that comes late may have values beyond the agreed domain: they are its nearest.
      const double x = std::clamp(step_.rounded(numbers[row]), spec_.minimum, spec_.maximum);
      const std::size_t near = exact_.empty() ? 0 : nearest_of(exact_, x);
      if (!exact_.empty() && (exact_[near] == x || means_.empty())) {
        out.mode[row] = static_cast<std::uint32_t>(near);
        continue;
      }
      if (means_.empty()) {
        return bad_cell(spec_, row, "a value, but no site had any");
      }
      const std::size_t k = draw_mode(spec_.scale.forward(x), rng);
      // Within the last digit, with a margin so that float32 rounds back to the same digit.
      constexpr double kSpread = 0.9;
      const double spread = x + (rng.uniform() - 0.5) * kSpread * step_.size(x);
      const double scalar = (spec_.scale.forward(spread) - means_[k]) * inverse_[k] / kScalarWidth;
      out.mode[row] = static_cast<std::uint32_t>(exact_.size() + k);
      out.value[row] = static_cast<float>(std::clamp(scalar, -kClip, kClip));
    }
    return {};
  }

 private:
  // From the responsibilities of the Gaussian modes for a position on the scale; the nearest where
  // all are zero.
  [[nodiscard]] std::size_t draw_mode(double position, Rng& rng) const {
    if (means_.size() == 1) {
      return 0;
    }
    std::vector<double>& cumulative = scratch_;
    cumulative.resize(means_.size());
    double sum = 0.0;
    std::size_t nearest_mode = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < means_.size(); ++k) {
      const double z = (position - means_[k]) * inverse_[k];
      sum += factors_[k] * std::exp(-0.5 * z * z);
      cumulative[k] = sum;
      if (std::abs(z) < least) {
        least = std::abs(z);
        nearest_mode = k;
      }
    }
    const double drawn = rng.uniform() * sum;
    const auto at = std::upper_bound(cumulative.begin(), cumulative.end(), drawn);
    return at == cumulative.end() ? nearest_mode
                                  : static_cast<std::size_t>(at - cumulative.begin());
  }

  const EncodedColumnSpec& spec_;  // outlives this
  Step step_;
  std::uint32_t missing_;
  std::vector<double> exact_;
  std::vector<double> means_;
  std::vector<double> inverse_;
  std::vector<double> factors_;
  mutable std::vector<double> scratch_;
};

bool has_other(const EncodedColumnSpec& spec) {
  return std::any_of(spec.modes.begin(), spec.modes.end(), [](const Mode& mode) {
    return mode.type == Mode::Type::kOther;
  });
}

// `codes` are below `domain`, or `domain` for other text. Where no site had other text, that of one
// that comes late takes a category, drawn by the shares.
Status encode_codes(const EncodedColumnSpec& spec,
                    const std::vector<std::uint32_t>& codes,
                    std::uint32_t domain,
                    Rng& rng,
                    EncodedColumn& out) {
  const std::uint32_t missing = missing_mode(spec);
  const bool keeps_other = has_other(spec);
  const CategoryDraw draw(spec);
  out.mode.resize(codes.size());
  for (std::size_t row = 0; row < codes.size(); ++row) {
    if (codes[row] == domain && !keeps_other) {
      out.mode[row] = draw(rng.uniform()).value_or(missing);
    } else {
      out.mode[row] = codes[row] == kMissingCode ? missing : codes[row];
    }
    if (out.mode[row] == kNoMode) {
      return bad_cell(spec, row, "no value, but no site had missing values");
    }
  }
  return {};
}

std::vector<std::string> domain_of(const EncodedColumnSpec& spec) {
  std::vector<std::string> domain;
  for (const auto& mode : spec.modes) {
    if (mode.type == Mode::Type::kCategory) {
      domain.push_back(mode.category);
    }
  }
  return domain;
}

}  // namespace

CategoryDraw::CategoryDraw(const EncodedColumnSpec& spec) {
  for (const auto& mode : spec.modes) {
    if (mode.type == Mode::Type::kCategory) {
      sum_ += mode.weight;
      cumulative_.push_back(sum_);
    }
  }
}

std::optional<std::uint32_t> CategoryDraw::operator()(double uniform) const {
  if (!(sum_ > 0.0)) {
    return std::nullopt;
  }
  const auto at = std::upper_bound(cumulative_.begin(), cumulative_.end(), uniform * sum_);
  const auto last = cumulative_.end() - 1;
  return static_cast<std::uint32_t>(std::min(at, last) - cumulative_.begin());
}

Layout layout_of(std::span<const EncodedColumnSpec> columns) {
  Layout layout;
  for (const auto& spec : columns) {
    ColumnLayout column;
    column.name = spec.name;
    column.modes = static_cast<std::uint32_t>(spec.modes.size());
    column.has_value = std::any_of(spec.modes.begin(), spec.modes.end(), is_gaussian);
    column.conditional = !is_continuous(spec.kind) && spec.modes.size() >= 2;
    for (const auto& mode : spec.modes) {
      if (mode.type == Mode::Type::kMissing) {
        column.missing = static_cast<std::uint32_t>(column.frequencies.size());
      }
      column.frequencies.push_back(mode.weight);
      if (column.has_value) {
        column.mode_has_value.push_back(is_gaussian(mode) ? 1 : 0);
      }
    }
    layout.columns.push_back(std::move(column));
  }
  return layout;
}

Result<EncodedTable> Encoder::encode(const Table& table, Rng rng) const {
  EncodedTable encoded;
  encoded.rows = table.rows;
  for (const auto& spec : columns_) {
    EncodedColumn out;
    GENESIS_ASSIGN(const Column* column, find_column(table, spec.name));
    const auto domain = domain_of(spec);
    GENESIS_ASSIGN(const auto aligned, align(*column, {spec.kind, spec.format, domain, true}));
    if (is_continuous(spec.kind)) {
      GENESIS_ASSIGN(const Step step, step_of(spec.kind, spec.rounding, spec.format));
      GENESIS_RETURN_IF_ERROR(NumberEncoder(spec, step).encode(aligned.numbers, rng, out));
    } else {
      GENESIS_RETURN_IF_ERROR(
          encode_codes(spec, aligned.codes, static_cast<std::uint32_t>(domain.size()), rng, out));
    }
    encoded.columns.push_back(std::move(out));
  }
  return encoded;
}

}  // namespace genesis::tabular
