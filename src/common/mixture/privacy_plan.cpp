#include "common/mixture/privacy_plan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/mixture/counts.hpp"
#include "common/mixture/exchange.hpp"
#include "common/mixture/introduction.hpp"
#include "common/mixture/settings.hpp"
#include "common/mixture/stages.hpp"
#include "common/mixture/tables.hpp"

namespace genesis::mixture {
namespace {

// Of one column, at most.
constexpr std::uint64_t kZoomCells = 24 * kFineBins;

std::uint32_t most_bins(const Column& column, const Settings& settings) {
  if (!column.is_counted()) {
    return 0;
  }
  const std::uint64_t values = column.is_number()
                                   ? std::min<std::uint64_t>(settings.bins, fine_values(column))
                                   : std::max<std::uint64_t>(column.categories.size(), 1);
  return static_cast<std::uint32_t>(values + (column.missing == Missing::kNever ? 0 : 1));
}

// One table of one cell: all that is known where the spec names no column.
privacy::QueryPlan least_plan(const Settings& settings) {
  return {{{std::string(kTables), 1, 1, 1.0 - settings.fine_share - settings.zoom_share},
           {std::string(kFine), 1, 1, settings.fine_share}}};
}

// What the names of all open columns cost, whatever the sites have.
void add_names(const Settings& settings,
               const privacy::Guarantee& guarantee,
               privacy::QueryPlan& plan) {
  constexpr std::uint64_t kMostValues = std::uint64_t{1} << 31U;
  if (settings.open_columns > 0) {
    const auto delta =
        names_delta(settings, guarantee) * static_cast<double>(settings.open_columns);
    plan.queries.push_back({std::string(kNames),
                            settings.open_columns,
                            settings.open_columns * kMostValues,
                            settings.names_share,
                            static_cast<std::uint64_t>(std::ceil(delta / privacy::kDeltaUnit)),
                            false});
  }
}

// Names what is counted and what is not, where not all pairs have room.
void add_pairs(const Schema& schema, const TablePlan& tables, privacy::QueryPlan& plan) {
  if (tables.pairs.size() == tables.all_pairs()) {
    return;
  }
  auto taken = tables.pairs.begin();  // in the order of columns
  for (std::uint32_t a = 0; a < schema.size(); ++a) {
    for (std::uint32_t b = a + 1; b < schema.size(); ++b) {
      if (tables.bins[a] == 0 || tables.bins[b] == 0 || tables.target == a || tables.target == b) {
        continue;
      }
      const bool is_taken = taken != tables.pairs.end() && *taken == std::pair(a, b);
      (is_taken ? plan.pairs : plan.left_out).emplace_back(schema[a].name, schema[b].name);
      taken += is_taken ? 1 : 0;
    }
  }
}

// Each column's own counts, and the names of its values.
struct MarginalPlan {
  privacy::QueryPlan plan;
  Binnings binnings;  // as many bins as there may be
};

MarginalPlan marginals(const Settings& settings,
                       const Schema& schema,
                       const privacy::Guarantee& guarantee) {
  MarginalPlan marginal;
  auto& queries = marginal.plan.queries;
  const auto fine = fine_query(settings, schema);
  queries.push_back({std::string(fine.purpose), fine.tables, fine_cells(schema), fine.share});
  std::uint64_t wide = 0;
  std::uint64_t zoom_cells = 0;
  for (const auto& column : schema) {
    Binning binning;
    binning.bins = most_bins(column, settings);
    marginal.binnings.push_back(binning);
    if (column.is_number() && (column.units == 0 || fine_width(column) > 1)) {
      ++wide;
      zoom_cells += column.units == 0 ? kZoomCells : std::min(column.units, kZoomCells);
    }
  }
  if (wide > 0) {
    queries.push_back({std::string(kZoom), wide, zoom_cells, settings.zoom_share});
  }
  add_names(settings, guarantee, marginal.plan);
  return marginal;
}

Result<privacy::QueryPlan> plan_of(const Settings& settings,
                                   const Schema& schema,
                                   const privacy::Guarantee& guarantee) {
  GENESIS_ASSIGN(const auto target, target_of(settings, schema));
  auto [plan, binnings] = marginals(settings, schema, guarantee);
  const auto [tables, is_without_target] = choose_tables(binnings, target);
  if (is_without_target) {
    plan.remarks.emplace_back(kWithoutTarget);
  }
  add_pairs(schema, tables, plan);
  if (!tables.pairs.empty()) {
    const auto query = tables_query(settings, schema, tables);
    plan.queries.push_back({std::string(query.purpose), query.tables, tables.cells(), query.share});
  }
  return plan;
}

Result<Schema> known_columns(const spec::FederatedTraining& training) {
  auto table = training.table;
  if (const auto& unit = training.privacy.unit_column) {
    std::erase_if(table.columns, [&](const auto& column) { return column.name == *unit; });
    std::erase(table.discrete_columns, *unit);
  }
  return declared_schema(table);
}

Result<Schema> learned_columns(const spec::FederatedTraining& training) {
  GENESIS_ASSIGN(auto schema, known_columns(training));
  if (counted_columns(schema) == 0) {
    return fail(Errc::kInvalidArgument,
                "spec.table: names no column that is learned, so that it is not known what will be "
                "asked; declare the columns in table.columns");
  }
  return schema;
}

}  // namespace

Result<privacy::QueryPlan> marginal_plan(const spec::FederatedTraining& training) {
  GENESIS_ASSIGN(const auto settings, settings_of(training));
  GENESIS_ASSIGN(const auto schema, learned_columns(training));
  GENESIS_ASSIGN(const auto guarantee, guarantee_of(training));
  return marginals(settings, schema, guarantee).plan;
}

Result<privacy::QueryPlan> query_plan(const spec::FederatedTraining& training) {
  GENESIS_ASSIGN(const auto settings, settings_of(training));
  GENESIS_ASSIGN(const auto schema, learned_columns(training));
  GENESIS_ASSIGN(const auto guarantee, guarantee_of(training));
  return plan_of(settings, schema, guarantee);
}

Result<std::vector<privacy::DeclaredPlan>> plans_if_declared(
    const spec::FederatedTraining& training) {
  GENESIS_ASSIGN(auto settings, settings_of(training));
  GENESIS_ASSIGN(auto schema, known_columns(training));
  GENESIS_ASSIGN(const auto guarantee, guarantee_of(training));
  std::vector<privacy::DeclaredPlan> plans;
  std::string declared;
  if (settings.open_columns > 0) {
    declared = "categories of " + std::to_string(settings.open_columns) + " columns";
    settings.open_columns = 0;
    settings.names_share = 0.0;
    GENESIS_ASSIGN(auto plan, plan_of(settings, schema, guarantee));
    plans.push_back({declared, std::move(plan)});
  }
  std::size_t unbounded = 0;
  for (auto& column : schema) {
    if (column.is_number() && column.units == 0) {
      ++unbounded;
      GENESIS_RETURN_IF_ERROR(set_bounds(column, 0.0, column.step * (kFineBins - 1)));
    }
  }
  if (unbounded > 0) {
    declared += (declared.empty() ? "" : " and ") + std::string("bounds of ") +
                std::to_string(unbounded) + " numbers (at most " + std::to_string(kFineBins) +
                " values each)";
    GENESIS_ASSIGN(auto plan, plan_of(settings, schema, guarantee));
    plans.push_back({declared, std::move(plan)});
  }
  return plans;
}

double names_delta(const Settings& settings, const privacy::Guarantee& guarantee) {
  constexpr double kPart = 0.1;
  return kPart * guarantee.delta().value /
         static_cast<double>(std::max<std::size_t>(settings.open_columns, 1));
}

Result<privacy::Guarantee> guarantee_of(const spec::FederatedTraining& training) {
  const auto& asked = training.privacy.differential_privacy;
  if (!asked) {
    return fail(Errc::kInvalidArgument, "spec.privacy.differentialPrivacy: is absent");
  }
  auto guarantee =
      privacy::Guarantee::of(privacy::Epsilon{asked->epsilon}, privacy::Delta{asked->delta});
  return guarantee ? guarantee
                   : tl::unexpected(guarantee.error().within("spec.privacy.differentialPrivacy"));
}

Result<Protection> protection_of(const spec::FederatedTraining& training) {
  GENESIS_ASSIGN(const auto settings, settings_of(training));
  GENESIS_ASSIGN(const auto guarantee, guarantee_of(training));
  GENESIS_ASSIGN(const auto schema, known_columns(training));
  // The target may be a column that the spec does not name; it has no part in how much noise there
  // is for a share.
  auto named = settings;
  if (std::ranges::find(schema, settings.target.value_or(""), &Column::name) == schema.end()) {
    named.target.reset();
  }
  privacy::QueryPlan plan = least_plan(settings);
  if (counted_columns(schema) > 0) {
    GENESIS_ASSIGN(plan, plan_of(named, schema, guarantee));
  }
  const auto rows_per_unit =
      static_cast<std::uint64_t>(training.privacy.max_rows_per_unit.value_or(1));
  const auto shares = static_cast<std::uint32_t>(spec::noise_shares_of(training));
  GENESIS_ASSIGN(
      const auto noise,
      privacy::plan_noise(plan, guarantee, {.rows_per_unit = rows_per_unit, .shares = shares}));
  double squared = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < plan.queries.size(); ++i) {
    const auto& cost = noise.costs[i];
    squared = std::min(squared,
                       static_cast<double>(plan.queries[i].tables) /
                           (plan.queries[i].share * cost.variance.value() * cost.shares));
  }
  return Protection{.mu = std::sqrt(squared), .noisy_sites = shares};
}

}  // namespace genesis::mixture
