#include "common/crypto/entropy.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "common/base/check.hpp"
#include "common/crypto/digest.hpp"

namespace genesis::crypto {
namespace {

constexpr std::size_t kTokenBytes = 32;
constexpr std::size_t kIdBytes = 16;

std::string base64url(std::span<const std::byte> bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t pending = 0;
  unsigned bits = 0;
  for (const std::byte byte : bytes) {
    pending = (pending << 8U) | std::to_integer<std::uint32_t>(byte);
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text += kAlphabet[(pending >> bits) & 63U];
    }
  }
  if (bits > 0) {
    text += kAlphabet[(pending << (6 - bits)) & 63U];
  }
  return text;
}

void fill_by(int (*generate)(unsigned char*, int), std::span<std::byte> bytes) {
  constexpr std::size_t kMost = std::numeric_limits<int>::max();
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), kMost);
    GENESIS_CHECK(
        generate(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) == 1,
        "the system's random generator failed");
    bytes = bytes.subspan(count);
  }
}

}  // namespace

void SystemEntropy::fill(std::span<std::byte> bytes) {
  fill_by(RAND_bytes, bytes);
}

void fill_private(std::span<std::byte> bytes) {
  fill_by(RAND_priv_bytes, bytes);
}

Secret random_token(Entropy& entropy) {
  std::array<std::byte, kTokenBytes> bytes{};
  entropy.fill(bytes);
  std::string text = base64url(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return Secret(std::move(text));
}

std::string random_id(Entropy& entropy) {
  std::array<std::byte, kIdBytes> bytes{};
  entropy.fill(bytes);
  return to_hex(bytes);
}

}  // namespace genesis::crypto
