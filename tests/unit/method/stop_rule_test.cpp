#include "common/method/stop_rule.hpp"

#include <string>
#include <vector>

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::method;

namespace {

constexpr spec::StopCondition kTwoRounds{.patience = 2, .min_improvement = 0.1};

struct Said {
  std::string site;
  double loss;
  std::uint64_t weight;
};

void note(StopRule& rule, const std::vector<Said>& round) {
  std::map<ClientId, HoldoutLoss> losses;
  for (const auto& said : round) {
    losses[ClientId::parse(said.site).value()] = {said.loss, said.weight};
  }
  rule.note(losses);
}

}  // namespace

TEST_CASE("stop rule: it is met after as many answers without improvement as it has patience",
          "[method]") {
  StopRule rule(kTwoRounds);
  CHECK_FALSE(rule.is_met());
  for (const double loss : {9.0, 8.0, 7.95, 7.8, 7.8}) {  // 7.95 is too little, 7.8 enough
    note(rule, {{"a", loss, 10}});
    CHECK_FALSE(rule.is_met());
  }
  note(rule, {{"a", 7.75, 10}});
  CHECK(rule.is_met());
  CHECK_THAT(rule.reason(), ContainsSubstring("for 2 rounds (rounds.stopCondition)"));
}

TEST_CASE("stop rule: sites with more than half of the weight decide, whatever the others say",
          "[method]") {
  StopRule liars(kTwoRounds);
  StopRule half(kTwoRounds);
  StopRule majority(kTwoRounds);
  for (int round = 0; round < 10; ++round) {
    const double falling = 9.0 - 0.5 * round;
    note(liars, {{"a", falling, 60}, {"b", 1e12, 40}});
    CHECK_FALSE(liars.is_met());
    note(half, {{"a", falling, 50}, {"b", 7.0, 50}});
    CHECK_FALSE(half.is_met());
    note(majority, {{"a", falling, 49}, {"b", 7.0, 51}});
    CHECK(majority.is_met() == (round >= 2));
  }
}

TEST_CASE("stop rule: sites that were not asked, or keep no rows, do not count", "[method]") {
  StopRule rule(kTwoRounds);
  note(rule, {{"a", 5.0, 10}, {"b", 5.0, 90}});
  note(rule, {{"a", 5.0, 10}});
  CHECK_FALSE(rule.is_met());
  note(rule, {{"a", 5.0, 10}});
  CHECK(rule.is_met());
  note(rule, {{"a", 5.0, 10}, {"b", 5.0, 90}});  // b has waited for one answer alone
  CHECK_FALSE(rule.is_met());
  note(rule, {});
  CHECK_FALSE(rule.is_met());
}

TEST_CASE("stop rule: it goes on from its state as if nothing had happened", "[method]") {
  StopRule rule(kTwoRounds);
  for (const double loss : {9.0, 8.0, 8.0, 8.0}) {
    note(rule, {{"a", loss, 10}});
    StopRule restarted(kTwoRounds);
    REQUIRE(restarted.restore(rule.state()));
    CHECK(restarted.is_met() == rule.is_met());
    CHECK(restarted.state() == rule.state());
    rule = restarted;
  }
  CHECK(rule.is_met());
  for (const char* bad : {"",
                          "[]",
                          "{}",
                          R"({"met":true})",
                          R"({"met":1,"sites":[]})",
                          R"({"met":true,"sites":[{"client":"a","best":"x","waited":1}]})"}) {
    CHECK_FALSE(StopRule(kTwoRounds).restore(bad));
  }
}
