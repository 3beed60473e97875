#pragma once
// A structural schema of Kubernetes (the part of OpenAPI v3 that a CRD may use) as values, made
// from the CRD's JSON. A keyword that is not implemented here is refused, so that the CRD can't
// promise a check that local runs leave out.
#include <cstddef>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/spec/cel.hpp"
#include "common/spec/json.hpp"

namespace genesis::spec {

/// One entry of x-kubernetes-validations. Those that compare with oldSelf are left out: an API
/// server applies them to changes alone, and a local run knows no earlier version of its document.
struct Rule {
  std::string text;
  cel::Expr condition;
  std::string message;
  std::optional<cel::Expr> message_expression;  // wins over message where it can be evaluated
  std::string field_path;                       // ".rounds.minClients", below the rule's own place
};

enum class Type { kAny, kObject, kArray, kString, kInteger, kNumber, kBoolean };

struct Property;

struct Schema {
  Type type = Type::kAny;
  bool int_or_string = false;  // x-kubernetes-int-or-string, with kAny: 1, or "500m"
  std::string description;
  std::vector<std::string> allowed;  // enum; any string when empty
  std::optional<double> minimum;
  std::optional<double> maximum;
  bool exclusive_minimum = false;
  bool exclusive_maximum = false;
  std::optional<std::size_t> min_length;  // in code points
  std::optional<std::size_t> max_length;
  std::string pattern;  // searched, not matched in full; only with a maxLength of at most 1024
  std::optional<std::regex> compiled_pattern;
  std::optional<std::size_t> min_items;
  std::optional<std::size_t> max_items;
  std::unique_ptr<Schema> items;
  std::vector<Property> properties;  // in the order of the CRD
  std::vector<std::string> required;
  std::unique_ptr<Schema> additional_properties;
  bool preserves_unknown = false;
  std::vector<std::string> map_keys;  // x-kubernetes-list-map-keys: unique in the list
  bool is_set = false;                // x-kubernetes-list-type: set
  std::optional<Json> default_value;
  std::vector<Rule> rules;

  /// The property of that name, or null.
  [[nodiscard]] const Schema* property(std::string_view name) const;
};

struct Property {
  std::string name;
  Schema schema;
};

/// Errors: kInvalidArgument names the place in the schema and the keyword or rule that is wrong.
[[nodiscard]] Result<Schema> make_schema(const Json& json);

}  // namespace genesis::spec
