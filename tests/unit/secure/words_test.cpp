#include "common/secure/words.hpp"

#include <rapidcheck.h>

#include "tests/support/catch.hpp"

namespace genesis::secure {

TEST_CASE("secure: packed words come back, in as few bytes as they take", "[secure][property]") {
  REQUIRE(rc::check("round trip", [](const std::vector<std::uint64_t>& any) {
    const auto bits = *rc::gen::inRange(1U, kMaxWordBits + 1);
    Words words = any;
    reduce(words, bits);
    const std::string bytes = pack(words, bits);
    RC_ASSERT(bytes.size() == (words.size() * bits + 7) / 8);
    const auto back = unpack(bytes, words.size(), bits);
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back == words);
  }));
}

TEST_CASE("secure: words have one form alone", "[secure]") {
  CHECK(pack(Words{1, 2, 3}, 3) == std::string("\xd1\x00", 2));
  CHECK(unpack(std::string("\xd1\x00", 2), 3, 3).value() == Words{1, 2, 3});
  CHECK_FALSE(unpack(std::string("\xd1\x02", 2), 3, 3));
  CHECK_FALSE(unpack("\xd1", 3, 3));
  CHECK_FALSE(unpack(std::string("\xd1\x00\x00", 3), 3, 3));
  CHECK(unpack("", 0, 3).value().empty());
}

TEST_CASE("secure: sums of words wrap at the modulus", "[secure]") {
  Words sum{6, 7};
  add(sum, Words{1, 1});
  reduce(sum, 3);
  CHECK(sum == Words{7, 0});
  Words below{0};
  below[0] -= 1;  // as masks are taken off
  reduce(below, 5);
  CHECK(below == Words{31});
}

}  // namespace genesis::secure
