// From the summed counts to modes (encoder.hpp).
#include <utility>

#include "common/tabular/encoder.hpp"
#include "common/tabular/encoder_layout.hpp"
#include "common/tabular/fit_numbers.hpp"
#include "common/tabular/summary_shape.hpp"

namespace genesis::tabular {
namespace {

void add_missing(const ColumnSummary& total, double rows, EncodedColumnSpec& spec) {
  if (total.missing > 0) {
    Mode mode;
    mode.type = Mode::Type::kMissing;
    mode.weight = static_cast<double>(total.missing) / rows;
    spec.modes.push_back(mode);
  }
}

void fit_categories(const ColumnPlan& plan,
                    const ColumnSummary& total,
                    double rows,
                    EncodedColumnSpec& spec) {
  for (std::size_t i = 0; i < plan.categories.size(); ++i) {
    Mode mode;
    mode.weight = static_cast<double>(total.categories[i]) / rows;
    mode.category = plan.categories[i];
    spec.modes.push_back(std::move(mode));
  }
  if (plan.other && total.categories.back() > 0) {
    Mode mode;
    mode.type = Mode::Type::kOther;
    mode.weight = static_cast<double>(total.categories.back()) / rows;
    mode.category = plan.other_text;
    spec.modes.push_back(std::move(mode));
  }
}

}  // namespace

Result<Encoder> fit(const Plan& plan, const Summary& total) {
  GENESIS_RETURN_IF_ERROR(check_shape(total, plan));
  if (total.rows == 0) {
    return fail(Errc::kInvalidArgument, "an encoder needs at least one row");
  }
  const auto rows = static_cast<double>(total.rows);
  Encoder encoder;
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    const auto& column = plan.columns[i];
    EncodedColumnSpec spec;
    spec.name = column.name;
    spec.kind = column.kind;
    spec.precision = column.precision;
    spec.rounding = column.rounding;
    spec.format = column.format;
    spec.minimum = column.minimum;
    spec.maximum = column.maximum;
    if (is_continuous(column.kind)) {
      GENESIS_RETURN_IF_ERROR(fit_numbers(column, total.columns[i], total.rows, spec));
    } else {
      fit_categories(column, total.columns[i], rows, spec);
    }
    if (column.kind != Kind::kIdentifier) {
      add_missing(total.columns[i], rows, spec);
    }
    encoder.columns_.push_back(std::move(spec));
  }
  encoder.layout_ = layout_of(encoder.columns_);
  return encoder;
}

}  // namespace genesis::tabular
