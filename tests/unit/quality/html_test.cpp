// A report as one page, and what it draws.
#include <numeric>

#include "common/quality/evaluate.hpp"
#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::quality;

namespace {

tabular::Table table_of(const std::string& csv) {
  const auto table = tabular::parse_csv(csv, "test");
  REQUIRE(table);
  return *table;
}

// n from 0 to 499, t one of two texts or missing.
std::string rows(int first, const std::string& other) {
  std::string csv = "n,\"<t> & \"\"co\"\"\"\n";
  for (int i = 0; i < 1000; ++i) {
    csv += std::to_string((first + i * 7) % 500) + "," +
           (i % 10 == 0  ? ""
            : i % 3 == 0 ? other
                         : "<b>a</b>") +
           "\n";
  }
  return csv;
}

Report report(const tabular::Table& real, const tabular::Table& synthetic) {
  auto made = evaluate(real, synthetic, nullptr, {.histograms = true});
  REQUIRE(made);
  return std::move(*made);
}

double sum(const std::vector<double>& shares) {
  return std::accumulate(shares.begin(), shares.end(), 0.0);
}

}  // namespace

TEST_CASE("quality: histograms hold every cell once, missing and unknown ones apart", "[quality]") {
  const auto real = table_of(rows(0, "b"));
  const auto made = report(real, table_of(rows(3, "never seen")));
  REQUIRE(made.histograms.size() == 2);
  for (const auto& histogram : made.histograms) {
    CHECK(histogram.labels.size() == histogram.real.size());
    CHECK(histogram.labels.size() <= kMostBars + 1);
    CHECK_THAT(sum(histogram.real), WithinAbs(1.0, 1e-12));
    CHECK_THAT(sum(histogram.synthetic), WithinAbs(1.0, 1e-12));
  }
  const auto& numbers = made.histograms[0];
  CHECK(numbers.labels.front() == "from 2");  // the 0.5% quantile, in whole steps of 21
  CHECK(numbers.labels[1] == "from 23");
  CHECK_THAT(numbers.real[1], WithinAbs(0.042, 1e-9));
  const auto& texts = made.histograms[1];
  CHECK(texts.labels == std::vector<std::string>{"<b>a</b>", "b", "all others", "missing"});
  CHECK_THAT(texts.real[3], WithinAbs(0.1, 1e-12));
  CHECK(texts.real[2] == 0.0);
  CHECK(texts.synthetic[1] == 0.0);
  CHECK(texts.synthetic[2] > 0.2);
}

TEST_CASE("quality: a page shows names as text, and loads nothing", "[quality]") {
  const auto real = table_of(rows(0, "b"));
  auto attacked = report(real, real);
  attacked.attacks = {Attack{"membership", {100, 60}, {100, 50}, {100, 10}}};
  const auto page = to_html(attacked);
  CHECK(page.find("&lt;b&gt;a&lt;/b&gt;") != std::string::npos);
  CHECK(page.find("<b>") == std::string::npos);
  CHECK(page.find("&lt;t&gt; &amp; ") != std::string::npos);
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("src=") == std::string::npos);
  CHECK(page.find("default-src 'none'") != std::string::npos);
  CHECK(page.find("Attacks on single people") != std::string::npos);
  CHECK(to_html(report(real, real)).find("Attacks on") == std::string::npos);
  std::size_t opened = 0;
  for (auto at = page.find("<svg"); at != std::string::npos; at = page.find("<svg", at + 1)) {
    ++opened;
  }
  CHECK(opened == 3);  // two columns and the map of pairs
}
