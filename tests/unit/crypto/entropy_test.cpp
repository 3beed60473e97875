#include "common/crypto/entropy.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <vector>

#include "tests/support/catch.hpp"

namespace genesis::crypto {
namespace {

// Hands out 0x00, 0x01, … or one value for ever.
class Scripted final : public Entropy {
 public:
  Scripted(unsigned first, unsigned step) : next_(first), step_(step) {}
  void fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) {
      byte = static_cast<std::byte>(next_ & 0xFFU);
      next_ += step_;
    }
  }

 private:
  unsigned next_;
  unsigned step_;
};

}  // namespace

TEST_CASE("crypto: a token is 32 bytes as base64url without padding", "[crypto]") {
  // python3: base64.urlsafe_b64encode(bytes(range(32))).rstrip(b"="), and 32 times 0xff and 0xfb.
  Scripted counting(0, 1);
  CHECK(random_token(counting).reveal() == "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
  Scripted ones(0xFF, 0);
  CHECK(random_token(ones).reveal() == "__________________________________________8");
  Scripted dashes(0xFB, 0);
  CHECK(random_token(dashes).reveal() == "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s");
}

TEST_CASE("crypto: an id is 16 bytes as hex", "[crypto]") {
  Scripted counting(0, 1);
  CHECK(random_id(counting) == "000102030405060708090a0b0c0d0e0f");
}

TEST_CASE("crypto: two draws differ, in one generator and in two", "[crypto]") {
  SystemEntropy first;
  SystemEntropy second;
  const Secret a = random_token(first);
  CHECK_FALSE(a == random_token(first));
  CHECK_FALSE(a == random_token(second));
  CHECK(random_id(first) != random_id(second));
}

TEST_CASE("crypto: the system's generator fills every byte", "[crypto][statistical]") {
  // 64 KiB are 524,288 fair bits: 6 standard deviations are 2172 bits, a false alarm in 5e8 runs.
  std::vector<std::byte> bytes(65536);
  SystemEntropy().fill(bytes);
  long ones = 0;
  for (const std::byte byte : bytes) {
    ones += std::popcount(std::to_integer<unsigned>(byte));
  }
  CHECK(std::abs(ones - 262144) < 2172);
  const std::vector<std::byte> tail(bytes.end() - 16, bytes.end());
  CHECK(tail != std::vector<std::byte>(16));
  SystemEntropy().fill({});
}

}  // namespace genesis::crypto
