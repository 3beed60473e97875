#pragma once
// OpenSSL's big numbers as owning values. Private to this folder.
#include <memory>
#include <string>
#include <string_view>

#include <openssl/bn.h>

namespace genesis::secure {

template <auto release>
struct ReleaseBig {
  template <typename T>
  void operator()(T* handle) const {
    release(handle);
  }
};
using Big = std::unique_ptr<BIGNUM, ReleaseBig<BN_clear_free>>;  // wiped when it goes
using BigContext = std::unique_ptr<BN_CTX, ReleaseBig<BN_CTX_free>>;
using Montgomery = std::unique_ptr<BN_MONT_CTX, ReleaseBig<BN_MONT_CTX_free>>;

[[nodiscard]] Big big();
[[nodiscard]] Big copy_of(const Big& value);
/// Big-endian, any length.
[[nodiscard]] Big big_from(std::string_view bytes);
/// Big-endian, exactly `size` bytes, which are enough.
[[nodiscard]] std::string bytes_of(const Big& value, std::size_t size);
[[nodiscard]] BigContext big_context();
/// For an odd modulus.
[[nodiscard]] Montgomery montgomery_of(const Big& modulus, const BigContext& context);

/// OpenSSL's calls fail for want of memory alone, where their arguments are sound.
void done(int result);

}  // namespace genesis::secure
