#include "common/wire/model_file.hpp"

#include <string>

#include "common/base/file.hpp"
#include "common/crypto/digest.hpp"
#include "common/wire/safetensors.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/source_file.hpp"
#include "tests/unit/wire/damage.hpp"

namespace genesis::wire {
namespace {

const std::string kGolden = source_file("tests/golden/wire/model.safetensors");

ModelFile a_model() {
  return ModelFile{
      .generator = {.specs = {{"generator.linear.weight", {2, 3}}, {"generator.linear.bias", {2}}},
                    .values = {0.5F, -1.0F, 2.0F, 0.25F, 0.0F, -0.125F, 1.5F, -3.0F}},
      .encoder_json = R"({"columns":[{"name":"age, in \"years\""}]})",
      .model_json = R"({"method":"ctgan"})",
      .provenance_json = R"({"rounds":2})"};
}

}  // namespace

TEST_CASE("wire: a model comes back as it was saved", "[wire]") {
  const auto decoded = decode_model(encode_model(a_model()));
  REQUIRE(decoded.has_value());
  CHECK(*decoded == a_model());
}

TEST_CASE("wire: a model's bytes are the golden bytes", "[wire][golden]") {
  const auto golden = read_file(kGolden, 4096);
  REQUIRE(golden.has_value());
  CHECK(encode_model(a_model()) == *golden);
}

// Hidden: test_wire "[rewrite]" makes the file anew; tests/golden/wire/README.md says how to check
// it.
TEST_CASE("wire: rewrite the golden model", "[.][rewrite]") {
  REQUIRE(write_file_atomic(kGolden, encode_model(a_model())).has_value());
}

TEST_CASE("wire: a model is a plain tensor file to anyone else", "[wire]") {
  const auto file = decode_safetensors(encode_model(a_model()));
  REQUIRE(file.has_value());
  CHECK(file->tensors == a_model().generator);
  CHECK(file->metadata.at("format") == "genesis.model.v1");
  CHECK(file->metadata.at("encoder") == a_model().encoder_json);
  CHECK(file->metadata.at("digest").size() == 64);
}

TEST_CASE("wire: a model that was cut anywhere is refused", "[wire]") {
  for_each_truncation(encode_model(a_model()), [](const std::string& bytes) {
    REQUIRE(decode_model(bytes).error().code == Errc::kDataLoss);
  });
}

TEST_CASE("wire: a model with any bit altered is refused", "[wire]") {
  for_each_bit_flip(encode_model(a_model()), [](const std::string& bytes, std::size_t /*byte*/) {
    const auto decoded = decode_model(bytes);
    REQUIRE_FALSE(decoded.has_value());
    REQUIRE(decoded.error().code == Errc::kDataLoss);
    REQUIRE(decoded.error().message ==
            "model.safetensors: altered or incomplete: its digest does not match; copy it again "
            "from where it was made");
  });
}

TEST_CASE("wire: bytes after a model's end are refused", "[wire]") {
  CHECK(decode_model(encode_model(a_model()) + '\0').error().code == Errc::kDataLoss);
}

TEST_CASE("wire: a tensor file without a digest is no model", "[wire]") {
  CHECK(decode_model(encode_safetensors(a_model().generator, {})).error().code == Errc::kDataLoss);
  CHECK(decode_model(encode_safetensors(a_model().generator, {{"digest", std::string(64, '0')}}))
            .error()
            .code == Errc::kDataLoss);
  CHECK(decode_model("age,income\n39,<=50K\n").error().code == Errc::kDataLoss);
}

TEST_CASE("wire: a sound model of another format is refused by version", "[wire]") {
  const auto sealed = [](Metadata metadata) {
    metadata["digest"] = std::string(64, '0');
    std::string bytes = encode_safetensors(a_model().generator, metadata);
    bytes.replace(bytes.find(std::string(64, '0')), 64, crypto::sha256_hex(bytes));
    return bytes;
  };
  Metadata metadata = {
      {"format", "genesis.model.v1"}, {"encoder", "{}"}, {"model", "{}"}, {"provenance", "{}"}};
  REQUIRE(decode_model(sealed(metadata)).has_value());
  metadata["format"] = "genesis.model.v2";
  CHECK(decode_model(sealed(metadata)).error().code == Errc::kInvalidArgument);
  CHECK_THAT(decode_model(sealed(metadata)).error().message,
             ContainsSubstring("\"genesis.model.v2\" but this version reads"));
  metadata = {{"format", "genesis.model.v1"}, {"encoder", "{}"}, {"model", "{}"}};
  CHECK(decode_model(sealed(metadata)).error().message ==
        "model.safetensors: its metadata lacks \"provenance\"");
}

}  // namespace genesis::wire
