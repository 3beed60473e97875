#include "common/tabular/partition.hpp"
#include "common/tabular/summary_shape.hpp"
#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

const std::string kText = "n,c\n1,x\n2,y\n,x\n2,\n";

}  // namespace

TEST_CASE("tabular: every cell is counted once", "[tabular]") {
  const auto table = table_of(kText);
  const Plan agreed = ok(plan_for({table}));
  const Summary counts = ok(summarize(table, agreed));
  CHECK(counts.rows == 4);
  CHECK(counts.columns[0].missing == 1);
  CHECK(counts.columns[0].values == std::vector<std::uint64_t>{1, 2});
  CHECK(counts.columns[1].missing == 1);
  CHECK(counts.columns[1].categories == std::vector<std::uint64_t>{2, 1, 0});  // 0 of others
  CHECK(check_shape(counts, agreed));
}

TEST_CASE("tabular: a value that is often there has a bin of its own", "[tabular]") {
  std::string text = "x\n";
  for (int i = 0; i < 300; ++i) {
    text += std::to_string(i % 2 == 0 ? 50 : i) + "\n";
  }
  const auto table = table_of(text);
  const Plan agreed = ok(plan_for({table}));
  const Summary counts = ok(summarize(table, agreed));
  const auto& edges = agreed.columns[0].edges;
  CHECK(counts.columns[0].bins[bin_of(edges, 50.0)] == 150);
  CHECK(bin_of(edges, 49.0) + 1 == bin_of(edges, 50.0));
  CHECK(bin_of(edges, 50.0) + 1 == bin_of(edges, 51.0));
}

TEST_CASE("tabular: a table that does not fit the plan is refused with the reason", "[tabular]") {
  const Plan agreed = ok(plan_for({table_of(kText)}));
  const auto why = [&](std::string_view text) {
    return error_of(summarize(table_of(text), agreed));
  };
  CHECK_THAT(why("n,d\n1,x\n"), ContainsSubstring("column 'c' is not in the table"));
  CHECK(ok(summarize(table_of("n,c\n7,x\n"), agreed)).columns[0].values.back() == 1);  // a bound
  CHECK(ok(summarize(table_of("n,c\n1,w\n"), agreed)).columns[1].categories ==
        std::vector<std::uint64_t>{0, 0, 1});  // other text
  CHECK_THAT(why("n,c\nw,x\n"),
             ContainsSubstring("'n' is category here") && ContainsSubstring("agreed on integer"));
  CHECK_THAT(why("n,c\n1,5\n"), ContainsSubstring("agreed on category"));
  CHECK_THAT(why("n,c\n1.5,x\n"), ContainsSubstring("is decimal here"));
  const Plan dated = ok(plan_for({table_of("x\n2020-01-31\n")}));
  CHECK(ok(summarize(table_of("x\n31/01/2020\n"), dated)).rows == 1);  // the same day
  CHECK_THAT(error_of(summarize(table_of("x\n10:30\n"), dated)),
             ContainsSubstring("has the format") && ContainsSubstring("here"));
}

TEST_CASE("tabular: merging adds, in any order", "[tabular]") {
  const std::vector<Table> sites = {
      table_of("n,c\n1,x\n2,y\n"), table_of("n,c\n,x\n2,\n"), table_of("c,n\ny,3\n")};
  const Plan agreed = ok(plan_for(sites));
  const Summary forward = total_of(sites, agreed);
  const Summary backward = total_of({sites[2], sites[1], sites[0]}, agreed);
  CHECK(forward == backward);
  CHECK(forward == ok(summarize(table_of("n,c\n1,x\n2,y\n,x\n2,\n3,y\n"), agreed)));
}

TEST_CASE("tabular: a part that is not of the plan's shape changes nothing", "[tabular]") {
  const auto table = table_of(kText);
  const Plan agreed = ok(plan_for({table}));
  const Summary good = ok(summarize(table, agreed));
  const auto refused = [&](const Summary& part) {
    Summary total = good;
    const Status status = merge(total, part, agreed);
    CHECK(total == good);
    return status ? std::string("accepted") : status.error().message;
  };
  Summary part = good;
  part.columns.pop_back();
  CHECK_THAT(refused(part), ContainsSubstring("a summary of 1 columns; the plan has 2"));
  part = good;
  part.columns[0].values.push_back(0);
  CHECK_THAT(refused(part), ContainsSubstring("column 'n'") && ContainsSubstring("shape"));
  part = good;
  ++part.columns[1].missing;
  CHECK_THAT(refused(part), ContainsSubstring("counts 5 cells in 4 rows"));
  part = good;
  part.columns[1].categories = {std::uint64_t{1} << 60, ~std::uint64_t{0}, 0};
  CHECK_THAT(refused(part), ContainsSubstring("above 2^53"));
  CHECK_THAT(refused(Summary{}), ContainsSubstring("a summary of 0 columns"));
}

TEST_CASE("tabular: totals do not overflow", "[tabular]") {
  const auto table = table_of("c\nx\n");
  const Plan agreed = ok(plan_for({table}));
  Summary huge = ok(summarize(table, agreed));
  huge.rows = std::uint64_t{1} << 53;
  huge.columns[0].categories[0] = huge.rows;
  Summary total;
  REQUIRE(merge(total, huge, agreed));
  const Status status = merge(total, huge, agreed);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::kResourceExhausted);
}
