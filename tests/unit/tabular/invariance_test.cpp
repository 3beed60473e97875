// The encoder must not depend on how rows are split among sites, nor on who reports first: its
// JSON is compared byte by byte.
#include <algorithm>
#include <functional>

#include <nlohmann/json.hpp>

#include "common/base/rng.hpp"
#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

const std::string kHeader = "age,hours,gain,weight,day,level,city,flag,blank\n";

struct Record {
  int age = 0;
  std::string line;
};

// Smooth, spiked, sparse, decimal, dated, few-valued, categorical, boolean and empty columns.
std::vector<Record> records(std::size_t count) {
  Rng rng(11, RoundId{0}, "", "records");
  std::vector<Record> all;
  for (std::size_t i = 0; i < count; ++i) {
    Record record;
    record.age = static_cast<int>(std::clamp(38.0 + 13.0 * rng.normal(), 17.0, 90.0));
    const auto kind = rng.below(10);
    const auto hours = kind < 5 ? 40 : kind == 5 ? 50 : 1 + rng.below(99);
    const auto gain = rng.below(12) == 0 ? std::to_string(100 + rng.below(90000)) : "0";
    std::string& line = record.line;
    line += std::to_string(record.age) + ",";
    line += std::to_string(hours) + ",";
    line += (rng.below(50) == 0 ? "NA" : gain) + ",";
    line += std::to_string(40 + rng.below(60)) + (rng.below(2) == 0 ? "" : ".5") + ",";
    line += "20" + std::to_string(10 + rng.below(14)) + "-0" + std::to_string(1 + rng.below(9)) +
            "-1" + std::to_string(rng.below(10)) + ",";
    line += std::to_string(1 + rng.below(16)) + ",";
    line += std::string(1, static_cast<char>('A' + rng.below(20))) + ",";
    line += rng.below(9) == 0 ? "true," : "false,";
    line += "\n";
    all.push_back(std::move(record));
  }
  return all;
}

using Chooser = std::function<std::size_t(const Record&, std::size_t)>;

std::vector<Table> split(const std::vector<Record>& all, std::size_t sites, const Chooser& choose) {
  std::vector<std::string> texts(sites, kHeader);
  for (std::size_t i = 0; i < all.size(); ++i) {
    texts[choose(all[i], i)] += all[i].line;
  }
  std::vector<Table> tables;
  for (const auto& text : texts) {
    tables.push_back(table_of(text));
  }
  return tables;
}

std::string encoder_bytes(const std::vector<Table>& sites) {
  return to_json(encoder_for(sites)).dump();
}

}  // namespace

TEST_CASE("tabular: the encoder is the same for every split of the rows", "[tabular][property]") {
  auto all = records(4000);
  const std::string pooled =
      encoder_bytes(split(all, 1, [](const Record&, std::size_t) { return std::size_t{0}; }));
  CHECK_THAT(
      pooled,
      ContainsSubstring("gaussian") && ContainsSubstring("exact") && ContainsSubstring("missing"));

  SECTION("evenly") {
    CHECK(encoder_bytes(split(all, 4, [](const Record&, std::size_t i) { return i % 4; })) ==
          pooled);
  }
  SECTION("skewed: most rows at one site, the rest by age") {
    Rng rng(3, RoundId{0}, "", "split");
    const auto choose = [&](const Record& record, std::size_t) -> std::size_t {
      return rng.uniform() < 0.6 ? 0 : record.age < 30 ? 1 : record.age < 50 ? 2 : 3;
    };
    CHECK(encoder_bytes(split(all, 4, choose)) == pooled);
  }
  SECTION("sorted: each site sees a range of ages") {
    std::stable_sort(
        all.begin(), all.end(), [](const auto& a, const auto& b) { return a.age < b.age; });
    CHECK(encoder_bytes(split(all, 5, [](const Record&, std::size_t i) { return i / 800; })) ==
          pooled);
  }
  SECTION("sorted by the whole line, with a tiny site") {
    std::stable_sort(
        all.begin(), all.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
    CHECK(encoder_bytes(split(all, 3, [](const Record&, std::size_t i) -> std::size_t {
            return i < 20 ? 0 : i < 2000 ? 1 : 2;
          })) == pooled);
  }
}

TEST_CASE("tabular: the encoder is the same in every order of arrival", "[tabular]") {
  const auto sites = split(records(1500), 3, [](const Record& record, std::size_t) -> std::size_t {
    return record.age < 30 ? 0 : record.age < 45 ? 1 : 2;
  });
  const Plan agreed = ok(plan_for(sites));
  std::vector<std::size_t> order = {0, 1, 2};
  const std::string expected = encoder_bytes(sites);
  do {
    Summary total;
    for (const auto i : order) {
      REQUIRE(merge(total, ok(summarize(sites[i], agreed)), agreed));
    }
    CHECK(to_json(ok(fit(agreed, total))).dump() == expected);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("tabular: a value heavy at one site only is no spike of all", "[tabular]") {
  // 51 holds a tenth of a small site, and 1 in 400 of all rows.
  auto all = records(4000);
  const auto sites =
      split(all, 2, [](const Record&, std::size_t i) -> std::size_t { return i < 100 ? 0 : 1; });
  const auto encoder = encoder_for(sites);
  std::size_t exact = 0;
  for (const auto& mode : encoder.columns()[1].modes) {
    exact += mode.type == Mode::Type::kExact ? 1 : 0;
  }
  CHECK(exact == 2);  // 40 and 50
}
