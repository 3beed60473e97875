#include "common/tabular/fits.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "common/base/text.hpp"
#include "common/tabular/cell.hpp"
#include "common/tabular/grid.hpp"

namespace genesis::tabular {
namespace {

tl::unexpected<Error> misfit(const std::string& column, const std::string& what) {
  return fail(Errc::kInvalidArgument,
              "column '" + column + "': " + what +
                  "; the other sites have agreed on an encoding without it: correct the data, or "
                  "start the training anew with this site");
}

tl::unexpected<Error> other_kind(const ColumnSketch& sketch, const EncodedColumnSpec& spec) {
  return misfit(spec.name,
                "is " + std::string(to_string(sketch.kind)) + " here and " +
                    std::string(to_string(spec.kind)) + " at the other sites");
}

bool has_mode(const EncodedColumnSpec& spec, Mode::Type type) {
  return std::ranges::any_of(spec.modes, [&](const Mode& mode) { return mode.type == type; });
}

Status check_numbers(const ColumnSketch& sketch, const EncodedColumnSpec& spec) {
  if (!is_continuous(sketch.kind)) {
    const bool is_empty = sketch.kind != Kind::kIdentifier && is_blank(sketch.categories);
    return is_empty ? Status() : Status(other_kind(sketch, spec));
  }
  const bool widened = sketch.kind == Kind::kInteger && spec.kind == Kind::kDecimal;
  if (sketch.kind != spec.kind && !widened) {
    return other_kind(sketch, spec);
  }
  if (spec.kind == Kind::kDatetime && sketch.format != spec.format) {
    return misfit(
        spec.name,
        "has the format " + sketch.format + " here and " + spec.format + " at the other sites");
  }
  const bool knows_values =
      has_mode(spec, Mode::Type::kGaussian) || has_mode(spec, Mode::Type::kExact);
  return knows_values || sketch.extremes.empty()
             ? Status()
             : Status(misfit(spec.name, "has values, and no other site has any"));
}

Status check_categories(const ColumnSketch& sketch, const EncodedColumnSpec& spec) {
  if (sketch.kind != Kind::kCategory && sketch.kind != Kind::kBoolean) {
    return other_kind(sketch, spec);
  }
  std::vector<std::string> domain;
  for (const auto& mode : spec.modes) {
    if (mode.type == Mode::Type::kCategory) {
      domain.push_back(mode.category);
    }
  }
  for (const auto& category : sketch.categories) {
    if (!std::ranges::binary_search(domain, category)) {
      return misfit(spec.name, in_quotes(category) + " is not one of the agreed categories");
    }
  }
  return {};
}

Status check_column(const ColumnSketch& sketch, const EncodedColumnSpec& spec) {
  if (spec.kind == Kind::kIdentifier) {
    return is_continuous(sketch.kind) ? Status(other_kind(sketch, spec)) : Status();
  }
  GENESIS_RETURN_IF_ERROR(is_continuous(spec.kind) ? check_numbers(sketch, spec)
                                                   : check_categories(sketch, spec));
  if (sketch.missing > 0 && !has_mode(spec, Mode::Type::kMissing)) {
    return misfit(spec.name, "lacks values in some rows, and at no other site");
  }
  return {};
}

}  // namespace

Status check_fits(const Sketch& sketch, const Encoder& encoder) {
  std::vector<std::string> agreed;
  for (const auto& spec : encoder.columns()) {
    agreed.push_back(spec.name);
    const auto column =
        std::ranges::find(sketch.columns, spec.name, [](const auto& c) { return c.name; });
    if (column == sketch.columns.end()) {
      return misfit(spec.name, "is missing");
    }
    GENESIS_RETURN_IF_ERROR(check_column(*column, spec));
  }
  for (const auto& column : sketch.columns) {
    if (std::ranges::find(agreed, column.name) == agreed.end()) {
      return misfit(column.name, "is at no other site");
    }
  }
  return {};
}

std::vector<std::string> moved_columns(const Sketch& sketch, const Encoder& encoder) {
  std::vector<std::string> moved;
  for (const auto& spec : encoder.columns()) {
    const auto column =
        std::ranges::find(sketch.columns, spec.name, [](const auto& c) { return c.name; });
    const auto step = step_of(spec.kind, spec.rounding, spec.format);
    if (column == sketch.columns.end() || !is_continuous(spec.kind) || !step) {
      continue;
    }
    const auto is_unknown = [&](double value) {
      const double x = step->rounded(value);
      return std::ranges::none_of(spec.modes, [&](const Mode& mode) {
        return mode.type == Mode::Type::kExact && mode.mean == x;
      });
    };
    if (!has_mode(spec, Mode::Type::kGaussian)) {  // learnt value by value
      if (!column->few_values || std::ranges::any_of(column->heavy_values, is_unknown)) {
        moved.push_back("column '" + spec.name +
                        "': values that no other site has are taken as the nearest that one has");
      }
      continue;
    }
    const auto is_outside = [&](double value) {
      const double x = step->rounded(value);
      return x < spec.minimum || x > spec.maximum;
    };
    if (std::ranges::any_of(column->extremes, is_outside)) {
      moved.push_back(
          "column '" + spec.name +
          "': values beyond the bounds that the sites agreed on are taken as the bounds");
    }
  }
  return moved;
}

}  // namespace genesis::tabular
