#pragma once
// Values from the command line or the environment, put into a document before it is defaulted.
#include <span>

#include "common/spec/json.hpp"
#include "common/spec/parse.hpp"
#include "common/spec/schema.hpp"
#include "common/spec/validate.hpp"

namespace genesis::spec {

/// Sets each path in turn, so that a later override of the same path wins. Paths start below spec,
/// or with spec or metadata; an entry of a list goes by its position from 0, or by its name:
/// participants.0.data.path, participants.site-1.data.path. Objects on the way are made. Values are
/// YAML; where the schema wants a string, text that YAML reads otherwise is taken as it is.
void apply_overrides(const Schema& schema,
                     std::span<const Override> overrides,
                     Json& document,
                     Findings& findings);

}  // namespace genesis::spec
