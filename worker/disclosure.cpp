#include "worker/disclosure.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/json.hpp"
#include "common/base/text.hpp"
#include "common/tabular/encoder.hpp"
#include "common/tabular/public_grid.hpp"

namespace genesis::worker {
namespace {

constexpr std::size_t kLongestValue = 64;

std::string listed(std::span<const std::string> values) {
  std::string text;
  for (const auto& value : values) {
    text += (text.empty() ? "" : ", ") + printable(value, kLongestValue);
  }
  return text;
}

std::string listed(std::span<const double> values) {
  std::string text;
  for (const double value : values) {
    text += fmt::format("{}{:.15g}", text.empty() ? "" : ", ", value);
  }
  return text;
}

std::string line_of(const tabular::ColumnSketch& column, std::uint64_t least_rows) {
  auto line = fmt::format("column '{}', {}: {} missing cells",
                          printable(column.name, kLongestValue),
                          tabular::to_string(column.kind),
                          column.missing);
  if (tabular::is_continuous(column.kind)) {
    if (!column.extremes.empty()) {
      line += fmt::format(
          "; {}: {}",
          least_rows > 1 ? fmt::format("bounds that {} rows or more reach on each side", least_rows)
                         : "smallest and largest value",
          listed(column.extremes));
    }
    if (!column.heavy_values.empty()) {
      line += fmt::format("; {} {}: {}",
                          column.heavy_values.size(),
                          column.few_values ? "values, which are nearly all" : "frequent values",
                          listed(column.heavy_values));
    }
  } else if (column.kind != tabular::Kind::kIdentifier) {
    line += fmt::format("; {} values{}: {}",
                        column.categories.size(),
                        least_rows > 1 ? fmt::format(" that {} rows or more hold", least_rows) : "",
                        listed(column.categories));
  } else {
    line += "; none of its values";
  }
  return line;
}

std::string public_line_of(const tabular::ColumnSketch& column) {
  return fmt::format("column '{}', {}: how many digits most cells need, and whether there are any",
                     printable(column.name, kLongestValue),
                     tabular::to_string(column.kind));
}

// What the server reads of what is summed.
std::string_view reading_of(const spec::FederatedTraining& training) {
  const auto& secure = training.privacy.secure_aggregation;
  if (!secure) {
    return "";
  }
  switch (secure->encryption) {
    case spec::Encryption::kNone:
      return "; WARNING: in the clear, privacy.secureAggregation.encryption is none";
    case spec::Encryption::kMasking:
      return "; masked: the server reads the sum over the sites alone";
    case spec::Encryption::kPaillier:
      break;
  }
  return "; encrypted: the server reads the sum over the sites alone, unless another site gives it "
         "the key";
}

void add_columns(const std::string& introduction,
                 std::uint64_t least_rows,
                 std::vector<std::string>& lines) {
  const auto json = parse_json(introduction);
  const auto sketch = json ? tabular::sketch_from_json(*json)
                           : Result<tabular::Sketch>(tl::unexpected(json.error()));
  if (!sketch) {  // of a method that tells something else
    lines.push_back("with the join: " + introduction);
    return;
  }
  const bool is_public = sketch->rows == tabular::kUntoldRows;
  if (!is_public) {
    lines.push_back(fmt::format("with the join: the number of rows, {}", sketch->rows));
  }
  for (const auto& column : sketch->columns) {
    lines.push_back("with the join: " + (is_public && tabular::is_continuous(column.kind)
                                             ? public_line_of(column)
                                             : line_of(column, least_rows)));
  }
}

void add_kept(const Leaving& leaving, std::vector<std::string>& lines) {
  for (const auto& column : leaving.kept) {
    lines.push_back(fmt::format("stays here: column '{}', its name included",
                                printable(column, kLongestValue)));
  }
}

std::string_view words_of(spec::Strategy strategy) {
  return spec::is_robust(strategy) ? "is kept until the round closes" : "is added up as it arrives";
}

}  // namespace

std::vector<std::string> disclosure(const Leaving& leaving) {
  const auto& training = leaving.training;
  std::vector<std::string> lines;
  lines.push_back(
      fmt::format("training '{}', spec {}", training.name, policy::digest_of(training)));
  if (const auto& asked = training.privacy.differential_privacy) {
    lines.push_back(fmt::format(
        "differential privacy, epsilon {:g}, delta {:g}, for everything together: whatever is "
        "computed from rows has this site's own noise and is charged to its privacy ledger",
        asked->epsilon,
        asked->delta));
    lines.emplace_back(
        "with each answer: the head of the privacy ledger, which tells its random id, how many "
        "lines it has and a hash, so that it is seen if an older copy is restored; it is written "
        "into checkpoints and beside the model");
    lines.push_back("with the join: " + leaving.introduction);
    add_kept(leaving, lines);
    return lines;
  }
  const auto least_rows = leaving.policy.min_category_count;
  add_columns(leaving.introduction, least_rows, lines);
  lines.emplace_back(
      "once before the rounds: how many rows are in each bin, have each value and lack one, for "
      "each column but identifiers" +
      (least_rows > 1
           ? fmt::format("; text that fewer than {} rows hold counts as other, but for categories "
                         "that the spec lists",
                         least_rows)
           : "") +
      std::string(reading_of(training)));
  std::string telemetry;
  for (const auto& told : leaving.telemetry) {
    telemetry += (telemetry.empty() ? "" : ", ") + std::string(told.name);
  }
  lines.push_back(
      training.privacy.secure_aggregation
          ? fmt::format("in each of {} rounds: a model update{}",
                        training.rounds.count,
                        reading_of(training))
          : fmt::format("in each of {} rounds: a model update, which {}; {}; numbers and seconds "
                        "of training steps",
                        training.rounds.count,
                        words_of(training.aggregation.strategy),
                        telemetry));
  add_kept(leaving, lines);
  if (least_rows <= 1) {
    lines.push_back(fmt::format(
        "WARNING: minCategoryCount is {}: text that a single row holds leaves this site",
        least_rows));
  }
  return lines;
}

}  // namespace genesis::worker
