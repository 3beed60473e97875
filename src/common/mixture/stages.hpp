#pragma once
// The three collections as queries: how many tables each has and which share of the budget it
// takes. Both halves compute this for themselves from what is asked, so a site does not take a
// server's word for it. Pure.
#include "common/mixture/counts.hpp"
#include "common/mixture/protection.hpp"
#include "common/mixture/settings.hpp"
#include "common/mixture/tables.hpp"

namespace genesis::mixture {

/// Of one column whose categories a site names; there are settings.open_columns of them.
[[nodiscard]] Query names_query(const Settings& settings);
[[nodiscard]] Query fine_query(const Settings& settings, const Schema& schema);
[[nodiscard]] Query zoom_query(const Settings& settings, const Ranges& ranges);
/// All that the others leave; the share of "zoom" is left over only where no column of `schema`
/// can be looked at more closely, which does not depend on counts.
[[nodiscard]] Query tables_query(const Settings& settings,
                                 const Schema& schema,
                                 const TablePlan& plan);

}  // namespace genesis::mixture
