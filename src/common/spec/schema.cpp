#include "common/spec/schema.hpp"

#include <functional>
#include <map>
#include <utility>

namespace genesis::spec {
namespace {

// Longest input that a pattern is tried on: std::regex recurses once a character.
constexpr std::size_t kLongestMatched = 1024;

Result<Type> make_type(const std::string& name) {
  static const std::map<std::string, Type> kTypes = {{"object", Type::kObject},
                                                     {"array", Type::kArray},
                                                     {"string", Type::kString},
                                                     {"integer", Type::kInteger},
                                                     {"number", Type::kNumber},
                                                     {"boolean", Type::kBoolean}};
  const auto found = kTypes.find(name);
  if (found == kTypes.end()) {
    return fail(Errc::kInvalidArgument, "type: unknown type " + name);
  }
  return found->second;
}

Result<Rule> make_rule(const Json& json) {
  Rule rule;
  for (const auto& [key, value] : json.items()) {
    const auto text = value.get<std::string>();
    if (key == "rule") {
      rule.text = text;
      GENESIS_ASSIGN(rule.condition, cel::parse(text));
    } else if (key == "message") {
      rule.message = text;
    } else if (key == "messageExpression") {
      GENESIS_ASSIGN(rule.message_expression, cel::parse(text));
    } else if (key == "fieldPath") {
      rule.field_path = text;
    } else {
      return fail(Errc::kInvalidArgument, "x-kubernetes-validations: unknown keyword " + key);
    }
  }
  if (rule.text.empty() || rule.message.empty()) {
    return fail(Errc::kInvalidArgument, "x-kubernetes-validations: needs rule and message");
  }
  return rule;
}

Status set_list_type(Schema& schema, const Json& value) {
  const auto type = value.get<std::string>();
  if (type != "set" && type != "map" && type != "atomic") {
    return fail(Errc::kInvalidArgument, "x-kubernetes-list-type: unknown type " + type);
  }
  schema.is_set = type == "set";
  return {};
}

Status set_properties(Schema& schema, const Json& value) {
  for (const auto& [name, json] : value.items()) {
    auto property = make_schema(json);
    if (!property) {
      return tl::unexpected(property.error().within(name));
    }
    schema.properties.push_back({name, std::move(property).value()});
  }
  return {};
}

Status set_rules(Schema& schema, const Json& value) {
  for (const auto& json : value) {
    if (json.value("rule", "").find("oldSelf") != std::string::npos) {
      continue;
    }
    GENESIS_ASSIGN(auto rule, make_rule(json));
    schema.rules.push_back(std::move(rule));
  }
  return {};
}

Status set_child(std::unique_ptr<Schema>& child, const Json& value) {
  GENESIS_ASSIGN(auto schema, make_schema(value));
  child = std::make_unique<Schema>(std::move(schema));
  return {};
}

using Setter = std::function<Status(Schema&, const Json&)>;

// A keyword whose value is stored as it is.
template <typename Member>
Setter stored(Member Schema::*member) {
  return [member](Schema& schema, const Json& value) -> Status {
    schema.*member = value.get<Member>();
    return {};
  };
}

template <typename T>
Setter stored(std::optional<T> Schema::*member) {
  return [member](Schema& schema, const Json& value) -> Status {
    schema.*member = value.get<T>();
    return {};
  };
}

const std::map<std::string, Setter>& keywords() {
  static const std::map<std::string, Setter> kKeywords = {
      {"type",
       [](Schema& schema, const Json& value) -> Status {
         GENESIS_ASSIGN(schema.type, make_type(value.get<std::string>()));
         return {};
       }},
      {"description", stored(&Schema::description)},
      {"enum", stored(&Schema::allowed)},
      {"minimum", stored(&Schema::minimum)},
      {"maximum", stored(&Schema::maximum)},
      {"exclusiveMinimum", stored(&Schema::exclusive_minimum)},
      {"exclusiveMaximum", stored(&Schema::exclusive_maximum)},
      {"minLength", stored(&Schema::min_length)},
      {"maxLength", stored(&Schema::max_length)},
      {"pattern", stored(&Schema::pattern)},
      {"minItems", stored(&Schema::min_items)},
      {"maxItems", stored(&Schema::max_items)},
      {"required", stored(&Schema::required)},
      {"x-kubernetes-list-map-keys", stored(&Schema::map_keys)},
      {"x-kubernetes-preserve-unknown-fields", stored(&Schema::preserves_unknown)},
      {"x-kubernetes-int-or-string", stored(&Schema::int_or_string)},
      {"x-kubernetes-list-type", set_list_type},
      // How server-side apply merges; it says nothing of which values are valid.
      {"x-kubernetes-map-type", [](Schema&, const Json&) -> Status { return {}; }},
      {"x-kubernetes-validations", set_rules},
      {"properties", set_properties},
      {"default",
       [](Schema& schema, const Json& value) -> Status {
         schema.default_value = value;
         return {};
       }},
      {"items", [](Schema& schema, const Json& value) { return set_child(schema.items, value); }},
      {"additionalProperties",
       [](Schema& schema, const Json& value) {
         return set_child(schema.additional_properties, value);
       }},
      // int64, double and date-time say nothing that type does not.
      {"format", [](Schema&, const Json&) -> Status { return {}; }},
  };
  return kKeywords;
}

Status compile_pattern(Schema& schema) {
  if (schema.pattern.empty()) {
    return {};
  }
  if (schema.max_length.value_or(kLongestMatched + 1) > kLongestMatched) {
    return fail(Errc::kInvalidArgument, "pattern: needs a maxLength of at most 1024");
  }
  schema.compiled_pattern.emplace(schema.pattern, std::regex::ECMAScript | std::regex::optimize);
  return {};
}

}  // namespace

const Schema* Schema::property(std::string_view name) const {
  for (const auto& property : properties) {
    if (property.name == name) {
      return &property.schema;
    }
  }
  return nullptr;
}

Result<Schema> make_schema(const Json& json) {
  Schema schema;
  try {
    for (const auto& [keyword, value] : json.items()) {
      const auto setter = keywords().find(keyword);
      if (setter == keywords().end()) {
        return fail(Errc::kInvalidArgument, keyword + ": keyword is not implemented");
      }
      GENESIS_RETURN_IF_ERROR(setter->second(schema, value));
    }
    GENESIS_RETURN_IF_ERROR(compile_pattern(schema));
  } catch (const std::exception& error) {  // of nlohmann::json and std::regex
    return fail(Errc::kInvalidArgument, error.what());
  }
  return schema;
}

}  // namespace genesis::spec
