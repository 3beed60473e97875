// A report as one line of JSON, and as text for people.
#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/quality/evaluate.hpp"
#include "common/quality/value_text.hpp"
#include "common/tabular/cell.hpp"

namespace genesis::quality {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::string score_text(const std::optional<double>& score) {
  return score ? fixed(*score, 4) : "-";
}

std::string percent(double share) {
  return fixed(100.0 * share, 2) + "%";
}

// Characters, not bytes: continuation bytes of UTF-8 take no room.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

// Rows of cells as lines; the first column is set left, the others right, but for the last, which
// is a remark.
std::string aligned(std::vector<std::vector<std::string>> rows) {
  std::vector<std::size_t> widths;
  for (auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = printable(row[i]);  // names come from files
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool is_remark = i + 1 == widths.size();
      const std::string padding(widths[i] - width_of(row[i]), ' ');
      line += i == 0 ? "" : "  ";
      line += i == 0 || is_remark ? row[i] + padding : padding + row[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

// The scored ones, worst first; equals keep their order.
template <typename Scored>
std::vector<Scored> worst_first(std::vector<Scored> all) {
  std::erase_if(all, [](const Scored& one) { return !one.score; });
  std::stable_sort(
      all.begin(), all.end(), [](const Scored& a, const Scored& b) { return *a.score < *b.score; });
  return all;
}

std::string weakest_columns(const Report& report) {
  constexpr std::size_t kNamed = 3;
  std::string text;
  const auto columns = worst_first(report.columns);
  for (std::size_t i = 0; i < std::min(kNamed, columns.size()); ++i) {
    text += (i == 0 ? "weakest: " : ", ") + columns[i].name + " " + fixed(*columns[i].score, 2);
  }
  return text;
}

std::string weakest_pair(const Report& report) {
  const auto pairs = worst_first(report.pairs);
  std::string text = std::to_string(pairs.size()) + " of " + std::to_string(report.pairs.size()) +
                     " pairs are related in the real table";
  if (!pairs.empty()) {
    const auto& worst = pairs.front();
    text += "; weakest: " + worst.columns[0] + " with " + worst.columns[1] + " " +
            fixed(*worst.score, 2);
  }
  return text;
}

std::vector<std::vector<std::string>> column_rows(const Report& report) {
  auto columns = worst_first(report.columns);
  std::copy_if(report.columns.begin(),
               report.columns.end(),
               std::back_inserter(columns),
               [](const ColumnScore& column) { return !column.score; });
  std::vector<std::vector<std::string>> rows = {{"column", "shape", "outside", "kind"}};
  for (const auto& column : columns) {
    const double outside =
        static_cast<double>(column.cells_outside) / static_cast<double>(report.synthetic_rows);
    rows.push_back({column.name,
                    score_text(column.score),
                    percent(outside),
                    std::string(tabular::to_string(column.kind))});
  }
  for (const auto& name : report.identifiers) {
    rows.push_back({name, "-", "-", "identifier"});
  }
  return rows;
}

std::vector<std::vector<std::string>> quantile_rows(const Report& report) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& column : report.columns) {
    if (!column.real_quantiles) {
      continue;
    }
    for (const bool is_real : {true, false}) {
      const auto& quantiles = is_real ? column.real_quantiles : column.synthetic_quantiles;
      std::vector<std::string> row = {is_real ? column.name : "", is_real ? "real" : "synthetic"};
      for (std::size_t i = 0; i < kQuantiles.size(); ++i) {
        row.push_back(quantiles ? value_text(column.kind, column.format, (*quantiles)[i]) : "-");
      }
      row.emplace_back();
      rows.push_back(std::move(row));
    }
  }
  if (!rows.empty()) {
    std::vector<std::string> header = {"quantiles", ""};
    for (const double share : kQuantiles) {
      header.push_back(share == 0.5 ? "median" : fixed(100.0 * share, 0) + "%");
    }
    header.emplace_back();
    rows.insert(rows.begin(), std::move(header));
  }
  return rows;
}

Json quantiles_json(const ColumnScore& column) {
  if (!column.real_quantiles) {
    return nullptr;
  }
  const auto list = [&](const std::optional<Quantiles>& quantiles) {
    if (!quantiles) {
      return Json(nullptr);
    }
    Json values = Json::array();
    for (const double value : *quantiles) {
      values.push_back(column.kind == tabular::Kind::kDatetime
                           ? Json(value_text(column.kind, column.format, value))
                           : Json(value));
    }
    return values;
  };
  return Json{{"shares", kQuantiles},
              {"real", list(column.real_quantiles)},
              {"synthetic", list(column.synthetic_quantiles)}};
}

}  // namespace

std::vector<std::vector<std::string>> summary_rows(const Report& report) {
  const auto& distances = report.distances;
  std::vector<std::vector<std::string>> rows = {
      {"overall", fixed(report.overall, 4), "mean of the next two; 1 is perfect"},
      {"column shapes", score_text(report.column_shapes), weakest_columns(report)},
      {"column pair trends", score_text(report.column_pair_trends), weakest_pair(report)},
      {"cells outside the real domain", percent(report.cells_outside), ""},
      {"new rows", percent(report.new_rows), "not equal to any real row"},
      {"distance to the closest real row",
       fixed(distances.synthetic_to_real, 4),
       "median; 0 is a copy, 1 differs in every column"}};
  if (distances.holdout_to_real) {
    rows.push_back({"the same for held-out rows",
                    fixed(*distances.holdout_to_real, 4),
                    "synthetic rows should not be closer than these"});
  }
  if (distances.closer_to_real) {
    rows.push_back({"closer to real than to held-out rows",
                    percent(*distances.closer_to_real),
                    "50% if nothing was memorised, 100% for copies"});
  }
  if (report.detection) {
    rows.push_back({"told from real rows by regression",
                    fixed(report.detection->regression, 4),
                    "area under the curve; 0.5 if it cannot, 1 if it always can"});
    rows.push_back({"told from real rows by trees", fixed(report.detection->trees, 4), ""});
  }
  if (report.utility) {
    const auto& utility = *report.utility;
    rows.push_back({"learnt of '" + utility.target + "'",
                    fixed(utility.synthetic, 4),
                    "area under the curve for " + tabular::in_quotes(utility.positive) +
                        " of held-out rows; from real rows " + fixed(utility.real, 4)});
  }
  return rows;
}

std::vector<std::string> remarks(const Report& report) {
  std::vector<std::string> lines;
  for (const auto& column : report.columns) {
    const bool has_none =
        std::find(report.without_values.begin(), report.without_values.end(), column.name) !=
        report.without_values.end();
    if (column.cells_unreadable > 0) {
      lines.push_back("column '" + column.name + "': " + std::to_string(column.cells_unreadable) +
                      " synthetic cells are no " +
                      (column.kind == tabular::Kind::kDatetime
                           ? "dates of the form " + column.format
                           : std::string("numbers")) +
                      ", such as " + tabular::in_quotes(column.unreadable) +
                      (has_none ? "; the column counts 0" : ""));
    } else if (has_none) {
      lines.push_back("column '" + column.name +
                      "': no synthetic cell has a value; the column counts 0");
    }
  }
  for (const auto& column : report.copied_text) {
    lines.push_back("column '" + column.name + "': " + percent(column.share) +
                    " of the synthetic text is that of single real rows");
  }
  for (const auto& column : report.single_numbers) {
    if (column.more) {
      lines.push_back(
          "column '" + column.name + "': " + percent(column.synthetic) +
          " of the synthetic values are those of single real rows, of held-out values " +
          percent(column.held_out));
    }
  }
  return lines;
}

std::string to_json(const Report& report) {
  const auto& distances = report.distances;
  Json columns = Json::array();
  for (const auto& column : report.columns) {
    columns.push_back(Json{{"name", column.name},
                           {"kind", tabular::to_string(column.kind)},
                           {"metric", to_string(column.metric)},
                           {"score", or_null(column.score)},
                           {"cells_outside", column.cells_outside},
                           {"cells_unreadable", column.cells_unreadable},
                           {"quantiles", quantiles_json(column)}});
  }
  Json pairs = Json::array();
  for (const auto& pair : report.pairs) {
    pairs.push_back(Json{{"columns", pair.columns},
                         {"metric", to_string(pair.metric)},
                         {"score", or_null(pair.score)},
                         {"real", or_null(pair.real)}});
  }
  Json copied = Json::array();
  for (const auto& column : report.copied_text) {
    copied.push_back(Json{{"name", column.name}, {"share", column.share}});
  }
  Json singles = Json::array();
  for (const auto& column : report.single_numbers) {
    singles.push_back(Json{{"name", column.name},
                           {"synthetic", column.synthetic},
                           {"held_out", column.held_out},
                           {"more", column.more}});
  }
  const Json json{{"overall", report.overall},
                  {"column_shapes", or_null(report.column_shapes)},
                  {"column_pair_trends", or_null(report.column_pair_trends)},
                  {"cells_outside", report.cells_outside},
                  {"new_rows", report.new_rows},
                  {"distances",
                   {{"synthetic_to_real", distances.synthetic_to_real},
                    {"holdout_to_real", or_null(distances.holdout_to_real)},
                    {"closer_to_real", or_null(distances.closer_to_real)},
                    {"rows_compared", distances.rows_compared}}},
                  {"rows",
                   {{"real", report.real_rows},
                    {"synthetic", report.synthetic_rows},
                    {"holdout", or_null(report.holdout_rows)}}},
                  {"columns", std::move(columns)},
                  {"pairs", std::move(pairs)},
                  {"without_values", report.without_values},
                  {"identifiers", report.identifiers},
                  {"copied_text", std::move(copied)},
                  {"single_numbers", std::move(singles)},
                  {"detection",
                   report.detection ? Json{{"regression", report.detection->regression},
                                           {"trees", report.detection->trees},
                                           {"rows", report.detection->rows}}
                                    : Json(nullptr)},
                  {"utility",
                   report.utility ? Json{{"target", report.utility->target},
                                         {"positive", report.utility->positive},
                                         {"real", report.utility->real},
                                         {"synthetic", report.utility->synthetic}}
                                  : Json(nullptr)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string print(const Report& report) {
  const auto quantiles = quantile_rows(report);
  std::string said;
  for (const auto& remark : remarks(report)) {
    said += (said.empty() ? "\n" : "") + remark + "\n";
  }
  return aligned(summary_rows(report)) + "\n" + aligned(column_rows(report)) +
         (quantiles.empty() ? "" : "\n" + aligned(quantiles)) + said;
}

}  // namespace genesis::quality
