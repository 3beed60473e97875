// JSON of what sites and aggregator exchange before an encoder exists: sketch, plan, summary.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/tabular/encoder.hpp"
#include "common/tabular/grid.hpp"
#include "common/tabular/json_reader.hpp"

namespace genesis::tabular {
namespace {

constexpr std::uint64_t kMaxCount = std::uint64_t{1} << 53;
constexpr std::size_t kMaxFormatBytes = 64;
// At most kSpikeRows heavy values hold 1 in kSpikeRows rows each.
constexpr std::size_t kMaxHeavyValues = kSpikeRows + kFewValues;
constexpr std::size_t kMaxOtherBytes = 1024;
constexpr std::size_t kMaxCandidates = std::size_t{1} << 16;

std::string at(const char* list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

Status sketch_is_consistent(const ColumnSketch& column, std::uint64_t rows, JsonReader& reader) {
  const auto& extremes = column.extremes;
  const auto& heavy = column.heavy_values;
  if (!extremes.empty() && (extremes.size() != 2 || extremes[0] > extremes[1])) {
    reader.refuse("extremes", "expected none or [minimum, maximum]");
  } else if (!heavy.empty() &&
             (extremes.empty() || heavy.front() < extremes[0] || heavy.back() > extremes[1])) {
    reader.refuse("heavyValues", "expected values between the extremes");
  }
  if (is_continuous(column.kind) ? !column.categories.empty() : !extremes.empty()) {
    reader.refuse("kind", "does not go with the fields that are filled");
  }
  if (column.kind == Kind::kDatetime && !step_of(column.kind, 0, column.format)) {
    reader.refuse("format", "is not a date format");
  }
  if (column.resolution > column.precision) {
    reader.refuse("resolution", "is above the precision");
  }
  if (column.missing > rows) {
    reader.refuse("missing", "is more than the rows");
  }
  return reader.status();
}

Result<ColumnSketch> column_sketch_from_json(const nlohmann::json& json,
                                             std::uint64_t rows,
                                             const std::string& path) {
  JsonReader reader(json, path);
  ColumnSketch column;
  column.name = reader.text("name", kMaxNameBytes);
  column.kind = reader.kind("kind");
  column.declared = reader.flag("declared");
  column.precision = reader.small("precision", kMaxPrecision);
  column.resolution = reader.small("resolution", kMaxPrecision);
  column.format = reader.text("format", kMaxFormatBytes);
  column.missing = reader.count("missing", kMaxCount);
  column.extremes = reader.numbers("extremes", 2);
  column.heavy_values = reader.sorted_numbers("heavyValues", kMaxHeavyValues);
  column.few_values = reader.flag("fewValues");
  column.categories = reader.sorted_texts("categories", kMaxCategories + 1);
  GENESIS_RETURN_IF_ERROR(reader.status());
  GENESIS_RETURN_IF_ERROR(sketch_is_consistent(column, rows, reader));
  return column;
}

Result<ColumnPlan> column_plan_from_json(const nlohmann::json& json, const std::string& path) {
  JsonReader reader(json, path);
  ColumnPlan column;
  column.name = reader.text("name", kMaxNameBytes);
  column.kind = reader.kind("kind");
  column.precision = reader.small("precision", kMaxPrecision);
  column.resolution = reader.small("resolution", kMaxPrecision);
  column.format = reader.text("format", kMaxFormatBytes);
  column.minimum = reader.number("minimum");
  column.maximum = reader.number("maximum");
  column.bins = static_cast<std::uint32_t>(reader.count("bins", kMaxBins));
  column.candidates = reader.sorted_numbers("candidates", kMaxCandidates);
  column.categories = reader.sorted_texts("categories", kMaxCategories);
  column.other = reader.flag("other");
  column.other_text = reader.text("otherText", kMaxOtherBytes);
  GENESIS_RETURN_IF_ERROR(reader.status());
  const auto& candidates = column.candidates;
  if (column.minimum > column.maximum) {
    reader.refuse("minimum", "is above the maximum");
  }
  if (!candidates.empty() &&
      (candidates.front() < column.minimum || candidates.back() > column.maximum)) {
    reader.refuse("candidates", "expected values of the domain");
  }
  if (is_continuous(column.kind) ? !column.categories.empty() || column.other
                                 : column.bins > 0 || !candidates.empty()) {
    reader.refuse("kind", "does not go with the fields that are filled");
  }
  const auto step = step_of(column.kind, column.resolution, column.format);
  if (!step) {
    reader.refuse("format", "is not a date format");
  } else if (column.bins > 0 && column.bins != Grid(column.minimum, column.maximum, *step).bins()) {
    reader.refuse("bins", "is not the number that the domain needs");
  }
  GENESIS_RETURN_IF_ERROR(reader.status());
  return column;
}

Result<ColumnSummary> column_summary_from_json(const nlohmann::json& json,
                                               const std::string& path) {
  JsonReader reader(json, path);
  ColumnSummary column;
  column.missing = reader.count("missing", kMaxCount);
  column.candidates = reader.counts("candidates", kMaxCandidates);
  column.bins = reader.counts("bins", kMaxBins);
  column.categories = reader.counts("categories", kMaxCategories + 1);
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
                       {"resolution", column.resolution},
                       {"format", column.format},
                       {"missing", column.missing},
                       {"extremes", column.extremes},
                       {"heavyValues", column.heavy_values},
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
                       {"resolution", column.resolution},
                       {"format", column.format},
                       {"minimum", column.minimum},
                       {"maximum", column.maximum},
                       {"bins", column.bins},
                       {"candidates", column.candidates},
                       {"categories", column.categories},
                       {"other", column.other},
                       {"otherText", column.other_text}});
  }
  return {{"columns", std::move(columns)}};
}

nlohmann::json to_json(const Summary& summary) {
  auto columns = nlohmann::json::array();
  for (const auto& column : summary.columns) {
    columns.push_back({{"missing", column.missing},
                       {"candidates", column.candidates},
                       {"bins", column.bins},
                       {"categories", column.categories}});
  }
  return {{"rows", summary.rows}, {"columns", std::move(columns)}};
}

Result<Sketch> sketch_from_json(const nlohmann::json& json) {
  JsonReader reader(json, "sketch");
  Sketch sketch;
  sketch.rows = reader.count("rows", kMaxCount);
  for (const auto& column : reader.array("columns", kMaxColumns)) {
    GENESIS_ASSIGN(
        auto parsed,
        column_sketch_from_json(column, sketch.rows, at("sketch.columns", sketch.columns.size())));
    sketch.columns.push_back(std::move(parsed));
  }
  GENESIS_RETURN_IF_ERROR(reader.status());
  GENESIS_RETURN_IF_ERROR(check_names(sketch.columns, "sketch.columns"));
  return sketch;
}

Result<Plan> plan_from_json(const nlohmann::json& json) {
  JsonReader reader(json, "plan");
  Plan plan;
  for (const auto& column : reader.array("columns", kMaxColumns)) {
    GENESIS_ASSIGN(auto parsed,
                   column_plan_from_json(column, at("plan.columns", plan.columns.size())));
    plan.columns.push_back(std::move(parsed));
  }
  GENESIS_RETURN_IF_ERROR(reader.status());
  GENESIS_RETURN_IF_ERROR(check_names(plan.columns, "plan.columns"));
  return plan;
}

Result<Summary> summary_from_json(const nlohmann::json& json) {
  JsonReader reader(json, "summary");
  Summary summary;
  summary.rows = reader.count("rows", kMaxCount);
  for (const auto& column : reader.array("columns", kMaxColumns)) {
    GENESIS_ASSIGN(auto parsed,
                   column_summary_from_json(column, at("summary.columns", summary.columns.size())));
    summary.columns.push_back(std::move(parsed));
  }
  GENESIS_RETURN_IF_ERROR(reader.status());
  return summary;
}

}  // namespace genesis::tabular
