#pragma once
// What holds for a table where the spec declares nothing: what more than half of the sites say. A
// site that contradicts them takes part no more, and is told in what. Pure.
#include <span>
#include <vector>

#include "common/base/error.hpp"
#include "common/method/server_method.hpp"
#include "common/tabular/encoder.hpp"

namespace genesis::method {

/// Those of `sketches` that the majority contradicts: in their columns, in the kind or format of
/// one, or because they call a column an identifier whose values are few elsewhere. Each sketch is
/// one by itself that a plan can be made of. Reasons name the column, a site of the majority and
/// what differs. Does not depend on their order. Errors: kFailedPrecondition where no more than
/// half agree, and names two sites and what differs.
[[nodiscard]] Result<std::vector<Disqualified>> dissenters(
    std::span<const tabular::NamedSketch> sketches, std::span<const tabular::Declaration> declared);

/// Whether a sketch can be that of a table: its extremes go with the values that it lists, and its
/// texts with their kind. Errors: kInvalidArgument names the column.
[[nodiscard]] Status check_sense(const tabular::Sketch& sketch);

}  // namespace genesis::method
