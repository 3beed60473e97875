#include "common/quality/evaluate.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/quality/compare.hpp"
#include "common/quality/copied_text.hpp"
#include "common/quality/distance.hpp"
#include "common/quality/shapes.hpp"
#include "common/quality/single_numbers.hpp"
#include "common/quality/trends.hpp"

namespace genesis::quality {
namespace {

using tabular::Table;

bool has_values(const Cells& cells) {
  return std::any_of(cells.numbers.begin(),
                     cells.numbers.end(),
                     [](double value) { return !std::isnan(value); }) ||
         std::any_of(cells.codes.begin(), cells.codes.end(), [](std::uint32_t code) {
           return code != tabular::kMissingCode;
         });
}

ColumnScore score_column(const ComparedColumn& column) {
  ColumnScore result;
  result.name = column.name;
  result.kind = column.kind;
  result.cells_outside = column.synthetic.outside;
  result.cells_unreadable = column.synthetic.unreadable;
  result.unreadable = column.synthetic.example;
  result.format = column.format;
  if (tabular::is_continuous(column.kind)) {
    result.metric = Metric::kKsComplement;
    result.score = ks_complement(column.real.numbers, column.synthetic.numbers);
    result.real_quantiles = quantiles_of(column.real.numbers);
    result.synthetic_quantiles = quantiles_of(column.synthetic.numbers);
  } else {
    result.score = tv_complement(column.real.codes, column.synthetic.codes, column.categories);
  }
  if (!result.score && has_values(column.real)) {
    result.score = 0.0;
  }
  return result;
}

// Of the scores that are present; nothing where none is.
template <typename Scored>
std::optional<double> mean_score(const std::vector<Scored>& all) {
  double sum = 0.0;
  std::size_t count = 0;
  for (const Scored& one : all) {
    if (one.score) {
      sum += *one.score;
      ++count;
    }
  }
  return count == 0 ? std::nullopt : std::optional(sum / static_cast<double>(count));
}

}  // namespace

std::string_view to_string(Metric metric) {
  switch (metric) {
    case Metric::kKsComplement:
      return "ks_complement";
    case Metric::kTvComplement:
      return "tv_complement";
    case Metric::kCorrelationSimilarity:
      return "correlation_similarity";
    case Metric::kContingencySimilarity:
      return "contingency_similarity";
  }
  return "";
}

Result<Report> evaluate(const Table& real,
                        const Table& synthetic,
                        const Table* holdout,
                        const Judging& judging) {
  GENESIS_ASSIGN(const auto columns, compare(real, synthetic, holdout));
  if (columns.empty()) {
    return fail(Errc::kInvalidArgument,
                "real table: every column is an identifier; there is nothing to compare");
  }
  Report report;
  report.real_rows = real.rows;
  report.synthetic_rows = synthetic.rows;
  if (holdout != nullptr) {
    report.holdout_rows = holdout->rows;
  }
  std::uint64_t outside = 0;
  for (const ComparedColumn& column : columns) {
    report.columns.push_back(score_column(column));
    outside += column.synthetic.outside;
    if (has_values(column.real) && !has_values(column.synthetic)) {
      report.without_values.push_back(column.name);
    }
  }
  for (const auto& column : real.columns) {
    if (column.kind == tabular::Kind::kIdentifier) {
      report.identifiers.push_back(column.name);
    }
  }
  report.copied_text = find_copied_text(real, synthetic);
  report.single_numbers = find_single_numbers(columns);
  report.pairs = pair_scores(columns);
  report.column_shapes = mean_score(report.columns);
  report.column_pair_trends = mean_score(report.pairs);
  if (report.column_shapes && report.column_pair_trends) {
    report.overall = (*report.column_shapes + *report.column_pair_trends) / 2.0;
  } else if (report.column_shapes || report.column_pair_trends) {
    report.overall = report.column_shapes ? *report.column_shapes : *report.column_pair_trends;
  } else {
    return fail(Errc::kInvalidArgument,
                "real table: no column has a value; there is nothing to compare");
  }
  report.cells_outside = static_cast<double>(outside) / (static_cast<double>(columns.size()) *
                                                         static_cast<double>(synthetic.rows));
  report.new_rows = new_row_share(columns);
  report.distances = measure_distances(columns);
  for (std::size_t i = 0; judging.histograms && i < columns.size(); ++i) {
    report.histograms.push_back(histogram(columns[i], real));
  }
  if (judging.attacks && holdout != nullptr) {
    if (auto made = attack(real, synthetic, *holdout, {})) {
      report.attacks = std::move(*made);
    } else {
      report.no_attacks = made.error().message;
    }
  }
  if (judging.detection) {
    report.detection = detect(columns);
  }
  if (!judging.target.empty()) {
    if (holdout == nullptr) {
      return fail(Errc::kInvalidArgument,
                  "target '" + judging.target + "': name held-out rows to judge, too");
    }
    GENESIS_ASSIGN(report.utility, utility(columns, judging.target, real));
  }
  return report;
}

Result<Table> read_beside(const std::filesystem::path& path, const Table& real) {
  const auto names = column_names(real);
  auto table = tabular::read_csv(path, {.discrete_columns = names});
  if (!table && table.error().code == Errc::kInvalidArgument) {
    // A column of `real` that the file lacks is refused by name alone; say the whole difference.
    if (const auto inferred = tabular::read_csv(path)) {
      GENESIS_RETURN_IF_ERROR(check_same_columns(names, column_names(*inferred), path.string()));
    }
    return table;
  }
  if (table) {
    GENESIS_RETURN_IF_ERROR(check_same_columns(names, column_names(*table), path.string()));
  }
  return table;
}

}  // namespace genesis::quality
