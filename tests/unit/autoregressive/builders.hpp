#pragma once
// Small tables whose columns depend on each other, and what is made of them.
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/autoregressive/discretizer.hpp"
#include "common/base/rng.hpp"
#include "common/tabular/table.hpp"
#include "tests/support/catch.hpp"

namespace genesis::autoregressive {

template <typename T>
T must(Result<T> result) {
  INFO((result ? "" : result.error().message));
  REQUIRE(result.has_value());
  return std::move(*result);
}

/// Columns kind (a, b, c), size (0 to 299 for a, 300 to 599 for b, 600 to 899 for c), spike (7 in
/// half of the rows, else 0 to 999), gap (missing in one row of ten), label (yes for nine of ten c,
/// else for one of ten).
inline std::string related_rows(std::size_t rows, std::uint64_t seed) {
  Rng rng(seed, RoundId{0}, "", "related rows");
  std::string text = "kind,size,spike,gap,label\n";
  for (std::size_t i = 0; i < rows; ++i) {
    const auto kind = rng.below(3);
    text += std::string(1, "abc"[kind]) + "," + std::to_string(kind * 300 + rng.below(300)) + ",";
    text += (rng.uniform() < 0.5 ? "7" : std::to_string(rng.below(1000))) + ",";
    text += (rng.uniform() < 0.1 ? "" : std::to_string(rng.below(90)) + ".5") + ",";
    text += rng.uniform() < (kind == 2 ? 0.9 : 0.1) ? "yes\n" : "no\n";
  }
  return text;
}

inline tabular::Table table_of(const std::string& csv) {
  return must(tabular::parse_csv(csv, "test"));
}

inline Discretizer discretizer_of(const tabular::Table& table, std::size_t bins = 20) {
  const auto plan =
      must(tabular::plan(std::vector<tabular::NamedSketch>{{"a", tabular::sketch(table)}}, {}));
  return must(Discretizer::fit(plan, must(tabular::summarize(table, plan)), bins));
}

inline CodedTable coded(const Discretizer& discretizer, const tabular::Table& table) {
  return must(discretizer.encode(table, Rng(1, RoundId{0}, "", "encode")));
}

inline std::vector<Allowed> allowed(const Discretizer& discretizer,
                                    const std::vector<std::string>& conditions) {
  tabular::Where where;
  for (const auto& condition : conditions) {
    const auto added = where.add(condition, discretizer.encoder());
    INFO((added ? "" : added.error().message));
    REQUIRE(added);
  }
  return must(discretizer.allowed_by(where));
}

}  // namespace genesis::autoregressive
