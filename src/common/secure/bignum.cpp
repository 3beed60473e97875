#include "common/secure/bignum.hpp"

#include "common/base/check.hpp"

namespace genesis::secure {

Big big() {
  Big value(BN_new());
  GENESIS_CHECK(value != nullptr, "no memory for a number");
  return value;
}

Big copy_of(const Big& value) {
  Big copy(BN_dup(value.get()));
  GENESIS_CHECK(copy != nullptr, "no memory for a number");
  return copy;
}

Big big_from(std::string_view bytes) {
  const auto* raw = reinterpret_cast<const unsigned char*>(bytes.data());
  Big value(BN_bin2bn(raw, static_cast<int>(bytes.size()), nullptr));
  GENESIS_CHECK(value != nullptr, "no memory for a number");
  return value;
}

std::string bytes_of(const Big& value, std::size_t size) {
  std::string bytes(size, '\0');
  auto* raw = reinterpret_cast<unsigned char*>(bytes.data());
  GENESIS_CHECK(BN_bn2binpad(value.get(), raw, static_cast<int>(size)) == static_cast<int>(size),
                "a number fits its bytes");
  return bytes;
}

BigContext big_context() {
  BigContext context(BN_CTX_secure_new());
  GENESIS_CHECK(context != nullptr, "no memory for numbers");
  return context;
}

Montgomery montgomery_of(const Big& modulus, const BigContext& context) {
  Montgomery made(BN_MONT_CTX_new());
  GENESIS_CHECK(made != nullptr, "no memory for a modulus");
  done(BN_MONT_CTX_set(made.get(), modulus.get(), context.get()));
  return made;
}

void done(int result) {
  GENESIS_CHECK(result == 1, "OpenSSL's arithmetic failed");
}

}  // namespace genesis::secure
