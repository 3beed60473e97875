#include "common/rounds/close_policy.hpp"

#include "tests/support/catch.hpp"

using namespace genesis::rounds;

TEST_CASE("rounds: a drawn collection closes by what it needs, its quorum and its deadline",
          "[rounds]") {
  const ClosePolicy policy{.quorum = 2, .needed = 4, .retries = 1};
  const auto verdict = [&](Progress so_far) { return judge(policy, so_far); };
  CHECK(verdict({.reported = 0, .awaited = 4}) == Verdict::kOpen);
  CHECK(verdict({.reported = 3, .awaited = 1}) == Verdict::kOpen);
  CHECK(verdict({.reported = 4, .awaited = 1}) == Verdict::kCloseComplete);
  CHECK(verdict({.reported = 2, .awaited = 0}) == Verdict::kCloseNobodyLeft);
  CHECK(verdict({.reported = 1, .awaited = 0}) == Verdict::kOpen);  // somebody may come back
  CHECK(verdict({.reported = 2, .awaited = 2, .is_due = true}) == Verdict::kCloseAtDeadline);
  CHECK(verdict({.reported = 1, .awaited = 2, .is_due = true}) == Verdict::kRetry);
  CHECK(verdict({.reported = 1, .awaited = 2, .attempt = 2, .is_due = true}) == Verdict::kFail);
}

TEST_CASE("rounds: what everyone is asked waits for everyone until its deadline", "[rounds]") {
  const ClosePolicy policy{.quorum = 2, .needed = 4, .waits_for_all = true};
  CHECK(judge(policy, {.reported = 3, .awaited = 0}) == Verdict::kOpen);
  CHECK(judge(policy, {.reported = 4, .awaited = 0}) == Verdict::kCloseComplete);
  CHECK(judge(policy, {.reported = 2, .awaited = 2, .is_due = true}) == Verdict::kCloseAtDeadline);
  CHECK(judge(policy, {.reported = 1, .awaited = 3, .is_due = true}) == Verdict::kFail);
}

TEST_CASE("rounds: the shares that are needed and drawn round up, and keep the quorum",
          "[rounds]") {
  CHECK(needed_of(0.5, 5, 1) == 3);
  CHECK(needed_of(0.01, 5, 2) == 2);
  CHECK(needed_of(1.0, 0, 3) == 3);
  CHECK(drawn_for(3, 0.0) == 3);
  CHECK(drawn_for(3, 0.1) == 4);
}
