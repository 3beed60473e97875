#pragma once
// OpenSSL handles as owning values, and its error queue as text. Private to this folder.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "common/base/error.hpp"

namespace genesis::tls {

template <auto release>
struct Release {
  template <typename T>
  void operator()(T* handle) const {
    release(handle);
  }
};
template <typename T, auto release>
using Handle = std::unique_ptr<T, Release<release>>;

using Bio = Handle<BIO, BIO_free>;
using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using Certificate = Handle<X509, X509_free>;
using Extension = Handle<X509_EXTENSION, X509_EXTENSION_free>;
using BigNumber = Handle<BIGNUM, BN_free>;

/// Text of the oldest error of OpenSSL's queue of this thread, which is then cleared.
std::string take_openssl_error();

/// Certificates of a PEM text, in order; other blocks are skipped. Errors: kInvalidArgument
/// "<name>: not a PEM certificate".
[[nodiscard]] Result<std::vector<Certificate>> read_certificates(std::string_view name,
                                                                 std::string_view pem);

/// Errors: kInvalidArgument "<name>: not a PEM private key" or that it is encrypted.
[[nodiscard]] Result<Key> read_key(std::string_view name, std::string_view pem);

/// First CN of a name, or "" (also where it holds a NUL, which nobody issues in good faith).
std::string common_name(const X509_NAME* name);

}  // namespace genesis::tls
