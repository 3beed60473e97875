#pragma once
// The coarse form of a column, in which tables are counted and the model is fitted: at most a few
// bins of about equal mass a number, values that hold many rows alone, rare categories together.
// Pure post-processing of marginals.
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "common/base/json_document.hpp"
#include "common/mixture/marginals.hpp"

namespace genesis::mixture {

/// More bins of one column than this are refused; a code fits in 16 bits with room for "none".
inline constexpr std::size_t kMaxBins = kMaxCategories + 1;
inline constexpr std::uint16_t kNoBin = 0xFFFF;

/// Bins of one column. Units from firsts[i] up to the next one's are in bin of_run[i].
struct Binning {
  std::uint32_t bins = 0;  // 0: an identifier
  std::vector<std::uint64_t> firsts;
  std::vector<std::uint16_t> of_run;
  std::optional<std::uint16_t> missing;  // the bin of missing values
  bool operator==(const Binning&) const = default;

  [[nodiscard]] std::uint16_t bin_of(std::uint64_t unit) const;
};
using Binnings = std::vector<Binning>;

struct BinRules {
  std::size_t most = 16;              // bins of a number
  std::optional<std::size_t> target;  // the column whose categories stay apart, rare ones too
  std::size_t most_categories = kMaxCategories;  // that stay apart in one column
};

/// Of the target: all tables have its bins, so more leave room for few tables.
inline constexpr std::size_t kMostTargetBins = 64;

/// One a column of `schema`.
[[nodiscard]] Binnings bin(const Schema& schema, const Marginals& marginals, const BinRules& rules);

/// Which bin each atom of a column is in, and the share of all rows that each bin has.
[[nodiscard]] std::vector<std::uint16_t> bins_of_atoms(const Marginal& marginal,
                                                       const Binning& binning);
[[nodiscard]] std::vector<double> masses(const Marginal& marginal, const Binning& binning);

nlohmann::json to_json(const Binnings& binnings);
/// Errors: kInvalidArgument where they are not bins of `schema`.
[[nodiscard]] Result<Binnings> binnings_from_json(JsonValue json, const Schema& schema);

}  // namespace genesis::mixture
