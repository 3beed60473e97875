#include "common/wire/sealed_file.hpp"

#include <utility>

#include "common/base/check.hpp"
#include "common/crypto/digest.hpp"

namespace genesis::wire {
namespace {

constexpr std::string_view kDigestKey = "digest";

// "digest" sorts before the other keys, so it stands at one place in every sealed file and is found
// without parsing anything. After the header's 8 bytes of length:
constexpr std::string_view kBeforeDigest = R"({"__metadata__":{"digest":")";
constexpr std::size_t kDigestAt = 8 + kBeforeDigest.size();
constexpr std::size_t kDigestEnd = kDigestAt + crypto::kSha256HexDigits;

// SHA-256 of the file as if its digest were 64 zeros.
std::string digest_of(std::string_view bytes) {
  return crypto::Sha256()
      .update(bytes.substr(0, kDigestAt))
      .update(std::string(crypto::kSha256HexDigits, '0'))
      .update(bytes.substr(kDigestEnd))
      .finish_hex();
}

}  // namespace

std::string seal(const Tensors& tensors, Metadata metadata) {
  metadata.insert_or_assign(std::string(kDigestKey), std::string(crypto::kSha256HexDigits, '0'));
  std::string bytes = encode_safetensors(tensors, metadata);
  GENESIS_CHECK(bytes.compare(8, kBeforeDigest.size(), kBeforeDigest) == 0,
                "the digest has its fixed place");
  bytes.replace(kDigestAt, crypto::kSha256HexDigits, digest_of(bytes));
  return bytes;
}

Result<TensorFile> unseal(std::string_view bytes, std::string_view name, std::string_view format) {
  if (bytes.size() < kDigestEnd || bytes.substr(8, kBeforeDigest.size()) != kBeforeDigest ||
      bytes.substr(kDigestAt, crypto::kSha256HexDigits) != digest_of(bytes)) {
    return fail(Errc::kDataLoss,
                std::string(name) +
                    ": altered or incomplete: its digest does not match; copy it again from where "
                    "it was made");
  }
  GENESIS_ASSIGN(TensorFile file, decode_safetensors(bytes));
  GENESIS_ASSIGN(const std::string found, take(file.metadata, kFormatKey, name));
  if (found != format) {
    return fail(Errc::kInvalidArgument,
                std::string(name) + ": its format is \"" + found + "\" but this version reads \"" +
                    std::string(format) + "\"; use the version that made it");
  }
  return file;
}

Result<std::string> take(Metadata& metadata, std::string_view key, std::string_view name) {
  const auto found = metadata.find(std::string(key));
  if (found == metadata.end()) {
    return fail(Errc::kInvalidArgument,
                std::string(name) + ": its metadata lacks \"" + std::string(key) + "\"");
  }
  return std::move(found->second);
}

}  // namespace genesis::wire
