#include "common/wire/model_file.hpp"

#include <utility>

#include "common/base/check.hpp"
#include "common/crypto/digest.hpp"
#include "common/wire/safetensors.hpp"

namespace genesis::wire {
namespace {

constexpr std::string_view kFormatKey = "format";
constexpr std::string_view kEncoderKey = "encoder";
constexpr std::string_view kModelKey = "model";
constexpr std::string_view kProvenanceKey = "provenance";
constexpr std::string_view kDigestKey = "digest";

// "digest" sorts before the other keys, so it stands at one place in every model file and is found
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

tl::unexpected<Error> altered() {
  return fail(Errc::kDataLoss,
              "model.safetensors: altered or incomplete: its digest does not match; copy it again "
              "from where it was made");
}

Result<std::string> take(Metadata& metadata, std::string_view key) {
  const auto found = metadata.find(std::string(key));
  if (found == metadata.end()) {
    return fail(Errc::kInvalidArgument,
                "model.safetensors: its metadata lacks \"" + std::string(key) + "\"");
  }
  return std::move(found->second);
}

}  // namespace

std::string encode_model(const ModelFile& model) {
  const Metadata metadata = {
      {std::string(kFormatKey), std::string(kModelFormat)},
      {std::string(kEncoderKey), model.encoder_json},
      {std::string(kModelKey), model.model_json},
      {std::string(kProvenanceKey), model.provenance_json},
      {std::string(kDigestKey), std::string(crypto::kSha256HexDigits, '0')},
  };
  std::string bytes = encode_safetensors(model.generator, metadata);
  GENESIS_CHECK(bytes.compare(8, kBeforeDigest.size(), kBeforeDigest) == 0,
                "the digest has its fixed place");
  bytes.replace(kDigestAt, crypto::kSha256HexDigits, digest_of(bytes));
  return bytes;
}

Result<ModelFile> decode_model(std::string_view bytes) {
  if (bytes.size() < kDigestEnd || bytes.substr(8, kBeforeDigest.size()) != kBeforeDigest ||
      bytes.substr(kDigestAt, crypto::kSha256HexDigits) != digest_of(bytes)) {
    return altered();
  }
  GENESIS_ASSIGN(TensorFile file, decode_safetensors(bytes));
  GENESIS_ASSIGN(const std::string format, take(file.metadata, kFormatKey));
  if (format != kModelFormat) {
    return fail(Errc::kInvalidArgument,
                "model.safetensors: its format is \"" + format + "\" but this version reads \"" +
                    std::string(kModelFormat) + "\"; use the version that made it");
  }
  ModelFile model;
  GENESIS_ASSIGN(model.encoder_json, take(file.metadata, kEncoderKey));
  GENESIS_ASSIGN(model.model_json, take(file.metadata, kModelKey));
  GENESIS_ASSIGN(model.provenance_json, take(file.metadata, kProvenanceKey));
  model.generator = std::move(file.tensors);
  return model;
}

}  // namespace genesis::wire
