#include "common/aggregation/trimmed_mean.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include "tests/support/catch.hpp"

namespace genesis::aggregation {
namespace {

using Updates = std::vector<std::vector<float>>;

std::vector<float> mean_of(const Updates& updates, double share) {
  const FoldBounds bounds{.size = updates.front().size(),
                          .max_updates = updates.size(),
                          .max_total_rows = 1,
                          .trimmed_share = share};
  auto fold = TrimmedMeanFold::create(bounds);
  REQUIRE(fold);
  for (const auto& update : updates) {
    REQUIRE(fold->add(update, 1));
  }
  return *fold->aggregate();
}

}  // namespace

TEST_CASE("aggregation: whole updates are left out, and one is always kept", "[aggregation]") {
  CHECK(mean_of({{7.0F}}, 0.2) == std::vector{7.0F});
  CHECK(mean_of({{1.0F}, {3.0F}}, 0.2) == std::vector{2.0F});
  CHECK(mean_of({{0.0F}, {1.0F}, {8.0F}}, 0.2) == std::vector{1.0F});
  CHECK(mean_of({{0.0F}, {1.0F}, {2.0F}, {4.0F}, {8.0F}, {99.0F}}, 0.2) == std::vector{3.0F});
}

TEST_CASE("aggregation: a trimmed mean ignores wild sites on both sides", "[aggregation]") {
  const Updates updates{{1.0F}, {2.0F}, {6.0F}, {-32768.0F}, {32768.0F}};
  CHECK(mean_of(updates, 0.2) == std::vector{3.0F});
  CHECK(mean_of(updates, 0.4) == std::vector{2.0F});
}

TEST_CASE("aggregation: a trimmed mean is that of sorted columns, in any order of arrival",
          "[aggregation]") {
  std::mt19937_64 random(7);
  std::normal_distribution<float> values(0.0F, 1.0F);
  for (const std::size_t count : {1U, 2U, 3U, 7U, 16U, 33U}) {
    Updates updates(count, std::vector<float>(131));
    for (auto& update : updates) {
      std::ranges::generate(update, [&] { return values(random); });
    }
    const auto means = mean_of(updates, 0.2);
    const auto trimmed =
        std::min<std::size_t>((count + 4) / 5, (count - 1) / 2);  // ceil(0.2 count)
    for (std::size_t i = 0; i < means.size(); ++i) {
      std::vector<float> column;
      for (const auto& update : updates) {
        column.push_back(update[i]);
      }
      std::ranges::sort(column);
      double sum = 0.0;
      for (std::size_t k = trimmed; k < count - trimmed; ++k) {
        sum += double{column[k]};
      }
      REQUIRE(means[i] == static_cast<float>(sum / static_cast<double>(count - 2 * trimmed)));
    }
    std::ranges::shuffle(updates, random);
    CHECK(mean_of(updates, 0.2) == means);
  }
}

TEST_CASE("aggregation: a trimmed mean refuses what the other strategies refuse", "[aggregation]") {
  FoldBounds bounds{.size = 2, .max_updates = 1, .max_total_rows = 1};
  auto fold = *TrimmedMeanFold::create(bounds);
  CHECK(fold.aggregate().error().code == Errc::kFailedPrecondition);
  CHECK(fold.add(std::vector{1.0F}, 1).error().code == Errc::kInvalidArgument);
  CHECK(fold.add(std::vector{1.0F, 2.0F}, 1));
  CHECK(fold.add(std::vector{1.0F, 2.0F}, 1).error().code == Errc::kResourceExhausted);
  bounds.trimmed_share = 0.5;
  CHECK_FALSE(TrimmedMeanFold::create(bounds));
  bounds.trimmed_share = 0.2;
  bounds.max_updates = 5000;
  CHECK(TrimmedMeanFold::create(bounds).error().code == Errc::kResourceExhausted);
}

}  // namespace genesis::aggregation
