#include "common/tabular/summary_counts.hpp"

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::tabular;

TEST_CASE("tabular: a summary is one list of counts and comes back from it", "[tabular]") {
  const auto table = *parse_csv("colour,size\nred,1.5\n,2.5\nred,\n", "test.csv");
  const std::vector<NamedSketch> sketches{{"a", sketch(table)}};
  const auto agreed = *plan(sketches, {});
  const auto summary = *summarize(table, agreed);
  const auto counts = counts_of(summary);
  CHECK(counts.size() == count_words(agreed));
  CHECK(counts.front() == 3);
  CHECK(summary_of(counts, agreed).value() == summary);
  auto fewer = counts;
  fewer.pop_back();
  CHECK_FALSE(summary_of(fewer, agreed));
  auto more = counts;
  more.push_back(0);
  CHECK_FALSE(summary_of(more, agreed));
  auto uncovered = counts;
  ++uncovered.front();
  CHECK_FALSE(summary_of(uncovered, agreed));
}
