#pragma once
// Defaults and checks of a document by its schema, as an API server applies them.
#include <string>
#include <string_view>
#include <vector>

#include "common/spec/json.hpp"
#include "common/spec/schema.hpp"

namespace genesis::spec {

/// One mistake: spec.rounds.minClients and what is wrong there.
struct Finding {
  std::string path;
  std::string message;
};
using Findings = std::vector<Finding>;

/// Puts defaults where an object lacks the field or has it as null, and drops other nulls. An
/// absent object stays absent unless it has a default of its own.
void apply_defaults(const Schema& schema, Json& value);

/// Adds to `findings` all that is wrong with `value`, which is at `path`. Types first; then the
/// rules of each object, as far as the types allow. Whole numbers become what the schema says they
/// are, integer or number, so that 1 and 1.0 mean the same.
void validate(const Schema& schema, Json& value, const std::string& path, Findings& findings);

/// "; did you mean minClients?" for an unknown field of `schema`, or the names that there are.
[[nodiscard]] std::string suggestion(const Schema& schema, std::string_view unknown);

/// One line a finding, in the order of paths; at most 50 of them.
[[nodiscard]] std::string to_text(Findings findings);

}  // namespace genesis::spec
