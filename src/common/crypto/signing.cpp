#include "common/crypto/signing.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <openssl/evp.h>

#include "common/base/check.hpp"
#include "common/crypto/digest.hpp"

namespace genesis::crypto {
namespace {

constexpr std::size_t kSeedBytes = 32;

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Context = std::unique_ptr<EVP_MD_CTX, Free>;

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

unsigned char* raw(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

std::string hex(std::string_view bytes) {
  return to_hex(std::as_bytes(std::span(bytes)));
}

std::optional<unsigned> value_of(char digit) {
  if (digit >= '0' && digit <= '9') {
    return static_cast<unsigned>(digit - '0');
  }
  if (digit >= 'a' && digit <= 'f') {
    return static_cast<unsigned>(digit - 'a' + 10);
  }
  return std::nullopt;
}

// The bytes of so many digits.
std::optional<std::string> bytes_of(std::string_view text, std::size_t digits) {
  if (text.size() != digits) {
    return std::nullopt;
  }
  std::string bytes;
  bytes.reserve(digits / 2);
  for (std::size_t i = 0; i < digits; i += 2) {
    const auto high = value_of(text[i]);
    const auto low = value_of(text[i + 1]);
    if (!high || !low) {
      return std::nullopt;
    }
    bytes.push_back(static_cast<char>(*high << 4U | *low));
  }
  return bytes;
}

Key private_key(const Secret& seed) {
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw(seed.reveal()), kSeedBytes));
  GENESIS_CHECK(key != nullptr, "OpenSSL has no Ed25519");
  return key;
}

}  // namespace

SigningKey::SigningKey(Secret seed) : seed_(std::move(seed)) {
  const auto key = private_key(seed_);
  std::string bytes(kPublicKeyDigits / 2, '\0');
  std::size_t size = bytes.size();
  GENESIS_CHECK(EVP_PKEY_get_raw_public_key(key.get(), raw(bytes), &size) == 1, "Ed25519 failed");
  public_key_ = hex(bytes);
}

SigningKey SigningKey::random(Entropy& entropy) {
  std::string bytes(kSeedBytes, '\0');
  entropy.fill(std::as_writable_bytes(std::span(bytes)));
  return SigningKey(Secret(std::move(bytes)));
}

Result<SigningKey> SigningKey::parse(std::string_view text) {
  auto bytes = bytes_of(text, 2 * kSeedBytes);
  if (!bytes) {
    return fail(Errc::kInvalidArgument, "a private key of Ed25519 has 64 hexadecimal digits");
  }
  return SigningKey(Secret(*std::move(bytes)));
}

Secret SigningKey::text() const {
  return Secret(hex(seed_.reveal()));
}

std::string SigningKey::sign(std::string_view message) const {
  const auto key = private_key(seed_);
  const Context context(EVP_MD_CTX_new());
  std::string signature(kSignatureDigits / 2, '\0');
  std::size_t size = signature.size();
  GENESIS_CHECK(
      context != nullptr &&
          EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
          EVP_DigestSign(context.get(), raw(signature), &size, raw(message), message.size()) == 1,
      "Ed25519 failed");
  return hex(signature);
}

bool is_signed(std::string_view public_key, std::string_view message, std::string_view signature) {
  const auto point = bytes_of(public_key, kPublicKeyDigits);
  const auto bytes = bytes_of(signature, kSignatureDigits);
  if (!point || !bytes) {
    return false;
  }
  const Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(*point), point->size()));
  const Context context(EVP_MD_CTX_new());
  return key != nullptr && context != nullptr &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(
             context.get(), raw(*bytes), bytes->size(), raw(message), message.size()) == 1;
}

}  // namespace genesis::crypto
