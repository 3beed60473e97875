#include "common/http/body_budget.hpp"

#include <map>

#include <rapidcheck.h>

#include "tests/support/catch.hpp"

using namespace genesis::http;

namespace {

using Ids = std::vector<ConnectionId>;

}  // namespace

TEST_CASE("http: a body counts with what has arrived of it", "[http]") {
  BodyBudget budget(100);
  CHECK(budget.grow(1, "a", 30).empty());
  CHECK(budget.grow(1, "a", 60).empty());
  CHECK(budget.grow(2, "b", 40).empty());
  CHECK(budget.held() == 100);
  budget.release(1);
  budget.release(1);
  CHECK(budget.held() == 40);
}

TEST_CASE("http: the peer that holds most gives up its newest body", "[http]") {
  BodyBudget budget(100);
  CHECK(budget.grow(1, "greedy", 30).empty());
  CHECK(budget.grow(2, "quiet", 30).empty());
  CHECK(budget.grow(3, "greedy", 20).empty());
  CHECK(budget.grow(4, "third", 20).empty());
  CHECK(budget.grow(4, "third", 25) == Ids{3});
  CHECK(budget.held() == 85);
}

TEST_CASE("http: a body that is too much alone gives up itself", "[http]") {
  BodyBudget budget(100);
  CHECK(budget.grow(1, "a", 101) == Ids{1});
  CHECK(budget.held() == 0);
}

TEST_CASE("http: a body that has arrived is not given up, but counts for its peer", "[http]") {
  BodyBudget budget(100);
  CHECK(budget.grow(1, "a", 60).empty());
  budget.complete(1);
  CHECK(budget.is_complete(1));
  CHECK_FALSE(budget.is_complete(2));
  CHECK(budget.grow(2, "a", 10).empty());
  CHECK(budget.grow(3, "b", 40) == Ids{2});  // b has more that could go, but a holds more in all
  CHECK(budget.grow(3, "b", 41) == Ids{3});
  CHECK(budget.held() == 60);
}

TEST_CASE("http: no order of bodies holds more than the budget", "[http][property]") {
  REQUIRE(rc::check("held <= total while one is arriving", [] {
    constexpr std::uint64_t kTotal = 50;
    BodyBudget budget(kTotal);
    std::map<ConnectionId, std::uint64_t> arriving;
    std::uint64_t complete = 0;
    for (ConnectionId id = 1; id < 40; ++id) {
      arriving[id] = 0;
      const auto which =
          std::next(arriving.begin(), *rc::gen::inRange<int>(0, static_cast<int>(arriving.size())));
      const ConnectionId grown = which->first;
      which->second += *rc::gen::inRange<std::uint64_t>(1, 20);
      const std::string peer(1, static_cast<char>('a' + grown % 3));
      for (const ConnectionId gone : budget.grow(grown, peer, which->second)) {
        RC_ASSERT(arriving.erase(gone) == 1);
      }
      std::uint64_t held = complete;
      for (const auto& [one, bytes] : arriving) {
        held += bytes;
      }
      RC_ASSERT(budget.held() == held);
      RC_ASSERT(held <= kTotal);
      if (arriving.contains(grown) && *rc::gen::inRange(0, 4) == 0) {
        budget.complete(grown);
        complete += arriving[grown];
        arriving.erase(grown);
      }
    }
  }));
}
