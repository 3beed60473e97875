#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/quality/evaluate.hpp"
#include "tests/support/catch.hpp"

namespace genesis::quality {
namespace {

Report a_report() {
  Report report;
  report.real_rows = 100;
  report.synthetic_rows = 50;
  report.overall = 0.85;
  report.column_shapes = 0.9;
  report.column_pair_trends = 0.8;
  report.cells_outside = 0.01;
  report.new_rows = 0.98;
  report.distances.synthetic_to_real = 0.0312;
  report.distances.rows_compared = 50;
  report.columns = {{.name = "age",
                     .kind = tabular::Kind::kInteger,
                     .metric = Metric::kKsComplement,
                     .score = 0.95,
                     .cells_outside = 0,
                     .cells_unreadable = 0,
                     .unreadable = "",
                     .real_quantiles = Quantiles{18, 30, 41, 52, 80},
                     .synthetic_quantiles = Quantiles{19, 31, 42, 53, 79},
                     .format = ""},
                    {.name = "größe",
                     .kind = tabular::Kind::kDecimal,
                     .metric = Metric::kKsComplement,
                     .score = 0.85,
                     .cells_outside = 1,
                     .cells_unreadable = 0,
                     .unreadable = "",
                     .real_quantiles = std::nullopt,
                     .synthetic_quantiles = std::nullopt,
                     .format = ""},
                    {.name = "empty",
                     .kind = tabular::Kind::kCategory,
                     .metric = Metric::kTvComplement,
                     .score = std::nullopt,
                     .cells_outside = 0,
                     .cells_unreadable = 0,
                     .unreadable = "",
                     .real_quantiles = std::nullopt,
                     .synthetic_quantiles = std::nullopt,
                     .format = ""}};
  report.pairs = {{.columns = {"age", "größe"},
                   .metric = Metric::kCorrelationSimilarity,
                   .score = 0.8,
                   .real = 0.7},
                  {.columns = {"age", "empty"},
                   .metric = Metric::kContingencySimilarity,
                   .score = std::nullopt,
                   .real = std::nullopt}};
  report.identifiers = {"id"};
  return report;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

std::size_t line_with(const std::vector<std::string>& lines, const std::string& start) {
  const auto at = std::find_if(
      lines.begin(), lines.end(), [&](const auto& line) { return line.rfind(start, 0) == 0; });
  REQUIRE(at != lines.end());
  return static_cast<std::size_t>(at - lines.begin());
}

TEST_CASE("quality: a report is one line of JSON whose first key is overall", "[quality]") {
  const std::string text = to_json(a_report());
  CHECK(text.find('\n') == std::string::npos);
  CHECK(text.rfind(R"({"overall":0.85,)", 0) == 0);
  const auto json = nlohmann::json::parse(text);
  CHECK(json["column_shapes"] == 0.9);
  CHECK(json["column_pair_trends"] == 0.8);
  CHECK(json["cells_outside"] == 0.01);
  CHECK(json["new_rows"] == 0.98);
  CHECK(json["distances"]["synthetic_to_real"] == 0.0312);
  CHECK(json["distances"]["rows_compared"] == 50);
  CHECK(json["rows"]["real"] == 100);
  CHECK(json["columns"][0]["kind"] == "integer");
  CHECK(json["columns"][0]["metric"] == "ks_complement");
  CHECK(json["columns"][1]["cells_outside"] == 1);
  CHECK(json["pairs"][0]["columns"] == nlohmann::json({"age", "größe"}));
  CHECK(json["pairs"][0]["metric"] == "correlation_similarity");
  CHECK(json["identifiers"] == nlohmann::json({"id"}));
}

TEST_CASE("quality: what is absent is null in JSON", "[quality]") {
  Report report = a_report();
  report.column_pair_trends.reset();
  const auto json = nlohmann::json::parse(to_json(report));
  CHECK(json["column_pair_trends"].is_null());
  CHECK(json["rows"]["holdout"].is_null());
  CHECK(json["distances"]["closer_to_real"].is_null());
  CHECK(json["columns"][2]["score"].is_null());
  CHECK(json["pairs"][1]["real"].is_null());
}

TEST_CASE("quality: the printed table begins with overall and names the weakest", "[quality]") {
  const auto lines = lines_of(print(a_report()));
  CHECK(lines[0].rfind("overall", 0) == 0);
  CHECK_THAT(lines[0], ContainsSubstring("0.8500"));
  CHECK_THAT(lines[1], ContainsSubstring("weakest: größe 0.85, age 0.95"));
  CHECK_THAT(lines[2],
             ContainsSubstring("1 of 2 pairs") && ContainsSubstring("age with größe 0.80"));
  CHECK_THAT(print(a_report()), !ContainsSubstring("held-out"));
}

TEST_CASE("quality: columns are printed worst first, unscored ones and identifiers last",
          "[quality]") {
  const auto lines = lines_of(print(a_report()));
  const std::size_t header = line_with(lines, "column  ");
  CHECK(lines[header - 1].empty());
  CHECK(line_with(lines, "größe") == header + 1);
  CHECK(line_with(lines, "age") == header + 2);
  CHECK(line_with(lines, "empty") == header + 3);
  CHECK(line_with(lines, "id") == header + 4);
  CHECK_THAT(lines[header + 1], ContainsSubstring("2.00%"));
  CHECK_THAT(lines[header + 3], ContainsSubstring("-"));
}

TEST_CASE("quality: the printed columns are aligned by characters, not bytes", "[quality]") {
  const auto lines = lines_of(print(a_report()));
  const std::size_t header = line_with(lines, "column  ");
  // "ö" and "ß" take two bytes each, so that this line's cells begin two bytes further right.
  CHECK(lines[header + 1].find("0.8500") == lines[header + 2].find("0.9500") + 2);
  for (const auto& line : lines) {
    CHECK((line.empty() || line.back() != ' '));
  }
}

TEST_CASE("quality: quantiles of both tables stand one above the other", "[quality]") {
  const auto lines = lines_of(print(a_report()));
  const std::size_t header = line_with(lines, "quantiles");
  CHECK_THAT(lines[header], ContainsSubstring("5%") && ContainsSubstring("median"));
  CHECK_THAT(lines[header + 1], ContainsSubstring("age") && ContainsSubstring("real"));
  CHECK_THAT(lines[header + 2], ContainsSubstring("synthetic") && ContainsSubstring("42"));
  CHECK(lines[header + 1].find("41") == lines[header + 2].find("42"));
}

TEST_CASE("quality: held-out figures are printed where they are known", "[quality]") {
  Report report = a_report();
  report.distances.holdout_to_real = 0.0301;
  report.distances.closer_to_real = 0.5123;
  CHECK_THAT(print(report), ContainsSubstring("0.0301") && ContainsSubstring("51.23%"));
}

}  // namespace
}  // namespace genesis::quality
