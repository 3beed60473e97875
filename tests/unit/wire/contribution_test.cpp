#include "common/wire/contribution.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include "tests/support/catch.hpp"
#include "tests/unit/wire/damage.hpp"

namespace genesis::wire {
namespace {

rounds::Contribution a_contribution() {
  return {.run = "0a1b",
          .collection = {7},
          .attempt = 2,
          .client = *ClientId::parse("hospital-1"),
          .body = rounds::Plain{Tensors{.specs = {{"w", {2}}}, .values = {1.0F, -1.0F}}},
          .telemetry = {{"loss", 1.0 / 3.0}, {"norm", 1e-300}}};
}

void check_damage(const std::string& bytes) {
  for_each_truncation(
      bytes, [&](const std::string& cut) { REQUIRE_FALSE(decode_contribution(cut).has_value()); });
  for_each_bit_flip(bytes, [&](const std::string& damaged, std::size_t /*byte*/) {
    const auto decoded = decode_contribution(damaged);
    REQUIRE((decoded.has_value() || !decoded.error().message.empty()));
  });
}

}  // namespace

TEST_CASE("wire: a contribution of tensors is one body with its header inside", "[wire]") {
  const auto contribution = a_contribution();
  CHECK(decode_contribution(encode(contribution)).value() == contribution);
  check_damage(encode(contribution));
  const auto& plain = std::get<rounds::Plain>(contribution.body);
  CHECK(decode_contribution(encode_safetensors(std::get<Tensors>(plain.values), {}))
            .error()
            .message == "contribution: its metadata lacks \"contribution\"");
}

TEST_CASE("wire: a contribution of counts keeps all 64 bits", "[wire][property]") {
  REQUIRE(rc::check("any counts", [](const rounds::Counts& counts) {
    auto contribution = a_contribution();
    contribution.body = rounds::Plain{counts};
    RC_ASSERT(decode_contribution(encode(contribution)).value() == contribution);
  }));
  auto counts = a_contribution();
  counts.body = rounds::Plain{rounds::Counts{0, 1, std::numeric_limits<std::uint64_t>::max()}};
  check_damage(encode(counts));
}

TEST_CASE("wire: counts that are not one list are refused", "[wire]") {
  const Metadata header{{std::string(kContributionKey), encode_header(a_contribution())}};
  const std::string two(16, '\0');
  for (const auto& specs : {std::vector<TensorSpec>{{"counts", {2, 1}}},
                            std::vector<TensorSpec>{{"others", {2}}},
                            std::vector<TensorSpec>{{"counts", {1}}, {"more", {1}}}}) {
    const auto bytes = join_safetensors(specs, header, Dtype::kU64, two);
    CHECK_THAT(decode_contribution(bytes).error().message,
               ContainsSubstring("one tensor \"counts\" of one dimension"));
  }
}

TEST_CASE("wire: a contribution's telemetry keeps every number exactly", "[wire][property]") {
  REQUIRE(rc::check("any double that is within bounds", [](std::uint64_t bits) {
    const double value = std::bit_cast<double>(bits);
    RC_PRE(std::abs(value) <= rounds::kLargestTelemetry);
    auto contribution = a_contribution();
    contribution.telemetry["loss"] = value;
    RC_ASSERT(decode_header(encode_header(contribution))->telemetry == contribution.telemetry);
  }));
}

TEST_CASE("wire: the head of a privacy ledger travels with a contribution, in its form alone",
          "[wire]") {
  auto contribution = a_contribution();
  CHECK_THAT(encode_header(contribution), !ContainsSubstring("ledger_head"));
  contribution.ledger_head = std::string(32, 'a') + ":7:" + std::string(64, '0');
  CHECK(decode_header(encode_header(contribution))->ledger_head == contribution.ledger_head);
  contribution.ledger_head += ":" + std::string(64, '1') + ":" + std::string(128, '2');  // signed
  CHECK(decode_header(encode_header(contribution))->ledger_head == contribution.ledger_head);
  for (const std::string& wrong : {std::string("a:1"),
                                   std::string("a:1:G"),
                                   std::string("a::\n"),
                                   std::string("a:1:b:c"),
                                   std::string(400, 'a') + ":1:b"}) {
    contribution.ledger_head = wrong;
    CHECK_THAT(decode_header(encode_header(contribution)).error().message,
               ContainsSubstring("Contribution.ledger_head: expected id:lines:hash"));
  }
}

TEST_CASE("wire: telemetry that is no number, or too much of it, is refused", "[wire]") {
  auto contribution = a_contribution();
  contribution.telemetry["loss"] = std::numeric_limits<double>::quiet_NaN();
  CHECK(decode_header(encode_header(contribution)).error().message ==
        "Contribution.telemetry.loss: expected a number, got null");
  contribution.telemetry["loss"] = -2e12;
  CHECK(decode_header(encode_header(contribution)).error().message ==
        "Contribution.telemetry.loss: expected a number from -1e+12 to 1e+12, got "
        "-2000000000000.0");
  contribution.telemetry.clear();
  for (int i = 0; i < 65; ++i) {
    contribution.telemetry["x" + std::to_string(i)] = 1.0;
  }
  CHECK_THAT(decode_header(encode_header(contribution)).error().message,
             ContainsSubstring("Contribution.telemetry: expected an object of at most 64 numbers"));
  contribution.telemetry = {{std::string(65, 'x'), 1.0}};
  CHECK_THAT(decode_header(encode_header(contribution)).error().message,
             ContainsSubstring("names of at most 64 bytes"));
}

}  // namespace genesis::wire
