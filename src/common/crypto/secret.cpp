#include "common/crypto/secret.hpp"

#include <algorithm>
#include <utility>

#include <openssl/crypto.h>

#include "common/crypto/digest.hpp"

namespace genesis::crypto {
namespace {

// Characters that 128 random bits take.
constexpr std::size_t kLeastToken = 22;  // of base64
constexpr std::size_t kLeastHexToken = 32;

}  // namespace

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

Result<Secret> parse_token(std::string text) {
  const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
  const Secret all(std::move(text));
  const std::string_view token = all.reveal().substr(0, end);
  if (token.empty()) {
    return fail(Errc::kInvalidArgument, "the token is empty; put it on the first line");
  }
  if (!std::ranges::all_of(token, [](char c) { return c > ' ' && c <= '~'; })) {
    return fail(Errc::kInvalidArgument,
                "the token has other characters than visible ASCII; make another one");
  }
  const bool is_hex = token.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
  const std::size_t least = is_hex ? kLeastHexToken : kLeastToken;
  if (token.size() < least) {
    return fail(Errc::kInvalidArgument,
                "the token is short enough to be guessed; it takes 128 random bits, " +
                    std::to_string(kLeastToken) + " characters or " +
                    std::to_string(kLeastHexToken) +
                    " hexadecimal digits: make one with `openssl rand -hex 32`");
  }
  return Secret(token);
}

}  // namespace genesis::crypto
