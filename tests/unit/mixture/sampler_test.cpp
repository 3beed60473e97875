#include "common/mixture/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "common/mixture/synthesizer.hpp"
#include "common/tabular/text_table.hpp"
#include "common/wire/model_file.hpp"
#include "tests/unit/mixture/builders.hpp"

namespace genesis::mixture {
namespace {

// Two components: in the first c is mostly a and x small, in the second c is mostly b and x large.
Model two_components() {
  Model model;
  Column id = category("id", {});
  id.kind = tabular::Kind::kIdentifier;
  Column nullable = number("n", 0, 3);
  nullable.missing = Missing::kDeclared;
  model.schema = {category("c", {"a", "b", "rare", "never"}), number("x", 0, 99), nullable, id};
  model.marginals.rows = 1000.0;
  model.marginals.columns = {
      {{{0, 0, 500, 0}, {1, 1, 480, 0}, {2, 2, 20, 0}, {3, 3, 0, 0}}, 0, false},
      {{{0, 9, 100, 0}, {10, 49, 400, 0}, {50, 50, 300, 0}, {51, 99, 200, 0}}, 0, false},
      {{{0, 3, 800, 0}}, 200, true},
      {}};
  model.binnings = {{3, {0, 1, 2, 3}, {0, 1, 2, 2}, {}},
                    {3, {0, 50, 51}, {0, 1, 2}, {}},
                    {2, {0}, {0}, std::uint16_t{1}},
                    {}};
  model.components.count = 2;
  model.components.offsets = {0, 3, 6, 8, 8};
  model.components.shares = {0.9F,
                             0.05F,
                             0.05F,
                             0.8F,
                             0.1F,
                             0.1F,
                             0.7F,
                             0.3F,
                             0.05F,
                             0.9F,
                             0.05F,
                             0.1F,
                             0.4F,
                             0.5F,
                             0.9F,
                             0.1F};
  return model;
}

constexpr std::size_t kBlocks = 50;

template <typename Visit>
void for_each_row(const Sampler& sampler, std::span<const Allowed> allowed, const Visit& visit) {
  for (std::size_t b = 0; b < kBlocks; ++b) {
    const auto rows = must(sampler.block(3, b, Sampler::kBlockRows, allowed));
    for (std::size_t i = 0; i < rows.rows; ++i) {
      const auto& c = rows.columns[0];
      visit(c.categories[c.codes[i]], rows.columns[1].numbers[i], rows.columns[2].numbers[i]);
    }
  }
}

constexpr double kRows = static_cast<double>(kBlocks * Sampler::kBlockRows);

// 204,800 rows: a share's deviation is at most 0.0011, 5 of them are passed once in 2 million.
constexpr double kClose = 0.0056;

}  // namespace

TEST_CASE("mixture: rows have the shares of the components and the distributions in the bins",
          "[mixture][statistical]") {
  const Sampler sampler(two_components());
  double a = 0;
  double at_fifty = 0;
  double low = 0;
  double missing = 0;
  double a_and_low = 0;
  for_each_row(sampler, {}, [&](const std::string& c, double x, double n) {
    a += c == "a" ? 1 : 0;
    at_fifty += x == 50 ? 1 : 0;
    low += x < 10 ? 1 : 0;
    missing += std::isnan(n) ? 1 : 0;
    a_and_low += c == "a" && x < 50 ? 1 : 0;
  });
  CHECK_THAT(a / kRows, WithinAbs(0.475, kClose));
  CHECK_THAT(at_fifty / kRows, WithinAbs(0.25, kClose));
  CHECK_THAT(low / kRows, WithinAbs(0.45 * 0.2, kClose));
  CHECK_THAT(missing / kRows, WithinAbs(0.2, kClose));
  CHECK_THAT(a_and_low / kRows, WithinAbs((0.9 * 0.8 + 0.05 * 0.1) / 2, kClose));
}

TEST_CASE("mixture: what is asked of columns holds in every row, and moves the others rightly",
          "[mixture][statistical]") {
  const Sampler sampler(two_components());
  // x in 40..49 or 50, so of bin 0 a fifth (of 400 rows of 500 a quarter) and all of bin 1.
  const std::vector<Allowed> allowed{{1, {{40, 50}}, false}};
  const double in_low = 0.8 * 0.25;
  const double first = 0.8 * in_low + 0.1;
  const double second = 0.1 * in_low + 0.4;
  double a = 0;
  double fifty = 0;
  for_each_row(sampler, allowed, [&](const std::string& c, double x, double) {
    REQUIRE(x >= 40);
    REQUIRE(x <= 50);
    a += c == "a" ? 1 : 0;
    fifty += x == 50 ? 1 : 0;
  });
  CHECK_THAT(fifty / kRows, WithinAbs(0.5 / (first + second), kClose));
  CHECK_THAT(a / kRows, WithinAbs((0.9 * first + 0.05 * second) / (first + second), kClose));
}

TEST_CASE("mixture: conditions on several columns, sets and missing values hold", "[mixture]") {
  const Sampler sampler(two_components());
  const std::vector<Allowed> allowed{
      {0, {{1, 1}, {3, 3}}, false}, {1, {{0, 4}, {99, 99}}, false}, {2, {}, true}};
  for_each_row(sampler, allowed, [&](const std::string& c, double x, double n) {
    REQUIRE((c == "b" || c == "never"));
    REQUIRE((x <= 4 || x == 99));
    REQUIRE(std::isnan(n));
  });
  // What no row has may be asked for all the same.
  const std::vector<Allowed> never{{0, {{3, 3}}, false}};
  for_each_row(sampler, never, [](const std::string& c, double, double) { REQUIRE(c == "never"); });
}

TEST_CASE("mixture: a cut block is the beginning of the whole one", "[mixture]") {
  const Sampler sampler(two_components());
  const auto whole = must(sampler.block(1, 2, Sampler::kBlockRows, {}));
  const auto cut = must(sampler.block(1, 2, 10, {}));
  for (std::size_t i = 0; i < 10; ++i) {
    CHECK(cut.columns[1].numbers[i] == whole.columns[1].numbers[i]);
    CHECK(cut.columns[0].categories[cut.columns[0].codes[i]] ==
          whole.columns[0].categories[whole.columns[0].codes[i]]);
    CHECK(cut.columns[3].categories[cut.columns[3].codes[i]] ==
          "id-" + std::to_string(2 * Sampler::kBlockRows + i + 1));
  }
  CHECK(must(sampler.block(2, 2, 10, {})).columns[1].numbers != cut.columns[1].numbers);
}

TEST_CASE("mixture: a model file opens as the model that it was", "[mixture]") {
  const auto model = two_components();
  const auto bytes = wire::encode_model(to_file(model, "{}"));
  const auto file = must(wire::decode_model(bytes));
  const auto opened = must(open_model(file));
  const Sampler sampler(model);
  const std::vector<std::string> conditions{"c=b"};
  const std::vector<Allowed> allowed{{0, {{1, 1}}, false}};
  const auto one = must(opened->block(5, 0, 100, conditions));
  const auto other = must(sampler.block(5, 0, 100, allowed));
  constexpr auto kRaw = tabular::TextCells::kRaw;
  CHECK(tabular::write_csv(one, kRaw) == tabular::write_csv(other, kRaw));
}

TEST_CASE("mixture: gaps are filled from their distribution given the rest of the row",
          "[mixture][statistical]") {
  const auto opened = must(open_model(to_file(two_components(), "{}")));
  std::string csv = "c,x,n\n";
  for (int i = 0; i < 4096; ++i) {
    csv += i % 2 == 0 ? "a,,\n" : ",70,\n";
  }
  const auto texts = must(tabular::parse_text_table(csv, "test"));
  double small = 0;
  double b = 0;
  constexpr int kBlocksOfGaps = 20;
  for (std::uint64_t block = 0; block < kBlocksOfGaps; ++block) {
    const auto filled = must(opened->complete(3, block, texts, method::Draw::kValues));
    const auto& c = filled.rows.columns[0];
    const auto& x = filled.rows.columns[1].numbers;
    for (std::size_t i = 0; i < 4096; ++i) {
      small += i % 2 == 0 && x[i] < 50 ? 1 : 0;
      b += i % 2 == 1 && c.categories[c.codes[i]] == "b" ? 1 : 0;
      REQUIRE_FALSE(std::isnan(filled.rows.columns[2].numbers[i]));
    }
  }
  // 40,960 rows each: a share's deviation is at most 0.0025, 5 of them are passed once in 2
  // million.
  const double rows = kBlocksOfGaps * 2048.0;
  // That n has a value, too, weighs: it has in 0.7 of the first component and in 0.9 of the second.
  CHECK_THAT(small / rows, WithinAbs((0.63 * 0.8 + 0.045 * 0.1) / 0.675, 0.0125));
  CHECK_THAT(b / rows, WithinAbs((0.07 * 0.05 + 0.45 * 0.9) / 0.52, 0.0125));
}

TEST_CASE("mixture: a gap that has a value says where it can be", "[mixture][statistical]") {
  // In the first component n is as good as always missing, and its values are dust.
  auto model = two_components();
  model.components.shares[6] = 0.001F;
  model.components.shares[7] = 0.999F;
  const auto opened = must(open_model(to_file(model, "{}")));
  std::string csv = "c,x,n\n";
  for (int i = 0; i < 4096; ++i) {
    csv += i % 2 == 0 ? ",,\n" : ",,beyond\n";  // nothing, and a value that the model does not know
  }
  const auto filled = must(
      opened->complete(3, 0, must(tabular::parse_text_table(csv, "test")), method::Draw::kValues));
  const auto& c = filled.rows.columns[0];
  double first = 0;
  for (std::size_t i = 0; i < 4096; ++i) {
    first += c.categories[c.codes[i]] == "a" ? 1 : 0;
  }
  // Of rows with an n, one in 900 is of the first component: a has 0.05 of the second. 4,096 rows:
  // the deviation is 0.0035.
  CHECK_THAT(first / 4096, WithinAbs(0.05, 0.02));
}

TEST_CASE("mixture: conditions are exact, with ranges, lists and missing values", "[mixture]") {
  const auto opened = must(open_model(to_file(two_components(), "{}")));
  // Whether all of a block's rows hold, and whether some of them are missing.
  const auto numbers = [&](const std::vector<std::string>& where, std::size_t column) {
    const auto rows = must(opened->block(9, 0, Sampler::kBlockRows, where));
    REQUIRE(rows.rows == Sampler::kBlockRows);
    return rows.columns[column].numbers;
  };
  const auto all = [](const std::vector<double>& values, const auto& holds) {
    return std::ranges::all_of(values, holds);
  };
  CHECK(all(numbers({"x=40..60"}, 1), [](double x) { return x >= 40 && x <= 60; }));
  CHECK(all(numbers({"x>=40", "x<41"}, 1), [](double x) { return x == 40; }));
  CHECK(
      all(numbers({"x in 3,70..72"}, 1), [](double x) { return x == 3 || (x >= 70 && x <= 72); }));
  CHECK(all(numbers({"x!=50", "x>49", "x<=51"}, 1), [](double x) { return x == 51; }));
  CHECK(all(numbers({"n is missing"}, 2), [](double x) { return std::isnan(x); }));
  CHECK(all(numbers({"n is not missing"}, 2), [](double x) { return !std::isnan(x); }));
  CHECK(all(numbers({"n not in 0,1"}, 2), [](double x) { return x >= 2; }));
  const auto texts = must(opened->block(9, 0, 500, std::vector<std::string>{"c in b,rare"}));
  CHECK(texts.columns[0].categories == std::vector<std::string>{"b", "rare"});
}

TEST_CASE("mixture: a condition that the model does not know is refused by name", "[mixture]") {
  const auto opened = must(open_model(to_file(two_components(), "{}")));
  const auto refusal = [&](const std::vector<std::string>& conditions) {
    const auto rows = opened->block(0, 0, 1, conditions);
    return rows ? std::string("taken") : rows.error().message;
  };
  CHECK_THAT(refusal({"cc=a"}), ContainsSubstring("did you mean 'c'?"));
  CHECK_THAT(refusal({"c=rar"}), ContainsSubstring("did you mean \"rare\"?"));
  CHECK_THAT(refusal({"x=100"}), ContainsSubstring("its values reach from 0 to 99"));
  CHECK_THAT(refusal({"x=1", "x=2"}), ContainsSubstring("no cell meets both"));
  CHECK_THAT(refusal({"id=id-1"}), ContainsSubstring("identifier"));
  CHECK_THAT(refusal({"x is missing"}), ContainsSubstring("no missing cells"));
}

TEST_CASE("mixture: a model file that is none is refused, and does not crash", "[mixture]") {
  const auto good = to_file(two_components(), "{}");
  REQUIRE(open_model(good));
  const auto broken = [&](const std::string& from, const std::string& to) {
    auto file = good;
    const auto at = file.encoder_json.find(from);
    REQUIRE(at != std::string::npos);
    file.encoder_json.replace(at, from.size(), to);
    return !open_model(file);
  };
  CHECK(broken("\"units\":100", "\"units\":0"));
  CHECK(broken("\"units\":100", "\"units\":99"));
  CHECK(broken("[0,9,100.0]", "[0,8,100.0]"));
  CHECK(broken("[0,9,100.0]", "[0,9,-1.0]"));
  CHECK(broken("\"bins\":3", "\"bins\":4"));
  CHECK(broken("\"distributions\"", "\"distribution\""));
  auto file = good;
  file.generator.values[0] = std::nanf("");
  CHECK_FALSE(open_model(file));
}

}  // namespace genesis::mixture
