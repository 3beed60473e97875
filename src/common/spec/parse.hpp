#pragma once
// From YAML or JSON text to a defaulted, valid FederatedTraining, by the CRD's own schema and CEL
// rules, and back. Pure; used by every program that takes a spec.
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::spec {

/// One override of the command line or the environment: {"rounds.count", "3"}.
struct Override {
  std::string path;
  std::string value;
};

/// Of a spec; more is refused.
inline constexpr std::size_t kMaxSpecBytes = std::size_t{1} << 20;

/// Applies `overrides` to the document, then defaults and validates. All findings come in one
/// error, one line each: `spec.rounds.minClients: 5 exceeds the 3 participants; lower it or ...`.
/// Errors: kInvalidArgument; `source` names the file in messages about YAML syntax, with line and
/// column.
[[nodiscard]] Result<FederatedTraining> parse(std::string_view text,
                                              std::string_view source,
                                              std::span<const Override> overrides = {});

/// The defaulted spec as YAML: what `genesis validate --print` shows. parse(print_yaml(t)) == t.
[[nodiscard]] std::string print_yaml(const FederatedTraining& training);

/// The defaulted spec as one line of JSON, for the wire; parse() reads it too (JSON is YAML).
[[nodiscard]] std::string print_json(const FederatedTraining& training);

}  // namespace genesis::spec
