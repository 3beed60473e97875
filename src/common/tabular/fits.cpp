#include "common/tabular/fits.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "common/base/text.hpp"
#include "common/tabular/cell.hpp"
#include "common/tabular/datetime.hpp"
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

Status check_numbers(const ColumnSketch& sketch,
                     std::uint64_t rows,
                     const EncodedColumnSpec& spec) {
  if (!is_continuous(sketch.kind)) {
    const bool is_empty = sketch.kind != Kind::kIdentifier && sketch.missing == rows;
    return is_empty ? Status() : Status(other_kind(sketch, spec));
  }
  const bool widened = sketch.kind == Kind::kInteger && spec.kind == Kind::kDecimal;
  if (sketch.kind != spec.kind && !widened) {
    return other_kind(sketch, spec);
  }
  if (spec.kind == Kind::kDatetime && sketch.format != spec.format) {
    GENESIS_ASSIGN(const auto here, DatetimeFormat::parse(sketch.format));
    GENESIS_ASSIGN(const auto agreed, DatetimeFormat::parse(spec.format));
    if (!here.agrees_with(agreed)) {
      return misfit(
          spec.name,
          "has the format " + sketch.format + " here and " + spec.format + " at the other sites");
    }
  }
  const bool knows_values =
      has_mode(spec, Mode::Type::kGaussian) || has_mode(spec, Mode::Type::kExact);
  return knows_values || sketch.extremes.empty()
             ? Status()
             : Status(misfit(spec.name, "has values, and no other site has any"));
}

Status check_categories(const ColumnSketch& sketch, const EncodedColumnSpec& spec) {
  const bool is_bit = spec.kind == Kind::kBoolean && are_bits(sketch);
  const bool is_text = sketch.kind == Kind::kCategory || sketch.kind == Kind::kBoolean;
  return is_bit || is_text ? Status() : Status(other_kind(sketch, spec));
}

// A category that the encoder does not know, or nothing.
const std::string* unknown_category(const ColumnSketch& sketch, const EncodedColumnSpec& spec) {
  const auto is_known = [&](const std::string& category) {
    return std::ranges::any_of(spec.modes, [&](const Mode& mode) {
      return mode.type == Mode::Type::kCategory &&
             (mode.category == category ||
              (truth(category) && truth(mode.category) == truth(category)));
    });
  };
  const auto unknown = std::ranges::find_if_not(sketch.categories, is_known);
  return unknown == sketch.categories.end() ? nullptr : &*unknown;
}

Status check_column(const ColumnSketch& sketch, std::uint64_t rows, const EncodedColumnSpec& spec) {
  if (spec.kind == Kind::kIdentifier) {
    return {};
  }
  GENESIS_RETURN_IF_ERROR(is_continuous(spec.kind) ? check_numbers(sketch, rows, spec)
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
    GENESIS_RETURN_IF_ERROR(check_column(*column, sketch.rows, spec));
  }
  for (const auto& column : sketch.columns) {
    if (std::ranges::find(agreed, column.name) == agreed.end()) {
      return misfit(column.name, "is at no other site");
    }
  }
  return {};
}

std::vector<std::string> moved_columns(const Table& table,
                                       const Sketch& sketch,
                                       const Encoder& encoder) {
  constexpr std::size_t kFewestRows = 5;
  std::vector<std::string> moved;
  for (const auto& spec : encoder.columns()) {
    const auto column =
        std::ranges::find(sketch.columns, spec.name, [](const auto& c) { return c.name; });
    const auto step = step_of(spec.kind, spec.rounding, spec.format);
    if (column == sketch.columns.end() || spec.kind == Kind::kIdentifier || !step) {
      continue;
    }
    if (!is_continuous(spec.kind)) {
      if (const auto* const unknown = unknown_category(*column, spec)) {
        moved.push_back("column '" + spec.name + "': " + in_quotes(*unknown) +
                        (has_mode(spec, Mode::Type::kOther)
                             ? " is a category that no other site has: it counts as other"
                             : " is a category that no other site has: its rows are spread over "
                               "the known ones"));
      }
      continue;
    }
    const auto numbers =
        std::ranges::find(table.columns, spec.name, [](const auto& c) { return c.name; });
    if (numbers == table.columns.end()) {
      continue;
    }
    const auto count = [&](const auto& is_odd) {
      return static_cast<std::size_t>(std::ranges::count_if(numbers->numbers, [&](double value) {
        return !std::isnan(value) && is_odd(step->rounded(value));
      }));
    };
    if (!has_mode(spec, Mode::Type::kGaussian)) {  // learnt value by value
      const std::size_t unknown = count([&](double x) {
        return std::ranges::none_of(spec.modes, [&](const Mode& mode) {
          return mode.type == Mode::Type::kExact && mode.mean == x;
        });
      });
      if (unknown >= kFewestRows) {
        moved.push_back("column '" + spec.name + "': values that no other site has, in " +
                        std::to_string(unknown) + " rows, are taken as the nearest that one has");
      }
      continue;
    }
    const std::size_t outside =
        count([&](double x) { return x < spec.minimum || x > spec.maximum; });
    // What a site tells as its bounds leaves a few of its own rows out.
    const bool reaches_out = std::ranges::any_of(column->extremes, [&](double value) {
      const double x = step->rounded(value);
      return x < spec.minimum || x > spec.maximum;
    });
    if (reaches_out && outside >= kFewestRows) {
      moved.push_back("column '" + spec.name +
                      "': values beyond the bounds that the sites agreed "
                      "on, in " +
                      std::to_string(outside) + " rows, are taken as the bounds");
    }
  }
  return moved;
}

}  // namespace genesis::tabular
