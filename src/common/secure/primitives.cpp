#include "common/secure/primitives.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "common/base/check.hpp"
#include "common/crypto/digest.hpp"

namespace genesis::secure {
namespace {

template <auto release>
struct Release {
  template <typename T>
  void operator()(T* handle) const {
    release(handle);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Release<EVP_PKEY_CTX_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Release<EVP_CIPHER_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Release<EVP_MD_CTX_free>>;
using Bio = std::unique_ptr<BIO, Release<BIO_free>>;

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* raw(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

// Never asks a terminal.
int refuse_pass_phrase(char*, int, int, void*) {
  return -1;
}

// Ed25519 hashes by itself.
const EVP_MD* digest_for(const EVP_PKEY* key) {
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
}

bool can_sign(const EVP_PKEY* key) {
  const int kind = EVP_PKEY_get_base_id(key);
  return kind == EVP_PKEY_EC || kind == EVP_PKEY_RSA || kind == EVP_PKEY_ED25519;
}

std::string spki_of(const EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  GENESIS_CHECK(size > 0, "OpenSSL cannot write a key that it has read");
  std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return text;
}

Key x25519_private(const crypto::Secret& key) {
  GENESIS_CHECK(key.reveal().size() == kKeyBytes, "keys of X25519 have 32 bytes");
  Key made(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, raw(key.reveal()), kKeyBytes));
  GENESIS_CHECK(made != nullptr, "OpenSSL has no X25519");
  return made;
}

}  // namespace

crypto::Secret random_key(crypto::Entropy& entropy) {
  std::string bytes(kKeyBytes, '\0');
  entropy.fill(std::as_writable_bytes(std::span(bytes)));
  return crypto::Secret(std::move(bytes));
}

std::string digest(std::string_view bytes) {
  const auto value = crypto::Sha256().update(bytes).finish();
  return {reinterpret_cast<const char*>(value.data()), value.size()};
}

std::string public_key_of(const crypto::Secret& private_key) {
  const Key key = x25519_private(private_key);
  std::string bytes(kKeyBytes, '\0');
  std::size_t size = kKeyBytes;
  GENESIS_CHECK(EVP_PKEY_get_raw_public_key(key.get(), raw(bytes), &size) == 1, "X25519 failed");
  return bytes;
}

Result<crypto::Secret> agree(const crypto::Secret& private_key, std::string_view public_key) {
  if (public_key.size() != kKeyBytes) {
    return fail(Errc::kInvalidArgument, "a public key of X25519 has 32 bytes");
  }
  const Key mine = x25519_private(private_key);
  const Key other(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, raw(public_key), kKeyBytes));
  const KeyContext context(EVP_PKEY_CTX_new(mine.get(), nullptr));
  GENESIS_CHECK(other != nullptr && context != nullptr, "no memory for a key agreement");
  std::string bytes(kKeyBytes, '\0');
  std::size_t size = kKeyBytes;
  const bool agreed = EVP_PKEY_derive_init(context.get()) == 1 &&
                      EVP_PKEY_derive_set_peer(context.get(), other.get()) == 1 &&
                      EVP_PKEY_derive(context.get(), raw(bytes), &size) == 1;
  crypto::Secret secret(std::move(bytes));
  // RFC 7748, section 6.1: with a point of low order the result is zero.
  const std::string zero(kKeyBytes, '\0');
  if (!agreed || CRYPTO_memcmp(secret.reveal().data(), zero.data(), kKeyBytes) == 0) {
    ERR_clear_error();
    return fail(Errc::kInvalidArgument, "the public key is of low order");
  }
  return secret;
}

crypto::Secret derive(const crypto::Secret& key, std::string_view info) {
  // RFC 5869 with a salt of zeros; 32 bytes are the first block of the expansion.
  const auto hmac = [](std::string_view with, std::string_view text, std::string& into) {
    unsigned size = 0;
    into.resize(kDigestBytes);
    const auto* done = HMAC(EVP_sha256(),
                            with.data(),
                            static_cast<int>(with.size()),
                            raw(text),
                            text.size(),
                            raw(into),
                            &size);
    GENESIS_CHECK(done != nullptr && size == kDigestBytes, "HMAC failed");
  };
  std::string extracted;
  std::string expanded;
  hmac(std::string(kDigestBytes, '\0'), key.reveal(), extracted);
  hmac(extracted, std::string(info) + '\x01', expanded);
  OPENSSL_cleanse(extracted.data(), extracted.size());
  return crypto::Secret(std::move(expanded));
}

void Prg::Free::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);
}

Prg::Prg(const crypto::Secret& key) : context_(EVP_CIPHER_CTX_new()) {
  GENESIS_CHECK(key.reveal().size() == kKeyBytes, "keys of ChaCha20 have 32 bytes");
  const std::array<unsigned char, 16> counter_and_nonce{};
  GENESIS_CHECK(context_ != nullptr && EVP_EncryptInit_ex(context_.get(),
                                                          EVP_chacha20(),
                                                          nullptr,
                                                          raw(key.reveal()),
                                                          counter_and_nonce.data()) == 1,
                "OpenSSL has no ChaCha20");
}

void Prg::fill(std::span<std::byte> bytes) {
  std::ranges::fill(bytes, std::byte{0});
  constexpr std::size_t kMost = std::size_t{1} << 30;
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), kMost);
    auto* const at = reinterpret_cast<unsigned char*>(bytes.data());
    int written = 0;
    GENESIS_CHECK(
        EVP_EncryptUpdate(context_.get(), at, &written, at, static_cast<int>(count)) == 1 &&
            static_cast<std::size_t>(written) == count,
        "ChaCha20 failed");
    bytes = bytes.subspan(count);
  }
}

std::string seal(const crypto::Secret& key,
                 std::string_view authenticated,
                 const crypto::Secret& plain) {
  const CipherContext context(EVP_CIPHER_CTX_new());
  const std::array<unsigned char, 12> nonce{};
  const auto size = static_cast<int>(plain.reveal().size());
  std::string sealed(plain.reveal().size() + kSealBytes, '\0');
  int done = 0;
  GENESIS_CHECK(
      context != nullptr && key.reveal().size() == kKeyBytes &&
          EVP_EncryptInit_ex(
              context.get(), EVP_aes_256_gcm(), nullptr, raw(key.reveal()), nonce.data()) == 1 &&
          EVP_EncryptUpdate(context.get(),
                            nullptr,
                            &done,
                            raw(authenticated),
                            static_cast<int>(authenticated.size())) == 1 &&
          EVP_EncryptUpdate(context.get(), raw(sealed), &done, raw(plain.reveal()), size) == 1 &&
          done == size && EVP_EncryptFinal_ex(context.get(), raw(sealed) + size, &done) == 1 &&
          EVP_CIPHER_CTX_ctrl(
              context.get(), EVP_CTRL_AEAD_GET_TAG, kSealBytes, raw(sealed) + size) == 1,
      "AES-256-GCM failed");
  return sealed;
}

Result<crypto::Secret> unseal(const crypto::Secret& key,
                              std::string_view authenticated,
                              std::string_view sealed) {
  const auto refused = [] {
    ERR_clear_error();
    return fail(Errc::kDataLoss, "the sealed bytes are not what was sealed for this");
  };
  if (sealed.size() < kSealBytes || sealed.size() > std::numeric_limits<int>::max()) {
    return refused();
  }
  const CipherContext context(EVP_CIPHER_CTX_new());
  const std::array<unsigned char, 12> nonce{};
  const auto size = static_cast<int>(sealed.size() - kSealBytes);
  std::string plain(static_cast<std::size_t>(size), '\0');
  std::string tag(sealed.substr(static_cast<std::size_t>(size)));
  int done = 0;
  const bool begun =
      context != nullptr && key.reveal().size() == kKeyBytes &&
      EVP_DecryptInit_ex(
          context.get(), EVP_aes_256_gcm(), nullptr, raw(key.reveal()), nonce.data()) == 1 &&
      EVP_DecryptUpdate(context.get(),
                        nullptr,
                        &done,
                        raw(authenticated),
                        static_cast<int>(authenticated.size())) == 1;
  GENESIS_CHECK(begun, "AES-256-GCM failed");
  const bool opened =
      EVP_DecryptUpdate(context.get(), raw(plain), &done, raw(sealed), size) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kSealBytes, raw(tag)) == 1 &&
      EVP_DecryptFinal_ex(context.get(), raw(plain) + done, &done) == 1;
  crypto::Secret secret(std::move(plain));
  if (!opened) {
    return refused();
  }
  return secret;
}

void Signer::Free::operator()(evp_pkey_st* key) const {
  EVP_PKEY_free(key);
}

Result<Signer> Signer::from_pem(const crypto::Secret& key_pem) {
  const std::string_view pem = key_pem.reveal();
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  GENESIS_CHECK(bio != nullptr, "no memory for a key");
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_pass_phrase, nullptr));
  ERR_clear_error();
  if (key == nullptr || !can_sign(key.get())) {
    return fail(Errc::kInvalidArgument,
                "not an unencrypted PEM private key of ECDSA, RSA or Ed25519");
  }
  Signer signer;
  signer.public_key_ = spki_of(key.get());
  signer.key_ = std::shared_ptr<EVP_PKEY>(key.release(), Free());
  return signer;
}

std::string Signer::sign(std::string_view message) const {
  const DigestContext context(EVP_MD_CTX_new());
  GENESIS_CHECK(context != nullptr &&
                    EVP_DigestSignInit(
                        context.get(), nullptr, digest_for(key_.get()), nullptr, key_.get()) == 1,
                "OpenSSL cannot sign with a key that it has read");
  std::size_t size = 0;
  GENESIS_CHECK(EVP_DigestSign(context.get(), nullptr, &size, raw(message), message.size()) == 1,
                "signing failed");
  std::string signature(size, '\0');
  GENESIS_CHECK(
      EVP_DigestSign(context.get(), raw(signature), &size, raw(message), message.size()) == 1,
      "signing failed");
  signature.resize(size);
  return signature;
}

crypto::Secret make_signing_key() {
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  const Bio bio(BIO_new(BIO_s_mem()));
  GENESIS_CHECK(key != nullptr && bio != nullptr &&
                    PEM_write_bio_PKCS8PrivateKey(
                        bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
                "OpenSSL cannot make a key");
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  crypto::Secret pem(std::string_view(bytes, static_cast<std::size_t>(size)));
  OPENSSL_cleanse(bytes, static_cast<std::size_t>(size));
  return pem;
}

Status verify(std::string_view public_key, std::string_view message, std::string_view signature) {
  const unsigned char* at = raw(public_key);
  const Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(public_key.size())));
  if (key == nullptr || at != raw(public_key) + public_key.size() || !can_sign(key.get())) {
    ERR_clear_error();
    return fail(Errc::kInvalidArgument, "not a public key of ECDSA, RSA or Ed25519");
  }
  const DigestContext context(EVP_MD_CTX_new());
  const bool valid =
      context != nullptr &&
      EVP_DigestVerifyInit(context.get(), nullptr, digest_for(key.get()), nullptr, key.get()) ==
          1 &&
      EVP_DigestVerify(
          context.get(), raw(signature), signature.size(), raw(message), message.size()) == 1;
  ERR_clear_error();
  if (!valid) {
    return fail(Errc::kUnauthenticated, "the signature is not valid");
  }
  return {};
}

Result<std::string> public_key_of_certificate(std::string_view certificate_pem) {
  const Bio bio(BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())));
  GENESIS_CHECK(bio != nullptr, "no memory for a certificate");
  const std::unique_ptr<X509, Release<X509_free>> certificate(
      PEM_read_bio_X509(bio.get(), nullptr, refuse_pass_phrase, nullptr));
  const EVP_PKEY* key = certificate == nullptr ? nullptr : X509_get0_pubkey(certificate.get());
  ERR_clear_error();
  if (key == nullptr) {
    return fail(Errc::kInvalidArgument, "not a PEM certificate");
  }
  return spki_of(key);
}

}  // namespace genesis::secure
