#include "common/secure/shamir.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <rapidcheck.h>

#include "tests/unit/secure/parties.hpp"

namespace genesis::secure {
namespace {

// The definition, bit by bit.
std::uint32_t slow_multiply(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (unsigned i = 0; i < 16; ++i) {
    product ^= (b >> i & 1U) != 0 ? a << i : 0;
  }
  for (unsigned i = 31; i >= 16; --i) {
    product ^= (product >> i & 1U) != 0 ? std::uint32_t{0x1002b} << (i - 16) : 0;
  }
  return product;
}

struct Split {
  crypto::Secret secret;
  std::vector<crypto::Secret> shares;
};

Split a_split(std::uint64_t seed, std::size_t holders, std::size_t threshold) {
  ScriptedEntropy entropy(seed);
  crypto::Secret secret = random_key(entropy);
  auto shares = split(secret, random_key(entropy), holders, threshold);
  return {.secret = std::move(secret), .shares = std::move(shares)};
}

Result<crypto::Secret> combine(const Split& split, const std::vector<std::uint16_t>& places) {
  std::vector<std::string_view> shares;
  for (const std::uint16_t place : places) {
    shares.push_back(split.shares[place - 1U].reveal());
  }
  GENESIS_ASSIGN(const auto combiner, Combiner::at(places));
  return combiner.combine(shares);
}

}  // namespace

TEST_CASE("secure: the field's product is that of its definition", "[secure][property]") {
  REQUIRE(rc::check("product", [](std::uint16_t a, std::uint16_t b) {
    RC_ASSERT(gf_multiply(a, b) == slow_multiply(a, b));
  }));
  // 3 generates the field's 65,535 units, so that the polynomial is irreducible.
  std::uint16_t power = 1;
  std::size_t order = 0;
  do {
    power = gf_multiply(power, 3);
    ++order;
  } while (power != 1 && order <= 65535);
  CHECK(order == 65535);
}

TEST_CASE("secure: any threshold of shares gives the secret back", "[secure][property]") {
  REQUIRE(rc::check("exactly t", [] {
    const auto holders = *rc::gen::inRange<std::size_t>(1, 13);
    const auto threshold = *rc::gen::inRange<std::size_t>(1, holders + 1);
    const auto split = a_split(*rc::gen::arbitrary<std::uint64_t>(), holders, threshold);
    std::vector<std::uint16_t> places(holders);
    for (std::size_t i = 0; i < holders; ++i) {
      places[i] = static_cast<std::uint16_t>(i + 1);
    }
    // A random choice, in a random order.
    for (std::size_t i = holders; i > 1; --i) {
      std::swap(places[i - 1], places[*rc::gen::inRange<std::size_t>(0, i)]);
    }
    places.resize(threshold);
    RC_ASSERT(combine(split, places).value() == split.secret);
    if (threshold > 1) {
      places.pop_back();
      RC_ASSERT_FALSE(combine(split, places).value() == split.secret);
    }
  }));
}

TEST_CASE("secure: one share less than the threshold fits every secret", "[secure]") {
  // With t - 1 shares given, the missing share is a bijection of the secret: here of one element of
  // it, over all 65,536 values.
  const auto split = a_split(5, 4, 3);
  const std::vector<std::uint16_t> places{1, 3, 4};
  const auto combiner = Combiner::at(places).value();
  std::vector<bool> seen(65536);
  std::string guess(kSharedBytes, '\0');
  for (std::size_t value = 0; value < seen.size(); ++value) {
    guess[0] = static_cast<char>(value & 0xffU);
    guess[1] = static_cast<char>(value >> 8U);
    const std::array<std::string_view, 3> shares{
        split.shares[0].reveal(), split.shares[2].reveal(), guess};
    const auto secret = combiner.combine(shares).value();
    const auto low = static_cast<unsigned char>(secret.reveal()[0]);
    const auto high = static_cast<unsigned char>(secret.reveal()[1]);
    seen[low | static_cast<std::size_t>(high) << 8U] = true;
  }
  CHECK(std::ranges::all_of(seen, [](bool once) { return once; }));
}

TEST_CASE("secure: shares of one place or of none are refused", "[secure]") {
  CHECK_FALSE(Combiner::at(std::vector<std::uint16_t>{}));
  CHECK_FALSE(Combiner::at(std::vector<std::uint16_t>{1, 0}));
  CHECK_FALSE(Combiner::at(std::vector<std::uint16_t>{1, 2, 1}));
  const auto combiner = Combiner::at(std::vector<std::uint16_t>{1, 2}).value();
  const std::string share(kSharedBytes, 'x');
  CHECK_FALSE(combiner.combine(std::vector<std::string_view>{share}));
  CHECK_FALSE(combiner.combine(std::vector<std::string_view>{share, "short"}));
}

TEST_CASE("secure: two secrets, or two seeds, have shares that differ", "[secure]") {
  std::set<std::string> all;
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    for (const auto& share : a_split(seed, 5, 4).shares) {
      all.emplace(share.reveal());
    }
  }
  CHECK(all.size() == 15);
}

}  // namespace genesis::secure
