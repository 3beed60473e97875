// JSON of what sites and aggregator exchange before an encoder exists: sketch and plan.
#include <algorithm>
#include <span>

#include <nlohmann/json.hpp>

#include "common/tabular/encoder.hpp"
#include "common/tabular/grid.hpp"
#include "common/tabular/json_reader.hpp"
#include "common/tabular/partition.hpp"

namespace genesis::tabular {
namespace {

constexpr std::uint64_t kMaxCount = std::uint64_t{1} << 53;
constexpr std::size_t kMaxFormatBytes = 64;
constexpr std::size_t kMaxOtherBytes = 1024;
constexpr std::size_t kMaxHeavyValues = 2048;  // each holds 1 in 1,024 of a site's rows
constexpr int kMostSignificant = kAllDigits;

nlohmann::json to_json(const DigitCounts& digits) {
  return {{"decimals", digits.decimals},
          {"whole", digits.whole},
          {"significant", digits.significant},
          {"full", digits.full}};
}

template <typename Array>
void read_counts(JsonReader& reader, std::string_view key, Array& array) {
  const auto counts = reader.counts(key, array.size());
  std::copy(counts.begin(), counts.end(), array.begin());
}

Result<DigitCounts> digits_from_json(JsonValue json, const std::string& path) {
  JsonReader reader(json, path);
  DigitCounts digits;
  read_counts(reader, "decimals", digits.decimals);
  read_counts(reader, "whole", digits.whole);
  read_counts(reader, "significant", digits.significant);
  digits.full = reader.count("full", kMaxCount);
  GENESIS_RETURN_IF_ERROR(reader.status());
  return digits;
}

std::string at(const char* list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

// Whether counts of rows are of no more than `most` rows together.
bool are_of(std::span<const std::uint64_t> counts, std::uint64_t most) {
  for (const auto count : counts) {
    if (count > most) {
      return false;
    }
    most -= count;
  }
  return true;
}

Status sketch_is_consistent(const ColumnSketch& column, std::uint64_t rows, JsonReader& reader) {
  const auto& extremes = column.extremes;
  const auto& heavy = column.heavy_values;
  if (!extremes.empty() && (extremes.size() != 2 || extremes[0] > extremes[1])) {
    reader.refuse("extremes", "expected none or [minimum, maximum]");
  } else if (!heavy.empty() &&
             (extremes.empty() || heavy.front() < extremes[0] || heavy.back() > extremes[1])) {
    reader.refuse("heavyValues", "expected values between the extremes");
  } else if (heavy.size() != column.heavy_counts.size()) {
    reader.refuse("heavyCounts", "expected one count a value");
  }
  if (is_continuous(column.kind) ? !column.categories.empty() : !extremes.empty()) {
    reader.refuse("kind", "does not go with the fields that are filled");
  }
  if (column.kind == Kind::kDatetime && !step_of(column.kind, {}, column.format)) {
    reader.refuse("format", "is not a date format");
  }
  if (!are_cuts(column.edges)) {
    reader.refuse("edges", "expected cuts of the grid, each in the middle of a cell");
  }
  if (column.missing > rows) {
    reader.refuse("missing", "is more than the rows");
    return reader.status();
  }
  const std::uint64_t present = rows - column.missing;
  const auto& digits = column.digits;
  if (!are_of(column.heavy_counts, present)) {
    reader.refuse("heavyCounts", "are of more rows than there are");
  }
  if (!are_of(digits.decimals, present) || !are_of(digits.whole, present) ||
      !are_of(digits.significant, present) || digits.full > present) {
    reader.refuse("digits", "are of more rows than there are");
  }
  return reader.status();
}

Result<ColumnSketch> column_sketch_from_json(JsonValue json,
                                             std::uint64_t rows,
                                             const std::string& path) {
  JsonReader reader(json, path);
  ColumnSketch column;
  column.name = reader.text("name", kMaxNameBytes);
  column.kind = reader.kind("kind");
  column.declared = reader.flag("declared");
  column.precision = reader.small("precision", kMaxPrecision);
  column.format = reader.text("format", kMaxFormatBytes);
  column.missing = reader.count("missing", kMaxCount);
  column.extremes = reader.numbers("extremes", 2);
  column.edges = reader.sorted_numbers("edges", kMaxBins);
  column.heavy_values = reader.sorted_numbers("heavyValues", kMaxHeavyValues);
  column.heavy_counts = reader.counts("heavyCounts", kMaxHeavyValues);
  column.few_values = reader.flag("fewValues");
  column.categories = reader.sorted_texts("categories", kMaxCategories + 1);
  const auto digits = json.find("digits");
  if (!digits) {
    reader.refuse("digits", "is missing");
  }
  GENESIS_RETURN_IF_ERROR(reader.status());
  GENESIS_ASSIGN(column.digits, digits_from_json(*digits, path + ".digits"));
  GENESIS_RETURN_IF_ERROR(sketch_is_consistent(column, rows, reader));
  return column;
}

Result<ColumnPlan> column_plan_from_json(JsonValue json, const std::string& path) {
  JsonReader reader(json, path);
  ColumnPlan column;
  column.name = reader.text("name", kMaxNameBytes);
  column.kind = reader.kind("kind");
  column.precision = reader.small("precision", kMaxPrecision);
  column.rounding.decimals = reader.small("resolution", kMaxPrecision);
  column.rounding.significant = reader.small("significant", kMostSignificant);
  column.format = reader.text("format", kMaxFormatBytes);
  column.minimum = reader.number("minimum");
  column.maximum = reader.number("maximum");
  column.few_values = reader.flag("fewValues");
  column.edges = reader.sorted_numbers("edges", kMaxBins);
  column.values = reader.sorted_numbers("values", kFewValues);
  column.most_exact = reader.count("mostExact", kMaxExactModes);
  column.categories = reader.sorted_texts("categories", kMaxCategories);
  column.other = reader.flag("other");
  column.other_text = reader.text("otherText", kMaxOtherBytes);
  GENESIS_RETURN_IF_ERROR(reader.status());
  const auto& values = column.values;
  if (column.minimum > column.maximum) {
    reader.refuse("minimum", "is above the maximum");
  }
  if (!values.empty() && (values.front() < column.minimum || values.back() > column.maximum)) {
    reader.refuse("values", "expected values of the domain");
  }
  if (is_continuous(column.kind) ? !column.categories.empty() || column.other
                                 : column.few_values || !column.edges.empty() || !values.empty()) {
    reader.refuse("kind", "does not go with the fields that are filled");
  }
  if (column.few_values ? !column.edges.empty() : !values.empty()) {
    reader.refuse("fewValues", "expected values where it is true, edges where it is not");
  }
  if (column.most_exact < values.size()) {
    reader.refuse("mostExact", "is less than the values");
  }
  if (!are_cuts(column.edges)) {
    reader.refuse("edges", "expected cuts of the grid, each in the middle of a cell");
  }
  if (column.kind == Kind::kIdentifier && !is_pattern(column.format)) {
    reader.refuse("format", "is not a pattern of identifiers");
  } else if (!step_of(column.kind, column.rounding, column.format)) {
    reader.refuse("format", "is not a date format");
  }
  GENESIS_RETURN_IF_ERROR(reader.status());
  return column;
}

}  // namespace

nlohmann::json to_json(const Sketch& sketch) {
  auto columns = nlohmann::json::array();
  for (const auto& column : sketch.columns) {
    columns.push_back({{"name", column.name},
                       {"kind", to_string(column.kind)},
                       {"declared", column.declared},
                       {"precision", column.precision},
                       {"digits", to_json(column.digits)},
                       {"format", column.format},
                       {"missing", column.missing},
                       {"extremes", column.extremes},
                       {"edges", column.edges},
                       {"heavyValues", column.heavy_values},
                       {"heavyCounts", column.heavy_counts},
                       {"fewValues", column.few_values},
                       {"categories", column.categories}});
  }
  return {{"rows", sketch.rows}, {"columns", std::move(columns)}};
}

nlohmann::json to_json(const Plan& plan) {
  auto columns = nlohmann::json::array();
  for (const auto& column : plan.columns) {
    columns.push_back({{"name", column.name},
                       {"kind", to_string(column.kind)},
                       {"precision", column.precision},
                       {"resolution", column.rounding.decimals},
                       {"significant", column.rounding.significant},
                       {"format", column.format},
                       {"minimum", column.minimum},
                       {"maximum", column.maximum},
                       {"fewValues", column.few_values},
                       {"edges", column.edges},
                       {"values", column.values},
                       {"mostExact", column.most_exact},
                       {"categories", column.categories},
                       {"other", column.other},
                       {"otherText", column.other_text}});
  }
  return {{"columns", std::move(columns)}};
}

Result<Sketch> sketch_from_json(JsonValue json) {
  JsonReader reader(json, "sketch");
  Sketch sketch;
  sketch.rows = reader.count("rows", kMaxCount);
  for (const JsonValue column : reader.array("columns", kMaxColumns)) {
    GENESIS_ASSIGN(
        auto parsed,
        column_sketch_from_json(column, sketch.rows, at("sketch.columns", sketch.columns.size())));
    sketch.columns.push_back(std::move(parsed));
  }
  GENESIS_RETURN_IF_ERROR(reader.status());
  GENESIS_RETURN_IF_ERROR(check_names(sketch.columns, "sketch.columns"));
  return sketch;
}

Result<Plan> plan_from_json(JsonValue json) {
  JsonReader reader(json, "plan");
  Plan plan;
  for (const JsonValue column : reader.array("columns", kMaxColumns)) {
    GENESIS_ASSIGN(auto parsed,
                   column_plan_from_json(column, at("plan.columns", plan.columns.size())));
    plan.columns.push_back(std::move(parsed));
  }
  GENESIS_RETURN_IF_ERROR(reader.status());
  GENESIS_RETURN_IF_ERROR(check_names(plan.columns, "plan.columns"));
  return plan;
}

}  // namespace genesis::tabular
