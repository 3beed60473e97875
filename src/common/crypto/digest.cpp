#include "common/crypto/digest.hpp"

#include <utility>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/base/check.hpp"

namespace genesis::crypto {

struct Sha256::Context {
  EVP_MD_CTX* handle = EVP_MD_CTX_new();
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(handle); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  GENESIS_CHECK(context_->handle != nullptr, "no memory for a digest");
  GENESIS_CHECK(EVP_DigestInit_ex(context_->handle, EVP_sha256(), nullptr) == 1,
                "OpenSSL has no SHA-256");
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

Sha256& Sha256::update(std::string_view bytes) {
  return update(std::as_bytes(std::span(bytes)));
}

Sha256& Sha256::update(std::span<const std::byte> bytes) {
  GENESIS_CHECK(context_ != nullptr, "a finished digest takes no more bytes");
  GENESIS_CHECK(EVP_DigestUpdate(context_->handle, bytes.data(), bytes.size()) == 1,
                "SHA-256 failed");
  return *this;
}

std::array<std::byte, kSha256Bytes> Sha256::finish() {
  GENESIS_CHECK(context_ != nullptr, "a digest is finished once");
  std::array<unsigned char, kSha256Bytes> raw{};
  GENESIS_CHECK(EVP_DigestFinal_ex(context_->handle, raw.data(), nullptr) == 1, "SHA-256 failed");
  context_.reset();
  std::array<std::byte, kSha256Bytes> digest{};
  for (std::size_t i = 0; i < raw.size(); ++i) {
    digest[i] = std::byte{raw[i]};
  }
  return digest;
}

std::string Sha256::finish_hex() {
  return to_hex(finish());
}

std::string sha256_hex(std::string_view bytes) {
  return Sha256().update(bytes).finish_hex();
}

std::string hmac_sha256_hex(const Secret& key, std::string_view bytes) {
  const std::string_view secret = key.reveal();
  std::array<std::byte, kSha256Bytes> code{};
  const auto* const data = reinterpret_cast<const unsigned char*>(bytes.data());
  auto* const out = reinterpret_cast<unsigned char*>(code.data());
  unsigned size = 0;
  const auto* const done = HMAC(
      EVP_sha256(), secret.data(), static_cast<int>(secret.size()), data, bytes.size(), out, &size);
  GENESIS_CHECK(done != nullptr && size == kSha256Bytes, "HMAC failed");
  return to_hex(code);
}

std::string to_hex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::byte byte : bytes) {
    const auto value = std::to_integer<unsigned>(byte);
    text += kDigits[value >> 4U];
    text += kDigits[value & 15U];
  }
  return text;
}

}  // namespace genesis::crypto
