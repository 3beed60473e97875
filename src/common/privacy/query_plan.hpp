#pragma once
// What a method is going to ask under differential privacy, and the noise that this takes: what
// `privacy plan` shows, and what each site computes by itself instead of believing a server. Pure.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/base/error.hpp"
#include "common/privacy/cost.hpp"
#include "common/privacy/guarantee.hpp"

namespace genesis::privacy {

/// The tables of one collection.
struct PlannedQuery {
  std::string name;               // for people: "fine", "zoom", "tables"
  std::uint64_t tables = 1;       // a row adds 1 to at most one cell of each
  std::uint64_t cells = 1;        // of all tables
  double share = 1;               // of mu^2; those of a plan add up to 1 or less
  std::uint64_t extra_delta = 0;  // beside the noise (Cost::extra_delta)
  bool is_summed = true;          // else each site answers for itself, and has noise for itself
  /// Above 0: `tables` steps of DP-SGD in which a row takes part with this probability; `cells` are
  /// the values of all steps. They have no share of mu^2: their noise is the least that leaves the
  /// whole within the guarantee.
  double sampling = 0;
};

/// Two columns by their names.
using ColumnPair = std::pair<std::string, std::string>;

/// All that a run will ask of a site's rows. Later tables may depend on the noisy answers to
/// earlier ones (the composition is adaptive), their number may not exceed what the plan says.
struct QueryPlan {
  std::vector<PlannedQuery> queries;
  // Where not all pairs of columns have room for a table: those that have one, and the others.
  std::vector<ColumnPair> pairs = {};
  std::vector<ColumnPair> left_out = {};
  std::vector<std::string> remarks = {};  // for people
};

/// What would be asked instead if the spec declared more than it does.
struct DeclaredPlan {
  std::string declared;  // for people: what it would declare
  QueryPlan queries;
};

/// Whom the noise protects, and against whom.
struct Protection {
  std::uint64_t rows_per_unit = 1;  // rows that one unit may have
  std::uint32_t shares = 1;         // sites whose noise counts (Cost::shares)
};

struct PlannedNoise {
  std::vector<Cost> costs;  // one a query, with the variance of one site's own noise
  Epsilon epsilon{};        // of all of them, at most the guarantee's
  Epsilon worst{};          // where one site's own noise is all that is left
};

/// The least noise by which all queries together keep the guarantee: variance of a table's cells =
/// tables rows_per_unit^2 / (share mu^2 shares). The same numbers at every site. Errors:
/// kInvalidArgument where the plan is none or the noise is out of range.
[[nodiscard]] Result<PlannedNoise> plan_noise(const QueryPlan& plan,
                                              const Guarantee& guarantee,
                                              const Protection& protection);

}  // namespace genesis::privacy
