#include "common/crypto/secret.hpp"

#include <utility>

#include <openssl/crypto.h>

#include "common/crypto/digest.hpp"

namespace genesis::crypto {

Secret::Secret(std::string_view text) : bytes_(text.begin(), text.end()) {}

Secret::Secret(std::string&& text) : bytes_(text.begin(), text.end()) {
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

Secret::~Secret() {
  wipe();
}

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    wipe();
    bytes_ = other.bytes_;
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    bytes_ = std::exchange(other.bytes_, {});
  }
  return *this;
}

bool Secret::equals(std::string_view candidate) const {
  const auto expected = Sha256().update(reveal()).finish();
  const auto received = Sha256().update(candidate).finish();
  return CRYPTO_memcmp(expected.data(), received.data(), expected.size()) == 0;
}

void Secret::wipe() {
  if (!bytes_.empty()) {
    OPENSSL_cleanse(bytes_.data(), bytes_.size());
  }
}

}  // namespace genesis::crypto
