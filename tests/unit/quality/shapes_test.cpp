// Values marked SDMetrics come from sdmetrics 0.32.0 (single_column.KSComplement, TVComplement).
#include "common/quality/shapes.hpp"

#include <limits>
#include <vector>

#include <rapidcheck.h>

#include "common/tabular/table.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/quality/a_table.hpp"

namespace genesis::quality {
namespace {

constexpr std::uint32_t kGone = tabular::kMissingCode;

TEST_CASE("quality: equal samples have the same shape, disjoint ones none in common", "[quality]") {
  const std::vector<double> low = {1, 2, 3};
  const std::vector<double> high = {10, 11};
  CHECK(*ks_complement(low, low) == 1.0);
  CHECK(*ks_complement(low, high) == 0.0);
  CHECK(*ks_complement(high, low) == 0.0);
}

TEST_CASE("quality: the Kolmogorov-Smirnov distance leaves missing values out", "[quality]") {
  // SDMetrics: KSComplement.compute([1,2,2,3,nan,9], [2,3,3,nan,4,5,9])
  const std::vector<double> real = {1, 2, 2, 3, kNone, 9};
  const std::vector<double> synthetic = {2, 3, 3, kNone, 4, 5, 9};
  CHECK_THAT(*ks_complement(real, synthetic), WithinAbs(0.5666666666666667, 1e-15));
}

TEST_CASE("quality: ties are stepped over as one", "[quality]") {
  // F_real jumps from 0 to 1 at 5, F_synthetic from 0 to 1/2 at 5: the distance is 1/2, not 1.
  const std::vector<double> real = {5, 5, 5, 5};
  const std::vector<double> synthetic = {5, 5, 7, 7};
  CHECK_THAT(*ks_complement(real, synthetic), WithinAbs(0.5, 1e-15));
}

TEST_CASE("quality: a side without values has no shape", "[quality]") {
  const std::vector<double> some = {1.0};
  const std::vector<double> none = {kNone, kNone};
  CHECK_FALSE(ks_complement(some, none).has_value());
  CHECK_FALSE(ks_complement(none, some).has_value());
  CHECK_FALSE(ks_complement(some, {}).has_value());
  const std::vector<std::uint32_t> codes = {0, 0};
  const std::vector<std::uint32_t> gone = {kGone};
  CHECK_FALSE(tv_complement(codes, gone, 1).has_value());
  CHECK_FALSE(tv_complement(gone, codes, 1).has_value());
}

TEST_CASE("quality: a category of one side only costs its whole share", "[quality]") {
  // aaabbc and a missing one beside aabd. By hand: |1/2-1/2| + |1/3-1/4| + 1/6 + 1/4 = 1/2.
  // SDMetrics: 0.75000008, because it adds a millionth of a row to unseen categories.
  const std::vector<std::uint32_t> real = {0, 0, 0, 1, 1, 2, kGone};
  const std::vector<std::uint32_t> synthetic = {0, 0, 1, 3};
  CHECK_THAT(*tv_complement(real, synthetic, 4), WithinAbs(0.75, 1e-15));
}

TEST_CASE("quality: shapes are symmetric, within 0 and 1, and blind to order",
          "[quality][property]") {
  REQUIRE(rc::check("numbers", [](std::vector<int> a, std::vector<int> b) {
    RC_PRE(!a.empty() && !b.empty());
    std::vector<double> x(a.begin(), a.end());
    const std::vector<double> y(b.begin(), b.end());
    const double score = *ks_complement(x, y);
    RC_ASSERT(score >= 0.0 && score <= 1.0);
    RC_ASSERT(*ks_complement(y, x) == score);
    std::reverse(x.begin(), x.end());
    RC_ASSERT(*ks_complement(x, y) == score);
  }));
  REQUIRE(rc::check("categories", [](const std::vector<bool>& a, const std::vector<bool>& b) {
    RC_PRE(!a.empty() && !b.empty());
    const std::vector<std::uint32_t> x(a.begin(), a.end());
    const std::vector<std::uint32_t> y(b.begin(), b.end());
    const double score = *tv_complement(x, y, 2);
    RC_ASSERT(score >= 0.0 && score <= 1.0);
    RC_ASSERT(*tv_complement(y, x, 2) == score);
    RC_ASSERT(*tv_complement(x, x, 2) == 1.0);
  }));
}

}  // namespace
}  // namespace genesis::quality
