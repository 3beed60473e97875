#include "common/secure/shamir.hpp"

#include <array>
#include <cstddef>
#include <string>

#include <openssl/crypto.h>

#include "common/base/check.hpp"
#include "common/secure/primitives.hpp"

namespace genesis::secure {
namespace {

constexpr std::size_t kElements = kSharedBytes / 2;
constexpr unsigned kDegree = 16;
constexpr unsigned kReduction = 0x2b;  // x^5 + x^3 + x + 1
using Elements = std::array<std::uint16_t, kElements>;

struct WipedElements {
  Elements values{};
  WipedElements() = default;
  WipedElements(const WipedElements&) = default;
  WipedElements& operator=(const WipedElements&) = default;
  ~WipedElements() { OPENSSL_cleanse(values.data(), sizeof(values)); }
};

// values * factor, all elements side by side.
void scale(Elements& values, std::uint16_t factor) {
  Elements product{};
  for (unsigned bit = kDegree; bit-- > 0;) {
    const auto chosen = static_cast<std::uint16_t>(-((factor >> bit) & 1));
    for (std::size_t i = 0; i < kElements; ++i) {
      const unsigned top = unsigned{product[i]} >> (kDegree - 1U);
      const unsigned carry = (0U - top) & kReduction;
      const unsigned added = unsigned{values[i]} & chosen;
      product[i] = static_cast<std::uint16_t>((unsigned{product[i]} << 1U) ^ carry ^ added);
    }
  }
  values = product;
}

void load(Elements& values, std::string_view bytes) {
  for (std::size_t i = 0; i < kElements; ++i) {
    const auto low = static_cast<unsigned char>(bytes[2 * i]);
    const auto high = static_cast<unsigned char>(bytes[2 * i + 1]);
    values[i] = static_cast<std::uint16_t>(low | (high << 8U));
  }
}

crypto::Secret store(const Elements& values) {
  std::string bytes(kSharedBytes, '\0');
  for (std::size_t i = 0; i < kElements; ++i) {
    bytes[2 * i] = static_cast<char>(values[i] & 0xffU);
    bytes[2 * i + 1] = static_cast<char>(values[i] >> 8U);
  }
  return crypto::Secret(std::move(bytes));
}

// a^(2^16 - 2); 0 for 0.
std::uint16_t invert(std::uint16_t a) {
  std::uint16_t power = a;
  std::uint16_t result = 1;
  for (unsigned i = 1; i < kDegree; ++i) {
    power = gf_multiply(power, power);
    result = gf_multiply(result, power);
  }
  return result;
}

}  // namespace

std::uint16_t gf_multiply(std::uint16_t a, std::uint16_t b) {
  unsigned product = 0;
  for (unsigned bit = kDegree; bit-- > 0;) {
    const unsigned carry = -(product >> (kDegree - 1U)) & kReduction;
    const unsigned term = -((b >> bit) & 1U) & a;
    product = ((product << 1U) ^ carry ^ term) & 0xffffU;
  }
  return static_cast<std::uint16_t>(product);
}

std::vector<crypto::Secret> split(const crypto::Secret& secret,
                                  const crypto::Secret& seed,
                                  std::size_t holders,
                                  std::size_t threshold) {
  GENESIS_CHECK(secret.reveal().size() == kSharedBytes, "secrets have 32 bytes");
  GENESIS_CHECK(threshold >= 1 && threshold <= holders && holders <= 0xffff, "1 <= t <= n < 2^16");
  // coefficients[0] is the secret, that of x^0.
  std::vector<WipedElements> coefficients(threshold);
  load(coefficients[0].values, secret.reveal());
  Prg prg(seed);
  for (std::size_t k = 1; k < threshold; ++k) {
    prg.fill(std::as_writable_bytes(std::span(coefficients[k].values)));
  }
  std::vector<crypto::Secret> shares;
  shares.reserve(holders);
  for (std::size_t place = 1; place <= holders; ++place) {
    WipedElements value;  // by Horner's rule
    for (std::size_t k = threshold; k-- > 0;) {
      scale(value.values, static_cast<std::uint16_t>(place));
      for (std::size_t i = 0; i < kElements; ++i) {
        value.values[i] = static_cast<std::uint16_t>(value.values[i] ^ coefficients[k].values[i]);
      }
    }
    shares.push_back(store(value.values));
  }
  return shares;
}

Result<Combiner> Combiner::at(std::span<const std::uint16_t> places) {
  if (places.empty()) {
    return fail(Errc::kInvalidArgument, "no shares");
  }
  Combiner combiner;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i] == 0) {
      return fail(Errc::kInvalidArgument, "the place 0 is the secret's own");
    }
    std::uint16_t above = 1;
    std::uint16_t below = 1;
    for (std::size_t j = 0; j < places.size(); ++j) {
      if (i == j) {
        continue;
      }
      if (places[i] == places[j]) {
        return fail(Errc::kInvalidArgument, "two shares of one place");
      }
      above = gf_multiply(above, places[j]);
      below = gf_multiply(below, static_cast<std::uint16_t>(places[i] ^ places[j]));
    }
    combiner.weights_.push_back(gf_multiply(above, invert(below)));
  }
  return combiner;
}

Result<crypto::Secret> Combiner::combine(std::span<const std::string_view> shares) const {
  if (shares.size() != weights_.size()) {
    return fail(Errc::kInvalidArgument,
                "expected " + std::to_string(weights_.size()) + " shares, got " +
                    std::to_string(shares.size()));
  }
  WipedElements secret;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (shares[i].size() != kSharedBytes) {
      return fail(Errc::kInvalidArgument, "a share does not have 32 bytes");
    }
    WipedElements term;
    load(term.values, shares[i]);
    scale(term.values, weights_[i]);
    for (std::size_t k = 0; k < kElements; ++k) {
      secret.values[k] = static_cast<std::uint16_t>(secret.values[k] ^ term.values[k]);
    }
  }
  return store(secret.values);
}

}  // namespace genesis::secure
