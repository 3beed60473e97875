#pragma once
// Costs, questions, digests and a key for the tests of the ledger.
#include <string>

#include "common/privacy/ledger.hpp"
#include "tests/support/catch.hpp"

namespace genesis::privacy {

inline Cost a_cost(std::uint64_t tables, double variance) {
  const auto noise = NoiseVariance::at_least(variance);
  REQUIRE(noise.has_value());
  return Cost{.tables = tables, .cells = tables * 100, .variance = *noise};
}

inline std::string a_digest(char digit) {
  return std::string(64, digit);
}

inline Question a_question(std::uint32_t collection, const std::string& run = "run-1") {
  return {.run = run, .collection = collection, .attempt = 0, .query_sha256 = a_digest('a')};
}

inline Guarantee a_guarantee(double epsilon, double delta = 1e-5) {
  const auto result = Guarantee::of(Epsilon{epsilon}, Delta{delta});
  REQUIRE(result.has_value());
  return *result;
}

inline const crypto::SigningKey& a_signing_key() {
  static const auto key = crypto::SigningKey::parse(std::string(64, '7'));
  return *key;
}

inline constexpr const char* kNow = "2026-03-01T12:00:00Z";

}  // namespace genesis::privacy
