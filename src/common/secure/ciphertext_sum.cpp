#include "common/secure/ciphertext_sum.hpp"

#include <algorithm>
#include <utility>

#include "common/base/check.hpp"
#include "common/secure/codec.hpp"
#include "common/secure/slots.hpp"

namespace genesis::secure {
namespace {

constexpr std::size_t kMaxSlices = std::size_t{1} << 20;

std::string to_sign(const SumTask& task,
                    Place member,
                    const PaillierPublicKey& key,
                    std::string_view slice_digests) {
  return Writer()
      .raw(labelled("ciphertexts", context_of(task)))
      .number(member, 2)
      .text(key.modulus())
      .text(slice_digests)
      .take();
}

// Without the signatures, which a member may make anew over the same bytes.
std::string digest_of(const UploadSignatures& uploads) {
  Writer writer;
  for (const auto& [place, upload] : uploads) {
    writer.number(place, 2).text(upload.slice_digests);
  }
  return digest(writer.bytes());
}

Result<UploadSignature> read_signature(Reader& reader) {
  UploadSignature signature;
  GENESIS_ASSIGN(const auto digests, reader.text(kMaxSlices * kDigestBytes));
  GENESIS_ASSIGN(const auto bytes, reader.text(kMaxSignatureBytes));
  if (digests.size() % kDigestBytes != 0) {
    return reader.wrong(Errc::kInvalidArgument, "digests of slices have 32 bytes each");
  }
  signature.slice_digests = digests;
  signature.signature = bytes;
  return signature;
}

}  // namespace

std::string encode(const UploadSignature& signature) {
  return Writer().text(signature.slice_digests).text(signature.signature).take();
}

Result<UploadSignature> decode_upload_signature(std::string_view bytes) {
  Reader reader("UploadSignature", bytes);
  GENESIS_ASSIGN(auto signature, read_signature(reader));
  GENESIS_RETURN_IF_ERROR(reader.end());
  return signature;
}

std::string encode(const UploadSignatures& signatures) {
  Writer writer;
  writer.number(signatures.size(), 2);
  for (const auto& [place, signature] : signatures) {
    writer.number(place, 2).raw(encode(signature));
  }
  return writer.take();
}

Result<UploadSignatures> decode_upload_signatures(std::string_view bytes) {
  Reader reader("UploadSignatures", bytes);
  GENESIS_ASSIGN(const auto count, reader.count(2, kMaxMembers));
  UploadSignatures signatures;
  for (std::uint64_t i = 0; i < count; ++i) {
    GENESIS_ASSIGN(const auto place, reader.count(2, kMaxMembers - 1));
    if (!signatures.empty() && place <= signatures.rbegin()->first) {
      return reader.wrong(Errc::kInvalidArgument, "members must be in ascending order");
    }
    GENESIS_ASSIGN(auto signature, read_signature(reader));
    signatures.emplace(static_cast<Place>(place), std::move(signature));
  }
  GENESIS_RETURN_IF_ERROR(reader.end());
  return signatures;
}

std::string encode(const Upload& upload) {
  Writer writer(upload.ciphertexts.size() + upload.signature.slice_digests.size() + 1024);
  return writer.text(encode(upload.signature)).raw(upload.ciphertexts).take();
}

Result<Upload> decode_upload(std::string_view bytes,
                             const PaillierPublicKey& key,
                             std::size_t ciphertexts) {
  Reader reader("Upload", bytes);
  GENESIS_ASSIGN(const auto signature, reader.text(kMaxSlices * kDigestBytes));
  Upload upload;
  GENESIS_ASSIGN(upload.signature, decode_upload_signature(signature));
  GENESIS_ASSIGN(upload.ciphertexts, reader.raw(ciphertexts * key.ciphertext_bytes()));
  GENESIS_RETURN_IF_ERROR(reader.end());
  return upload;
}

std::string encode(const Decryption& decryption) {
  Writer writer;
  writer.text(encode(decryption.signatures)).text(encode(decryption.confirmations));
  writer.number(decryption.slices.size(), 4);
  for (const auto& [slice, parts] : decryption.slices) {
    writer.number(slice, 4).number(parts.size(), 2);
    for (const auto& [place, part] : parts) {
      writer.number(place, 2).text(part);
    }
  }
  return writer.take();
}

Result<Decryption> decode_decryption(std::string_view bytes) {
  constexpr std::size_t kMostSigned = std::size_t{1} << 28;
  Reader reader("Decryption", bytes);
  Decryption decryption;
  GENESIS_ASSIGN(const auto signatures, reader.text(kMostSigned));
  GENESIS_ASSIGN(decryption.signatures, decode_upload_signatures(signatures));
  GENESIS_ASSIGN(const auto confirmations, reader.text(kMostSigned));
  GENESIS_ASSIGN(decryption.confirmations, decode_confirmations(confirmations));
  GENESIS_ASSIGN(const auto slices, reader.count(4, kMaxSlices));
  for (std::uint64_t i = 0; i < slices; ++i) {
    GENESIS_ASSIGN(const auto slice, reader.count(4, kMaxSlices - 1));
    GENESIS_ASSIGN(const auto count, reader.count(2, kMaxMembers));
    if (!decryption.slices.empty() && slice <= decryption.slices.rbegin()->first) {
      return reader.wrong(Errc::kInvalidArgument, "slices must be in ascending order");
    }
    auto& parts = decryption.slices[static_cast<std::uint32_t>(slice)];
    for (std::uint64_t j = 0; j < count; ++j) {
      GENESIS_ASSIGN(const auto place, reader.count(2, kMaxMembers - 1));
      if (!parts.empty() && place <= parts.rbegin()->first) {
        return reader.wrong(Errc::kInvalidArgument, "members must be in ascending order");
      }
      GENESIS_ASSIGN(const auto part, reader.text(kSliceCiphertexts * kMaxPaillierBits / 4));
      parts.emplace(static_cast<Place>(place), part);
    }
  }
  GENESIS_RETURN_IF_ERROR(reader.end());
  return decryption;
}

std::size_t ciphertexts_of(const SumTask& task, const PaillierPublicKey& key) {
  return SlotFormat(key, task.word_bits).plaintexts(task.words);
}

std::size_t words_of_slice(const SumTask& task, const PaillierPublicKey& key, std::size_t slice) {
  const std::size_t all = kSliceCiphertexts * SlotFormat(key, task.word_bits).slots();
  GENESIS_CHECK(slice * all < task.words, "a slice of this sum");
  return std::min(all, task.words - slice * all);
}

std::size_t slices_of(std::size_t ciphertexts) {
  return (ciphertexts + kSliceCiphertexts - 1) / kSliceCiphertexts;
}

std::string_view slice_of(const PaillierPublicKey& key,
                          std::string_view ciphertexts,
                          std::size_t slice) {
  const std::size_t bytes = kSliceCiphertexts * key.ciphertext_bytes();
  GENESIS_CHECK(slice * bytes < ciphertexts.size(), "a slice of this upload");
  return ciphertexts.substr(slice * bytes, bytes);
}

UploadSignature sign_upload(const SumTask& task,
                            Place member,
                            const PaillierPublicKey& key,
                            std::string_view ciphertexts,
                            const Signer& signer) {
  UploadSignature upload;
  const std::size_t slices = slices_of(ciphertexts.size() / key.ciphertext_bytes());
  for (std::size_t slice = 0; slice < slices; ++slice) {
    upload.slice_digests += digest(slice_of(key, ciphertexts, slice));
  }
  upload.signature = signer.sign(to_sign(task, member, key, upload.slice_digests));
  return upload;
}

Status verify_upload(const SumTask& task,
                     Place member,
                     const PaillierPublicKey& key,
                     std::size_t ciphertexts,
                     const UploadSignature& signature) {
  GENESIS_CHECK(member < task.roster.size(), "a member of this sum");
  const std::string& who = task.roster[member].id.str();
  if (signature.slice_digests.size() != slices_of(ciphertexts) * kDigestBytes) {
    return refused(Errc::kInvalidArgument, task, "the upload of " + who + " has other slices");
  }
  const Status valid = verify(task.roster[member].public_key,
                              to_sign(task, member, key, signature.slice_digests),
                              signature.signature);
  if (!valid) {
    return refused(valid.error().code, task, "the upload of " + who + ": " + valid.error().message);
  }
  return {};
}

std::string uploads_to_sign(const SumTask& task, const UploadSignatures& uploads) {
  return Writer().raw(labelled("uploads", context_of(task))).text(digest_of(uploads)).take();
}

DecryptingSite::DecryptingSite(SumTask task, Signer signer, PaillierKey key)
    : task_(std::move(task)), signer_(std::move(signer)), key_(std::move(key)) {}

Result<DecryptingSite> DecryptingSite::begin(
    const ClientId& self, Signer signer, const SitePolicy& policy, SumTask task, PaillierKey key) {
  GENESIS_RETURN_IF_ERROR(admit(task, self, signer.public_key(), policy));
  if (task.word_bits < 2) {
    return refused(Errc::kInvalidArgument, task, "words of a sum have at least 2 bits");
  }
  return DecryptingSite(std::move(task), std::move(signer), std::move(key));
}

Result<std::string> DecryptingSite::accept(const UploadSignatures& signatures) {
  if (signatures.size() < task_.threshold) {
    return refused(Errc::kPermissionDenied,
                   task_,
                   std::to_string(signatures.size()) +
                       " members have signed uploads; the least is " +
                       std::to_string(task_.threshold));
  }
  for (const auto& [place, signature] : signatures) {
    if (place >= task_.roster.size()) {
      return refused(Errc::kPermissionDenied, task_, "an upload of a stranger");
    }
    GENESIS_RETURN_IF_ERROR(
        verify_upload(task_, place, key_.public_key(), ciphertexts(), signature));
  }
  std::string accepted = digest_of(signatures);
  if (!accepted_.empty() && accepted_ != accepted) {
    return refused(Errc::kConflict, task_, "other uploads than those that are being decrypted");
  }
  accepted_ = std::move(accepted);
  signatures_ = signatures;
  return signer_.sign(uploads_to_sign(task_, signatures_));
}

Status DecryptingSite::authorize(const Confirmations& confirmations) {
  if (signatures_.empty()) {
    return refused(
        Errc::kFailedPrecondition, task_, "confirmations come after the signatures of uploads");
  }
  if (confirmations.signatures.size() < task_.threshold) {
    return refused(Errc::kPermissionDenied,
                   task_,
                   std::to_string(confirmations.signatures.size()) +
                       " members have accepted the uploads; the least is " +
                       std::to_string(task_.threshold));
  }
  const std::string message = uploads_to_sign(task_, signatures_);
  for (const auto& [place, signature] : confirmations.signatures) {
    if (place >= task_.roster.size()) {
      return refused(Errc::kPermissionDenied, task_, "a confirmation of a stranger");
    }
    const Status valid = verify(task_.roster[place].public_key, message, signature);
    if (!valid) {
      return refused(
          valid.error().code,
          task_,
          "the confirmation of " + task_.roster[place].id.str() + ": " + valid.error().message);
    }
  }
  authorized_ = true;
  return {};
}

Result<Words> DecryptingSite::decrypt(std::size_t slice,
                                      const std::map<Place, std::string>& uploads,
                                      unsigned threads) const {
  if (!authorized_) {
    return refused(Errc::kFailedPrecondition, task_, "slices come after enough confirmations");
  }
  const PaillierPublicKey& key = key_.public_key();
  const std::size_t all = ciphertexts();
  if (slice >= slices_of(all)) {
    return refused(Errc::kInvalidArgument, task_, "there is no slice " + std::to_string(slice));
  }
  const std::size_t count = std::min(kSliceCiphertexts, all - slice * kSliceCiphertexts);
  std::string product;
  for (const auto& [place, signature] : signatures_) {
    const auto part = uploads.find(place);
    const auto expected =
        std::string_view(signature.slice_digests).substr(slice * kDigestBytes, kDigestBytes);
    if (part == uploads.end() || part->second.size() != count * key.ciphertext_bytes() ||
        digest(part->second) != expected) {
      return refused(Errc::kDataLoss,
                     task_,
                     "slice " + std::to_string(slice) + " of " + task_.roster[place].id.str() +
                         " is not what it has signed");
    }
    const Status sound = key.check(part->second);
    if (!sound) {
      return refused(
          sound.error().code, task_, task_.roster[place].id.str() + ": " + sound.error().message);
    }
    product = product.empty() ? part->second : key.add(product, part->second);
  }
  GENESIS_ASSIGN(const auto plaintexts, key_.decrypt(product, threads));
  return SlotFormat(key, task_.word_bits).unpack(plaintexts, words_of_slice(task_, key, slice));
}

}  // namespace genesis::secure
