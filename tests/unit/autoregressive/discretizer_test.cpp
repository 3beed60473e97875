#include "common/autoregressive/discretizer.hpp"

#include <algorithm>
#include <set>

#include "tests/unit/autoregressive/builders.hpp"

namespace genesis::autoregressive {
namespace {

double share_of(const std::vector<std::uint32_t>& codes, std::uint32_t code) {
  return static_cast<double>(std::ranges::count(codes, code)) / static_cast<double>(codes.size());
}

}  // namespace

TEST_CASE("autoregressive: bins have about equal mass, and heavy values a code of their own",
          "[autoregressive]") {
  const auto table = table_of(related_rows(5000, 1));
  const auto discretizer = discretizer_of(table, 20);
  REQUIRE(discretizer.codes().size() == 5);
  const auto codes = coded(discretizer, table);
  // size: 900 values that are about as frequent, in 20 bins.
  CHECK(discretizer.codes()[1] == 20);
  for (std::uint32_t k = 0; k < 20; ++k) {
    CHECK(share_of(codes.codes[1], k) > 0.03);
    CHECK(share_of(codes.codes[1], k) < 0.07);
  }
  // spike: 7 alone has half of the rows.
  const auto& atoms = discretizer.columns()[2].atoms;
  const auto spike = std::ranges::find_if(
      atoms, [](const Atom& atom) { return atom.first == 7.0 && atom.last == 7.0; });
  REQUIRE(spike != atoms.end());
  CHECK(std::ranges::count(atoms, spike->code, &Atom::code) == 1);
  CHECK(share_of(codes.codes[2], spike->code) > 0.45);
  CHECK(discretizer.codes()[2] <= 20 + 1);
  // gap: one cell in ten is missing.
  REQUIRE(discretizer.columns()[3].missing);
  CHECK(share_of(codes.codes[3], *discretizer.columns()[3].missing) > 0.07);
}

TEST_CASE("autoregressive: few values are coded one by one", "[autoregressive]") {
  std::string csv = "x,y\n";
  for (int i = 0; i < 400; ++i) {
    csv += std::to_string(i % 25) + "," + std::to_string(i) + ".25\n";
  }
  const auto table = table_of(csv);
  const auto discretizer = discretizer_of(table, 10);
  CHECK(discretizer.codes()[0] == 25);
  const auto codes = coded(discretizer, table);
  const auto decoded = discretizer.decode(codes, 1, 0, {});
  CHECK(decoded.columns[0].numbers == table.columns[0].numbers);
}

TEST_CASE("autoregressive: values drawn from their bins have the column's distribution",
          "[autoregressive]") {
  const auto table = table_of(related_rows(20'000, 1));
  const auto discretizer = discretizer_of(table, 10);
  const auto codes = coded(discretizer, table);
  const auto decoded = discretizer.decode(codes, 1, 0, {});
  for (const std::size_t c : {1U, 2U}) {
    const auto& real = table.columns[c].numbers;
    const auto& drawn = decoded.columns[c].numbers;
    double largest = 0.0;  // distance of the distribution functions
    for (double x = 0; x < 1000; x += 25) {
      const auto below = [&](const std::vector<double>& values) {
        return static_cast<double>(
            std::ranges::count_if(values, [&](double value) { return value <= x; }));
      };
      largest = std::max(largest, std::abs(below(real) - below(drawn)) / 20'000.0);
    }
    CHECK(largest < 0.01);
    CHECK(coded(discretizer, decoded).codes[c] == codes.codes[c]);
  }
  CHECK(std::ranges::count_if(decoded.columns[3].numbers, [](double x) { return std::isnan(x); }) ==
        std::ranges::count_if(table.columns[3].numbers, [](double x) { return std::isnan(x); }));
  CHECK(discretizer.decode(codes, 2, 0, {}).columns[1].numbers != decoded.columns[1].numbers);
}

TEST_CASE("autoregressive: a discretizer reads back from its text", "[autoregressive]") {
  const auto discretizer = discretizer_of(table_of(related_rows(3000, 1)));
  const auto text = discretizer.text();
  const auto again = must(Discretizer::parse(text));
  CHECK(again.text() == text);
  CHECK(again.columns() == discretizer.columns());
  CHECK(again.encoder().columns() == discretizer.encoder().columns());
  for (const auto& [from, to] :
       {std::pair<std::string, std::string>{R"("discretization")", R"("bins")"},
        {R"("column":1)", R"("column":2)"},
        {R"("column":1)", R"("column":0)"},
        {R"("codes":[0,)", R"("codes":[99999,)"},
        {R"("last":[)", R"("last":[-1,)"},
        {R"("first":[)", R"("first":[1e9,)"}}) {
    auto broken = text;
    const auto at = broken.find(from);
    CAPTURE(from, to);
    REQUIRE(at != std::string::npos);
    broken.replace(at, from.size(), to);
    CHECK_FALSE(Discretizer::parse(broken));
  }
  CHECK_FALSE(Discretizer::parse(""));
  CHECK_FALSE(Discretizer::parse("[]"));
}

TEST_CASE("autoregressive: conditions allow the part of a code that meets them",
          "[autoregressive]") {
  const auto discretizer = discretizer_of(table_of(related_rows(5000, 1)), 20);
  const auto one = allowed(discretizer, {"size>=450", "size<900", "gap is missing", "kind in a,c"});
  REQUIRE(one.size() == 3);
  CHECK(one[0].column == 0);
  CHECK(one[0].shares == std::vector<float>{1.0F, 0.0F, 1.0F});
  double kept = 0.0;
  for (const auto share : one[1].shares) {
    CHECK(share >= 0.0F);
    CHECK(share <= 1.0F);
    kept += share / 20.0;
  }
  CHECK_THAT(kept, WithinAbs(0.5, 0.03));
  for (const auto& atom : one[1].atoms) {
    CHECK(atom.first >= 450.0);
    CHECK(atom.last < 900.0);
  }
  CHECK(std::ranges::count_if(one[2].shares, [](float share) { return share > 0.0F; }) == 1);
  CHECK(one[2].shares.back() == 1.0F);

  const auto inner = allowed(discretizer, {"size in 100..120,130"});
  for (const auto& atom : inner[0].atoms) {
    const bool is_asked = (atom.first >= 100.0 && atom.last <= 120.0) || atom.first == 130.0;
    CHECK(is_asked);
  }
}

TEST_CASE("autoregressive: a value that no row had can be asked for", "[autoregressive]") {
  std::string csv = "x,y\n";
  for (int i = 0; i < 3000; ++i) {
    csv += std::to_string(i % 300 * 7) + ",b\n";
  }
  const auto discretizer = discretizer_of(table_of(csv), 10);
  const auto asked = allowed(discretizer, {"x=702..704"});
  REQUIRE(asked[0].atoms.size() == 1);
  CHECK(asked[0].atoms[0].first == 702.0);
  CHECK(asked[0].atoms[0].last == 704.0);
}

TEST_CASE("autoregressive: a site's logits say how its rows differ from all sites'",
          "[autoregressive]") {
  const auto all = table_of(related_rows(4000, 1) + related_rows(4000, 2).substr(26));
  const auto discretizer = discretizer_of(all);
  const auto shares = discretizer.shares();
  for (const auto& column : shares) {
    double sum = 0.0;
    for (const double share : column) {
      sum += share;
    }
    CHECK_THAT(sum, WithinAbs(1.0, 1e-9));
  }
  for (const auto& column : site_logits(coded(discretizer, all), shares)) {
    for (const float logit : column) {
      CHECK_THAT(logit, WithinAbs(0.0, 1e-4));
    }
  }
  CodedTable skewed;
  skewed.rows = 980;
  skewed.codes = {std::vector<std::uint32_t>(980, 1)};
  const std::vector<std::vector<double>> halves{{0.5, 0.5}};
  const auto logits = site_logits(skewed, halves);
  CHECK_THAT(logits[0][1], WithinAbs(std::log(0.99 / 0.5), 1e-6));
  CHECK_THAT(logits[0][0], WithinAbs(std::log(0.01 / 0.5), 1e-6));
}

TEST_CASE("autoregressive: the target comes last in the order", "[autoregressive]") {
  const std::vector<std::string> names{"a", "label", "c"};
  CHECK(must(order_of(names, std::nullopt)) == std::vector<std::uint32_t>{0, 1, 2});
  CHECK(must(order_of(names, "label")) == std::vector<std::uint32_t>{0, 2, 1});
  const auto refused = order_of(names, "lable");
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, ContainsSubstring("did you mean 'label'?"));
}

}  // namespace genesis::autoregressive
