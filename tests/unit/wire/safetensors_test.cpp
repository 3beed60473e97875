#include "common/wire/safetensors.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <rapidcheck.h>

#include "tests/support/catch.hpp"
#include "tests/unit/wire/damage.hpp"

namespace genesis::wire {
namespace {

Tensors two_tensors() {
  return Tensors{.specs = {{"w", {2, 2}}, {"b", {3}}},
                 .values = {1.0F, -2.0F, 0.5F, 0.25F, 3.0F, -0.0F, 1e-30F}};
}

// A file with this header and `data` bytes of zeros.
std::string with_header(std::string_view header, std::size_t data) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>((header.size() >> (8 * i)) & 0xFFU);
  }
  bytes += header;
  bytes.append(data, '\0');
  return bytes;
}

Error refusal(std::string_view header, std::size_t data, const SafetensorsLimits& limits = {}) {
  const auto decoded = decode_safetensors(with_header(header, data), limits);
  REQUIRE_FALSE(decoded.has_value());
  return decoded.error();
}

Tensors arbitrary_tensors() {
  Tensors tensors;
  const auto count = *rc::gen::inRange<std::size_t>(0, 5);
  for (std::size_t i = 0; i < count; ++i) {
    const auto dimensions = *rc::gen::inRange<std::size_t>(0, 4);
    auto shape = *rc::gen::container<std::vector<std::int64_t>>(
        dimensions, rc::gen::inRange<std::int64_t>(0, 5));
    tensors.specs.push_back({"t\"\\\n\xC3\xA9" + std::to_string(i), std::move(shape)});
  }
  tensors.values = *rc::gen::container<std::vector<float>>(
      element_count(tensors.specs), rc::gen::cast<float>(rc::gen::arbitrary<int>()));
  return tensors;
}

}  // namespace

TEST_CASE("wire: tensors and metadata come back as they were sent", "[wire]") {
  const Metadata metadata = {{"update", R"({"rows":3})"}, {"empty", ""}};
  const auto decoded = decode_safetensors(encode_safetensors(two_tensors(), metadata));
  REQUIRE(decoded.has_value());
  CHECK(decoded->tensors == two_tensors());
  CHECK(decoded->metadata == metadata);
  CHECK(std::signbit(decoded->tensors.values[5]));
}

TEST_CASE("wire: no tensors, scalars and empty tensors are tensors too", "[wire]") {
  for (const Tensors& tensors :
       {Tensors{},
        Tensors{.specs = {{"scalar", {}}}, .values = {7.0F}},
        Tensors{.specs = {{"none", {0, 3}}, {"one", {1}}}, .values = {1.0F}}}) {
    const auto decoded = decode_safetensors(encode_safetensors(tensors, {}));
    REQUIRE(decoded.has_value());
    CHECK(decoded->tensors == tensors);
  }
}

TEST_CASE("wire: any tensors round-trip to the same bytes", "[wire][property]") {
  REQUIRE(rc::check("encode, decode, encode", [] {
    const Tensors tensors = arbitrary_tensors();
    const auto metadata = *rc::gen::container<Metadata>(
        rc::gen::container<std::string>(rc::gen::inRange<char>(0, 127)),
        rc::gen::just(std::string("a \"quoted\" value")));
    const std::string bytes = encode_safetensors(tensors, metadata);
    RC_ASSERT(bytes.size() % 4 == 0U);
    const auto decoded = decode_safetensors(bytes);
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(decoded->tensors == tensors);
    RC_ASSERT(encode_safetensors(decoded->tensors, decoded->metadata) == bytes);
  }));
}

TEST_CASE("wire: the data of a tensor file starts at a multiple of eight", "[wire]") {
  for (std::size_t length = 1; length < 20; ++length) {
    const Tensors tensors{.specs = {{std::string(length, 'n'), {1}}}, .values = {1.0F}};
    CHECK((encode_safetensors(tensors, {}).size() - sizeof(float)) % 8 == 0);
  }
}

TEST_CASE("wire: a truncated tensor file is refused as lost data or a broken header", "[wire]") {
  for_each_truncation(encode_safetensors(two_tensors(), {{"k", "v"}}),
                      [](const std::string& bytes) {
                        const auto decoded = decode_safetensors(bytes);
                        REQUIRE_FALSE(decoded.has_value());
                        REQUIRE(decoded.error().code == Errc::kDataLoss);
                      });
}

TEST_CASE("wire: a tensor file with any bit flipped is refused or another valid one", "[wire]") {
  const std::string bytes = encode_safetensors(two_tensors(), {{"k", "v"}});
  std::size_t refused = 0;
  for_each_bit_flip(bytes, [&](const std::string& damaged, std::size_t /*byte*/) {
    const auto decoded = decode_safetensors(damaged);
    if (!decoded) {
      REQUIRE_FALSE(decoded.error().message.empty());
      ++refused;
      return;
    }
    REQUIRE(decoded->tensors.values.size() == element_count(decoded->tensors.specs));
  });
  CHECK(refused > 4 * bytes.size() / 2);
}

TEST_CASE("wire: a header's length is bounded before anything is read", "[wire]") {
  std::string bytes(8, '\xFF');
  CHECK(decode_safetensors(bytes).error().code == Errc::kResourceExhausted);
  CHECK(refusal("{}                      ", 0, {.max_header_bytes = 16}).code ==
        Errc::kResourceExhausted);
}

TEST_CASE("wire: each bound on a header is kept and named", "[wire]") {
  const std::string a = R"({"aa":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                        R"("bb":{"dtype":"F32","shape":[1,1],"data_offsets":[8,12]}})";
  REQUIRE(decode_safetensors(with_header(a, 12)).has_value());
  CHECK_THAT(refusal(a, 12, {.max_tensors = 1}).message, ContainsSubstring("more than 1 tensors"));
  CHECK_THAT(refusal(a, 12, {.max_name_bytes = 1}).message, ContainsSubstring("2 bytes; 1 to 1"));
  CHECK_THAT(refusal(a, 12, {.max_dimensions = 1}).message,
             ContainsSubstring("tensor \"bb\": more than 1 dimensions"));
  CHECK_THAT(refusal(a, 12, {.max_elements = 2}).message,
             ContainsSubstring("tensor \"bb\": more than 2 values"));
  for (const auto& limits : {SafetensorsLimits{.max_tensors = 1},
                             SafetensorsLimits{.max_name_bytes = 1},
                             SafetensorsLimits{.max_dimensions = 1},
                             SafetensorsLimits{.max_elements = 2}}) {
    CHECK(refusal(a, 12, limits).code == Errc::kResourceExhausted);
  }
}

TEST_CASE("wire: shapes that overflow are refused, not multiplied", "[wire]") {
  const auto header = [](std::string_view shape, std::string_view offsets) {
    return R"({"a":{"dtype":"F32","shape":)" + std::string(shape) + R"(,"data_offsets":)" +
           std::string(offsets) + "}}";
  };
  for (const std::string_view shape : {"[4294967296,4294967296]",
                                       "[4611686018427387904,4]",
                                       "[18446744073709551615]",
                                       "[67108864,2]",
                                       "[0,18446744073709551615]",
                                       "[8,8,8,8,8,8,8,8,8]"}) {
    CHECK(refusal(header(shape, "[0,0]"), 0).code == Errc::kResourceExhausted);
  }
  CHECK(refusal(header("[18446744073709551616]", "[0,0]"), 0).code == Errc::kInvalidArgument);
  CHECK(refusal(header("[-1]", "[0,0]"), 0).code == Errc::kInvalidArgument);
  CHECK(refusal(header("[1.5]", "[0,4]"), 4).code == Errc::kInvalidArgument);
  CHECK(refusal(header("[1e0]", "[0,4]"), 4).code == Errc::kInvalidArgument);
}

TEST_CASE("wire: offsets leave no gap, do not overlap and cover the data", "[wire]") {
  const auto header = [](std::string_view first, std::string_view second) {
    return R"({"a":{"dtype":"F32","shape":[2],"data_offsets":)" + std::string(first) +
           R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + std::string(second) + "}}";
  };
  REQUIRE(decode_safetensors(with_header(header("[0,8]", "[8,12]"), 12)).has_value());
  for (const std::string& bad : {header("[0,8]", "[4,8]"),     // overlap
                                 header("[0,8]", "[12,16]"),   // gap
                                 header("[4,12]", "[0,4]"),    // out of order
                                 header("[0,8]", "[12,8]"),    // backwards
                                 header("[0,12]", "[12,16]"),  // not the shape's size
                                 header("[0,8]", "[8,18446744073709551615]"),
                                 header("[0]", "[8,12]"),
                                 header("[0,8,8]", "[8,12]"),
                                 header("[]", "[8,12]"),
                                 header("8", "[8,12]")}) {
    CHECK(refusal(bad, 12).code == Errc::kInvalidArgument);
  }
  CHECK(refusal(header("[0,8]", "[8,12]"), 11).code == Errc::kDataLoss);
  CHECK(refusal(header("[0,8]", "[8,12]"), 13).code == Errc::kDataLoss);
  CHECK_THAT(refusal(header("[0,8]", "[4,8]"), 12).message,
             ContainsSubstring("tensor \"b\": data_offsets [4, 8] should be [8, 12]"));
}

TEST_CASE("wire: what the header's grammar lacks is refused by name", "[wire]") {
  const auto message = [](std::string_view header) {
    const Error error = refusal(header, 4);
    CHECK(error.code != Errc::kDataLoss);
    return error.message;
  };
  CHECK_THAT(message(R"({"a":{"dtype":"F64","shape":[1],"data_offsets":[0,4]}})"),
             ContainsSubstring("tensor \"a\": dtype \"F64\" is not F32"));
  CHECK_THAT(message(R"({"a":{"dtype":"F32","shape":[1]}})"), ContainsSubstring("needs dtype"));
  CHECK_THAT(message(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}})"),
             ContainsSubstring("unknown field \"x\""));
  CHECK_THAT(message(R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})"),
             ContainsSubstring("\"dtype\" occurs twice"));
  CHECK_THAT(message(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                     R"("a":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}})"),
             ContainsSubstring("\"a\" occurs twice"));
  CHECK_THAT(message(R"({"__metadata__":{"k":"1","k":"2"}})"),
             ContainsSubstring("metadata \"k\" occurs twice"));
  CHECK_THAT(message(R"({"__metadata__":{},"__metadata__":{}})"),
             ContainsSubstring("occurs twice"));
  CHECK_THAT(message(R"({"__metadata__":{"k":1}})"), ContainsSubstring("a number where"));
  CHECK_THAT(message(R"({"__metadata__":[]})"), ContainsSubstring("a list where"));
  CHECK_THAT(message(R"({"a":null})"), ContainsSubstring("null where"));
  CHECK_THAT(message(R"({"a":{"dtype":true}})"), ContainsSubstring("a boolean where"));
  CHECK_THAT(message(R"({"":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})"),
             ContainsSubstring("name has 0 bytes"));
  CHECK_THAT(message(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} x)"),
             ContainsSubstring("not JSON"));
  CHECK_THAT(message(" {}"), ContainsSubstring("does not start with '{'"));
  CHECK_THAT(message("[]"), ContainsSubstring("does not start with '{'"));
  CHECK_THAT(message("{\"\xFF\":{}}"), ContainsSubstring("not JSON"));
  CHECK_THAT(message("{\"a\":" + std::string(1000000, '[')), ContainsSubstring("a list where"));
}

TEST_CASE("wire: a header may be padded and its fields stand in any order", "[wire]") {
  const auto decoded = decode_safetensors(with_header(
      R"({"a":{"data_offsets":[0,4],"shape":[1],"dtype":"F32"},"__metadata__":{"k":"v"}}   )", 4));
  REQUIRE(decoded.has_value());
  CHECK(decoded->metadata.at("k") == "v");
}

TEST_CASE("wire: tensors are matched by name, order and shape", "[wire]") {
  const Tensors got = two_tensors();
  CHECK(check_matches(got, got.specs).has_value());
  const auto message = [&](std::vector<TensorSpec> expected) {
    const Status status = check_matches(got, expected);
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().code == Errc::kInvalidArgument);
    return status.error().message;
  };
  CHECK(message({{"w", {2, 3}}, {"b", {3}}}) ==
        "tensor \"w\": expected shape [2, 3] but received [2, 2]");
  CHECK(message({{"w", {2, 2}}, {"c", {3}}}) == "tensor 1: expected \"c\" but received \"b\"");
  CHECK(message({{"w", {2, 2}}}) == "tensor \"b\": received shape [3] but expected no such tensor");
  CHECK(message({{"w", {2, 2}}, {"b", {3}}, {"c", {}}}) ==
        "tensor \"c\": expected shape [] but received no such tensor");
}

TEST_CASE("wire: a value that is not finite is found in its tensor", "[wire]") {
  CHECK(check_finite(two_tensors()).has_value());
  Tensors largest = two_tensors();
  largest.values[0] = std::numeric_limits<float>::max();
  CHECK(check_finite(largest).has_value());
  for (std::size_t i = 0; i < two_tensors().values.size(); ++i) {
    Tensors spoilt = two_tensors();
    spoilt.values[i] = i % 2 == 0 ? NAN : -INFINITY;
    const std::string where = i < 4 ? "tensor \"w\": element " + std::to_string(i)
                                    : "tensor \"b\": element " + std::to_string(i - 4);
    CHECK(check_finite(spoilt).error().message ==
          where + (i % 2 == 0 ? " is NaN" : " is infinite") + "; only finite values are accepted");
  }
}

}  // namespace genesis::wire
