#pragma once
// A sum under Paillier's encryption, with the private key at the sites alone: each signs what it
// uploads, the aggregator multiplies, and sites decrypt slices of the product. A site that decrypts
// whatever it is sent would open single uploads; so it takes the signed uploads of all members,
// multiplies them itself and counts who has signed. All sites have one key: a site can open each
// member's part of the slices that it is sent, and the aggregator with any one site everything.
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/error.hpp"
#include "common/secure/paillier.hpp"
#include "common/secure/site_policy.hpp"

namespace genesis::secure {

/// Slices of a sum hold that many ciphertexts, the last as many as are left: what a site is sent at
/// a time to decrypt.
inline constexpr std::size_t kSliceCiphertexts = 64;

/// What a member signs of its upload, so that a slice is enough to check it.
struct UploadSignature {
  std::string slice_digests;  // SHA-256 of each slice, one after the other
  std::string signature;
  bool operator==(const UploadSignature&) const = default;
};
using UploadSignatures = std::map<Place, UploadSignature>;

[[nodiscard]] std::string encode(const UploadSignature& signature);
[[nodiscard]] Result<UploadSignature> decode_upload_signature(std::string_view bytes);
[[nodiscard]] std::string encode(const UploadSignatures& signatures);
[[nodiscard]] Result<UploadSignatures> decode_upload_signatures(std::string_view bytes);

/// The ciphertexts of `slice`, counted from 0, of an upload.
[[nodiscard]] std::string_view slice_of(const PaillierPublicKey& key,
                                        std::string_view ciphertexts,
                                        std::size_t slice);
[[nodiscard]] std::size_t slices_of(std::size_t ciphertexts);

/// Bound to the task and to the modulus.
[[nodiscard]] UploadSignature sign_upload(const SumTask& task,
                                          Place member,
                                          const PaillierPublicKey& key,
                                          std::string_view ciphertexts,
                                          const Signer& signer);

/// Errors: kUnauthenticated for a signature that is not the member's, kInvalidArgument for another
/// number of slices than `ciphertexts` have.
[[nodiscard]] Status verify_upload(const SumTask& task,
                                   Place member,
                                   const PaillierPublicKey& key,
                                   std::size_t ciphertexts,
                                   const UploadSignature& signature);

/// What a member uploads: its ciphertexts with their signature.
struct Upload {
  UploadSignature signature;
  std::string ciphertexts;
  bool operator==(const Upload&) const = default;
};
[[nodiscard]] std::string encode(const Upload& upload);
/// Errors also for other than `ciphertexts` of them. They are not looked into.
[[nodiscard]] Result<Upload> decode_upload(std::string_view bytes,
                                           const PaillierPublicKey& key,
                                           std::size_t ciphertexts);

/// What a member is sent to decrypt: what shows that it may, and of each slice the part of each
/// upload.
struct Decryption {
  UploadSignatures signatures;
  Confirmations confirmations;
  std::map<std::uint32_t, std::map<Place, std::string>> slices;
  bool operator==(const Decryption&) const = default;
};
[[nodiscard]] std::string encode(const Decryption& decryption);
[[nodiscard]] Result<Decryption> decode_decryption(std::string_view bytes);

/// What a member signs that accepts these uploads.
[[nodiscard]] std::string uploads_to_sign(const SumTask& task, const UploadSignatures& uploads);

/// Plaintexts of a sum's words.
[[nodiscard]] std::size_t ciphertexts_of(const SumTask& task, const PaillierPublicKey& key);
/// Words in `slice`, which there is.
[[nodiscard]] std::size_t words_of_slice(const SumTask& task,
                                         const PaillierPublicKey& key,
                                         std::size_t slice);

/// A site that decrypts its share of the slices, over all attempts of a sum. `save()` is to be on
/// disk before a signature of accept() goes out.
class DecryptingSite {
 public:
  /// Errors: those of secure::admit, and kInvalidArgument for words of 1 bit.
  [[nodiscard]] static Result<DecryptingSite> begin(
      const ClientId& self, Signer signer, const SitePolicy& policy, SumTask task, PaillierKey key);

  /// Fixes whose uploads are in the sum, once and for all of it, and signs that: the members' other
  /// confirmation of survivors. Errors: kPermissionDenied for fewer uploads than the threshold or
  /// strangers, those of verify_upload, kConflict for other uploads than the first.
  [[nodiscard]] Result<std::string> accept(const UploadSignatures& signatures);

  /// That enough members have accepted the same uploads, without which two of them could be made to
  /// decrypt sums that differ. Errors: kFailedPrecondition before accept(), kUnauthenticated for a
  /// signature that is not valid, kPermissionDenied for fewer than the threshold or strangers.
  [[nodiscard]] Status authorize(const Confirmations& confirmations);

  /// The words of `slice`, summed over the accepted uploads, of which `uploads` holds each one's
  /// part. Errors: kFailedPrecondition before authorize(); kDataLoss for parts that are not what
  /// was signed, or a sum that is none of packed words; kInvalidArgument for ciphertexts out of
  /// range.
  [[nodiscard]] Result<Words> decrypt(std::size_t slice,
                                      const std::map<Place, std::string>& uploads,
                                      unsigned threads = 1) const;

  /// The digest of what was accepted, or "".
  [[nodiscard]] const std::string& save() const { return accepted_; }
  /// After begin(), also of a later attempt: what save() gave.
  void restore(std::string accepted) { accepted_ = std::move(accepted); }

 private:
  DecryptingSite(SumTask task, Signer signer, PaillierKey key);
  [[nodiscard]] std::size_t ciphertexts() const { return ciphertexts_of(task_, key_.public_key()); }

  SumTask task_;
  Signer signer_;
  PaillierKey key_;
  std::string accepted_;
  UploadSignatures signatures_;
  bool authorized_ = false;
};

}  // namespace genesis::secure
