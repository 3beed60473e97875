#include "aggregator/summation.hpp"

#include <string>
#include <vector>

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::aggregator;

namespace {

// Of two sites that agree and a third that counts all its rows in one place.
rounds::Counts total_of(spec::Strategy strategy, const method::SumOfCounts& combine) {
  const std::vector<rounds::Counts> answers{{100, 40, 60}, {100, 40, 60}, {100, 100, 0}};
  spec::Aggregation aggregation;
  aggregation.strategy = strategy;
  auto sum = Summation::start(combine, aggregation, answers.size(), 300);
  REQUIRE(sum);
  for (const auto& counts : answers) {
    const rounds::Body body = rounds::Plain{counts};
    REQUIRE(check_form(body, combine));
    REQUIRE(sum->add(body, counts[0]));
  }
  return std::get<rounds::Counts>(*sum->total());
}

}  // namespace

TEST_CASE("aggregator: robust strategies hold for counts that are distributions", "[aggregator]") {
  const method::SumOfCounts lists{3, {1, 2}};
  CHECK(total_of(spec::Strategy::kWeighted, lists) == rounds::Counts{300, 180, 120});
  CHECK(total_of(spec::Strategy::kMedian, lists) == rounds::Counts{300, 120, 180});
  CHECK(total_of(spec::Strategy::kMedian, method::SumOfCounts{3}) == rounds::Counts{300, 180, 120});
}
