#include "common/mixture/counts.hpp"

#include <numeric>

#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include "common/mixture/bins.hpp"
#include "common/mixture/tables.hpp"
#include "tests/unit/mixture/builders.hpp"

namespace genesis::mixture {
namespace {

std::uint64_t distance(const Counts& a, const Counts& b) {
  REQUIRE(a.size() == b.size());
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    all += a[i] > b[i] ? a[i] - b[i] : b[i] - a[i];
  }
  return all;
}

// Any cells at all: numbers, dates, categories, nothing, and what none of them is.
std::string any_cell() {
  return *rc::gen::element<std::string>("",
                                        "NA",
                                        "0",
                                        "-0",
                                        "7",
                                        "007",
                                        "1e300",
                                        "-1e300",
                                        "1e-300",
                                        "3.25",
                                        "inf",
                                        "nan",
                                        "a",
                                        "b",
                                        "other",
                                        "2020-02-30",
                                        "1990-05-01",
                                        "\xF0\x9F\x98\x80");
}

Schema strange_schema() {
  Column date = number("date", 0, 1);
  date.kind = tabular::Kind::kDatetime;
  date.format = "%Y-%m-%d";
  date.missing = Missing::kDeclared;
  REQUIRE(set_bounds(date, 0.0, 1e9));
  Column open;
  open.name = "open";
  open.kind = tabular::Kind::kDecimal;
  open.has_precision = false;
  Column with_other = category("named", {"a", "b", "other"});
  with_other.other = 2;
  with_other.missing = Missing::kDeclared;
  Column id = category("id", {});
  id.kind = tabular::Kind::kIdentifier;
  return {date, open, with_other, number("small", 1, 9), category("plain", {"a", "7"}), id};
}

std::string strange_rows(const std::vector<std::vector<std::string>>& rows) {
  std::string csv = "date,open,named,small,plain,id\n";
  for (const auto& row : rows) {
    for (const auto& cell : row) {
      csv += cell + (&cell == &row.back() ? "\n" : ",");
    }
  }
  return csv;
}

std::vector<std::vector<std::string>> any_rows() {
  std::vector<std::vector<std::string>> rows(*rc::gen::inRange<std::size_t>(1, 12));
  for (auto& row : rows) {
    for (int c = 0; c < 5; ++c) {
      row.push_back(any_cell());
    }
    row.push_back("id");  // no blank line
  }
  return rows;
}

}  // namespace

TEST_CASE("mixture: one row more changes each table by at most one count of 1",
          "[mixture][property]") {
  const auto schema = strange_schema();
  REQUIRE(rc::check("fine counts", [&] {
    const auto rows = any_rows();
    auto with_one = rows;
    with_one.insert(with_one.begin(), any_rows().front());
    const auto fewer = must(count_fine(private_table(strange_rows(rows)), schema));
    const auto more = must(count_fine(private_table(strange_rows(with_one)), schema));
    std::size_t at = 0;
    for (const auto& column : schema) {
      const auto part = [&](const Counts& counts) {
        const auto begin = counts.begin() + static_cast<std::ptrdiff_t>(at);
        return Counts(begin, begin + static_cast<std::ptrdiff_t>(fine_cells(column)));
      };
      RC_ASSERT(distance(part(fewer), part(more)) <= 1);
      at += fine_cells(column);
    }
  }));
}

TEST_CASE("mixture: cells that fit nowhere are clamped, other, missing or not counted",
          "[mixture]") {
  const auto schema = strange_schema();
  const auto cells = table(strange_rows(
      {{"x", "x", "zebra", "99", "zebra", "id"}, {"1890-01-01", "5", "", "-3", "", "id"}}));
  CHECK(units_of(cells.columns[0], schema[0]) == std::vector<std::uint64_t>{kMissingUnit, 0});
  CHECK(units_of(cells.columns[2], schema[2]) == std::vector<std::uint64_t>{2, kMissingUnit});
  CHECK(units_of(cells.columns[3], schema[3]) == std::vector<std::uint64_t>{8, 0});
  CHECK(units_of(cells.columns[4], schema[4]) == std::vector<std::uint64_t>{kNoUnit, kNoUnit});
}

TEST_CASE("mixture: the open grid covers every number once", "[mixture]") {
  Column open;
  open.kind = tabular::Kind::kDecimal;
  open.has_precision = false;
  const auto grid = open_grid(open);
  for (std::size_t bin = 0; bin + 1 <= grid.bins; ++bin) {
    CHECK(lower_edge(open, bin) < lower_edge(open, bin + 1));
  }
  open.name = "x";
  const auto counts = must(count_fine(table("x\n0\n0.5\n1e20\n-1e20\n"), {open}));
  CHECK(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}) == 4);
  // Whole numbers are of the first class, 0.5 of the second.
  CHECK(std::accumulate(counts.begin(),
                        counts.begin() + static_cast<std::ptrdiff_t>(grid.bins),
                        std::uint64_t{0}) == 3);
}

TEST_CASE("mixture: zoom counts the units of its ranges and nothing else", "[mixture]") {
  const Schema schema{number("x", 0, 999)};
  const Ranges ranges{{0, 5, 7, 1}, {0, 100, 104, 2}};
  const auto counts =
      must(count_zoom(table("x\n5\n5\n7\n8\n99\n100\n101\n104\n105\n"), schema, ranges));
  CHECK(counts == Counts{2, 0, 1, 2, 0, 1});
  CHECK(must(read_json(dump_json(to_json(ranges)),
                       [&](JsonValue json) { return ranges_from_json(json, schema); })) == ranges);
}

TEST_CASE("mixture: ranges that are none of their column are refused", "[mixture]") {
  const Schema schema{number("x", 0, 999), category("y", {"a"})};
  for (const char* bad : {"[[0, 5, 4, 1]]",
                          "[[0, 0, 1000, 1]]",
                          "[[0, 0, 5, 0]]",
                          "[[1, 0, 0, 1]]",
                          "[[2, 0, 0, 1]]",
                          "[[0, 0, 5, 1], [0, 5, 6, 1]]",
                          "[[0, 0]]",
                          "[[0, -1, 5, 1]]",
                          "3"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_json(bad, [&](JsonValue json) { return ranges_from_json(json, schema); }));
  }
}

TEST_CASE("mixture: tables count each pair with the target, on any number of threads",
          "[mixture]") {
  const Schema schema{category("a", {"x", "y"}), number("b", 0, 1), category("t", {"n", "p"})};
  const Binnings binnings{
      {2, {0, 1}, {0, 1}, {}}, {2, {0, 1}, {0, 1}, {}}, {2, {0, 1}, {0, 1}, {}}};
  const auto plan = plan_tables(binnings, 2);
  REQUIRE(plan.pairs.size() == 1);
  const auto rows = table("a,b,t\nx,0,n\nx,0,p\ny,1,p\ny,1,p\nzebra,1,p\n");
  const Counts expected{1, 1, 0, 0, 0, 0, 0, 2};
  for (const unsigned threads : {1U, 2U, 7U}) {
    CHECK(must(count_tables(rows, schema, binnings, plan, threads)) == expected);
  }
  CHECK(must(read_json(dump_json(to_json(plan)), [&](JsonValue json) {
          return table_plan_from_json(json, binnings);
        })) == plan);
}

TEST_CASE("mixture: of too many pairs each column keeps about as many", "[mixture]") {
  Binnings binnings;
  for (int c = 0; c < 101; ++c) {
    Binning binning;
    binning.bins = 20;
    binnings.push_back(binning);
  }
  const auto plan = plan_tables(binnings, 100);
  CHECK(plan.cells() <= kMaxTableCells);
  CHECK(plan.pairs.size() < plan.all_pairs());
  std::vector<int> pairs_of(101, 0);
  for (const auto& [a, b] : plan.pairs) {
    ++pairs_of[a];
    ++pairs_of[b];
  }
  CHECK(pairs_of[100] == 0);
  const auto [least, most] = std::minmax_element(pairs_of.begin(), pairs_of.end() - 1);
  CHECK(*most - *least <= 2);
}

}  // namespace genesis::mixture
