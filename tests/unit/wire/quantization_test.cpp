#include "common/wire/quantization.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <rapidcheck.h>

#include "common/wire/contribution.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/wire/damage.hpp"

namespace genesis::wire {
namespace {

// Any finite float that an update may hold, denormals among them.
float a_float(std::uint32_t bits) {
  const auto value = std::bit_cast<float>(bits);
  return std::isfinite(value) && std::fabs(value) < 1e30F ? value : static_cast<float>(bits) / 7e9F;
}

Tensors a_delta(const std::vector<std::uint32_t>& bits) {
  Tensors delta;
  for (const auto value : bits) {
    delta.values.push_back(a_float(value));
  }
  const auto half = static_cast<std::int64_t>(delta.values.size() / 2);
  delta.specs = {{"a", {half}}, {"b", {static_cast<std::int64_t>(delta.values.size()) - half, 1}}};
  return delta;
}

rounds::Contribution an_update(Tensors delta) {
  return {.run = "0a1b",
          .collection = {3},
          .client = *ClientId::parse("a"),
          .body = rounds::Plain{std::move(delta)}};
}

const Tensors& tensors_of(const rounds::Contribution& contribution) {
  return std::get<Tensors>(std::get<rounds::Plain>(contribution.body).values);
}

}  // namespace

TEST_CASE("wire: binary16 is IEEE 754's, to nearest even", "[wire]") {
  // python3: struct.pack("<e", x), for what does not overflow
  const auto [value, half] = GENERATE(Catch::Generators::table<float, std::uint16_t>({
      {0.0F, 0x0000},
      {-0.0F, 0x8000},
      {1.0F, 0x3C00},
      {-2.0F, 0xC000},
      {65504.0F, 0x7BFF},
      {0.1F, 0x2E66},
      {6.1035156e-05F, 0x0400},
      {6.0975552e-05F, 0x03FF},
      {5.9604645e-08F, 0x0001},
      {2.9802322e-08F, 0x0000},
      {8.9406967e-08F, 0x0002},
      {1e-10F, 0x0000},
      {2049.0F, 0x6800},
      {2051.0F, 0x6802},
      {65519.0F, 0x7BFF},
      {1e6F, 0x7BFF},
      {-1e30F, 0xFBFF},
  }));
  INFO(value);
  CHECK(to_half(value) == half);
}

TEST_CASE("wire: every finite binary16 comes back from float32", "[wire]") {
  for (std::uint32_t bits = 0; bits <= 0xFFFFU; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = from_half(half);
    if ((bits & 0x7C00U) != 0x7C00U) {
      REQUIRE(to_half(value) == half);
    } else {
      REQUIRE_FALSE(std::isfinite(value));
    }
  }
}

TEST_CASE("wire: int8 covers the largest value of a tensor by a power of two", "[wire]") {
  const std::vector<float> one{1.0F, -0.5F};
  CHECK(int8_exponent(one) == -6);  // 64 / 64
  CHECK(int8_exponent(std::vector<float>{127.0F}) == 0);
  CHECK(int8_exponent(std::vector<float>{127.1F}) == 1);
  CHECK(int8_exponent(std::vector<float>{0.0F}) == kMinInt8Exponent);
  CHECK(int8_exponent(std::vector<float>{}) == kMinInt8Exponent);
  CHECK(to_int8(-1.0F, -6) == -64);
  CHECK(from_int8(-64, -6) == -1.0F);
  CHECK(to_int8(1.5F, 0) == 2);
  CHECK(to_int8(2.5F, 0) == 2);  // to even
  const float least = std::numeric_limits<float>::denorm_min();
  CHECK(from_int8(to_int8(3 * least, kMinInt8Exponent), kMinInt8Exponent) == 3 * least);
}

TEST_CASE("wire: what is quantized once stays as it is, on the wire too", "[wire][property]") {
  for (const auto quantization : {Quantization::kFp16, Quantization::kInt8}) {
    REQUIRE(rc::check("idempotent", [&](const std::vector<std::uint32_t>& bits) {
      const auto delta = quantized(a_delta(bits), quantization);
      RC_ASSERT(quantized(delta, quantization) == delta);
      const auto update = an_update(delta);
      const auto bytes = encode(update, quantization);
      const auto again = decode_contribution(bytes);
      RC_ASSERT(again.has_value());
      RC_ASSERT(tensors_of(*again).values == delta.values);
      RC_ASSERT(encode(*again, quantization) == bytes);
    }));
  }
}

TEST_CASE("wire: rounding errs by half a step of the tensor at most", "[wire][property]") {
  REQUIRE(rc::check("int8", [](const std::vector<std::uint32_t>& bits) {
    const auto exact = a_delta(bits);
    const auto rounded = quantized(exact, Quantization::kInt8);
    std::size_t at = 0;
    for (const auto& spec : exact.specs) {
      const std::span<const float> values(exact.values.data() + at, spec.element_count());
      const double step = std::ldexp(1.0, int8_exponent(values));
      for (std::size_t i = 0; i < values.size(); ++i, ++at) {
        RC_ASSERT(std::fabs(double{exact.values[at]} - double{rounded.values[at]}) <= step / 2);
      }
    }
  }));
}

TEST_CASE("wire: quantized updates are a half and a quarter as long", "[wire]") {
  Tensors delta{{{"w", {1000, 10}}}, std::vector<float>(10000, 0.25F)};
  const auto size = [&](Quantization quantization) {
    return encode(an_update(delta), quantization).size();
  };
  CHECK(size(Quantization::kFp16) < size(Quantization::kNone) / 2 + 300);
  CHECK(size(Quantization::kInt8) < size(Quantization::kNone) / 4 + 300);
}

TEST_CASE("wire: a quantized update's header is a safetensors header", "[wire]") {
  const Tensors delta{{{"b", {2}}, {"c", {1}}}, {1.0F, -2.0F, 0.0F}};
  const auto bytes = encode(an_update(delta), Quantization::kInt8);
  CHECK_THAT(bytes, ContainsSubstring(R"("scales":"[-5,-149]")"));
  CHECK_THAT(bytes, ContainsSubstring(R"("b":{"dtype":"I8","shape":[2],"data_offsets":[0,2]})"));
  CHECK_THAT(bytes, ContainsSubstring(R"("c":{"dtype":"I8","shape":[1],"data_offsets":[2,3]})"));
  CHECK(bytes.substr(bytes.size() - 3) == std::string("\x20\xC0\x00", 3));
  CHECK(decode_safetensors(bytes).error().code == Errc::kInvalidArgument);
}

TEST_CASE("wire: scales that are none are refused", "[wire]") {
  const Tensors delta{{{"b", {2}}, {"c", {1}}}, {1.0F, -2.0F, 0.0F}};
  const auto good = encode(an_update(delta), Quantization::kInt8);
  const std::string text = "[-5,-149]";
  const auto at = good.find(text);
  REQUIRE(at != std::string::npos);
  REQUIRE(decode_contribution(good));
  for (const char* bad : {"[-5,-150]",
                          "[122,-14]",
                          "[-5.0,-14]",
                          "[-51490] ",
                          "[5,-1,-1]",
                          "{\\\"a\\\":1} ",
                          "[null,-1]",
                          "[-5,-149 "}) {
    auto bytes = good;
    bytes.replace(at, text.size(), std::string(bad).substr(0, text.size()));
    INFO(bad);
    CHECK_FALSE(decode_contribution(bytes));
  }
  auto renamed = good;
  renamed.replace(renamed.find("scales"), 6, "scalez");
  CHECK_THAT(decode_contribution(renamed).error().message, ContainsSubstring("lacks \"scales\""));
}

TEST_CASE("wire: damaged quantized updates are refused or hold finite numbers", "[wire]") {
  const Tensors delta{{{"b", {2}}, {"c", {1}}}, {1.0F, -2.0F, 0.0F}};
  for (const auto quantization : {Quantization::kFp16, Quantization::kInt8}) {
    const auto bytes = encode(an_update(delta), quantization);
    for_each_truncation(bytes,
                        [](const std::string& cut) { REQUIRE_FALSE(decode_contribution(cut)); });
    for_each_bit_flip(bytes, [&](const std::string& damaged, std::size_t /*byte*/) {
      const auto update = decode_contribution(damaged);
      REQUIRE((!update || tensors_of(*update).values.size() == 3));
    });
  }
}

TEST_CASE("wire: tensors of two kinds in one update are refused", "[wire]") {
  const Tensors delta{{{"b", {2}}, {"c", {1}}}, {1.0F, -2.0F, 0.0F}};
  auto bytes = encode(an_update(delta), Quantization::kFp16);
  bytes.replace(bytes.rfind("F16"), 3, "F32");
  CHECK_THAT(decode_contribution(bytes).error().message,
             ContainsSubstring("is not that of the tensors before it"));
}

}  // namespace genesis::wire
