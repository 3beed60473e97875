// What a site of each method tells with its join.
#include <algorithm>
#include <string>

#include "common/methods/site_methods.hpp"
#include "tests/support/catch.hpp"

using namespace genesis;

namespace {

// 40 rows more and other numbers, the same categories.
std::string introduction(const methods::SiteEntry& entry, bool is_secure, int shift) {
  std::string csv = "age,weight,group\n";
  for (int i = 0; i < 40 + 4 * shift; ++i) {
    csv += std::to_string(20 + shift + i) + "," + std::to_string(50 + 3 * shift + i) + ".5," +
           "ab"[i % 2] + "\n";
  }
  method::SiteSetup setup{*ClientId::parse("site-1"), {}, *tabular::parse_csv(csv, "test.csv")};
  setup.training.model.method = entry.name;
  if (is_secure) {
    setup.training.privacy.secure_aggregation.emplace();
  }
  const auto made = entry.make(std::move(setup));
  CAPTURE(entry.name, made ? "" : made.error().message);
  REQUIRE(made);
  return (*made)->introduction();
}

}  // namespace

TEST_CASE("worker: where sums are secure, a site of no method tells anything of its numbers",
          "[worker]") {
  for (const auto& entry : methods::site_methods()) {
    CAPTURE(std::string(entry.name));
    CHECK(introduction(entry, true, 0) == introduction(entry, true, 10));
  }
  // The tables do differ in what is told else.
  const auto entries = methods::site_methods();
  const auto ctgan = std::ranges::find(entries, "ctgan", &methods::SiteEntry::name);
  REQUIRE(ctgan != entries.end());
  CHECK(introduction(*ctgan, false, 0) != introduction(*ctgan, false, 10));
}
