#include "common/spec/validate.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <utility>

#include "common/base/text.hpp"
#include "common/spec/text.hpp"
#include "common/spec/yaml.hpp"

namespace genesis::spec {
namespace {

std::string_view type_name(Type type) {
  switch (type) {
    case Type::kAny:
      return "any value";
    case Type::kObject:
      return "object";
    case Type::kArray:
      return "list";
    case Type::kString:
      return "string";
    case Type::kInteger:
      return "integer";
    case Type::kNumber:
      return "number";
    case Type::kBoolean:
      return "boolean";
  }
  return "";
}

// Converts whole numbers to the type that the schema says, then compares.
bool has_type(Type type, Json& value) {
  switch (type) {
    case Type::kAny:
      return true;
    case Type::kObject:
      return value.is_object();
    case Type::kArray:
      return value.is_array();
    case Type::kString:
      return value.is_string();
    case Type::kBoolean:
      return value.is_boolean();
    case Type::kNumber:
      if (value.is_number_integer()) {
        value = static_cast<double>(value.get<std::int64_t>());
      }
      return value.is_number_float();
    case Type::kInteger: {
      constexpr double kExact = 9007199254740992.0;  // 2^53
      if (value.is_number_float() && std::abs(value.get<double>()) <= kExact &&
          std::trunc(value.get<double>()) == value.get<double>()) {
        value = static_cast<std::int64_t>(value.get<double>());
      }
      return value.is_number_integer();
    }
  }
  return false;
}

// What to write instead, where the mistake is a common one.
std::string type_hint(Type expected, const Json& value) {
  if (expected == Type::kString && (value.is_number() || value.is_boolean())) {
    return "; put it in quotes";
  }
  if (expected == Type::kString && value.is_null()) {
    return "; give it a value, in quotes where the text null is meant";
  }
  if (expected == Type::kBoolean && value.is_string()) {
    return "; write true or false";
  }
  const bool number = expected == Type::kInteger || expected == Type::kNumber;
  if (number && value.is_string() && resolve_plain(value.get<std::string>()).is_number()) {
    return "; remove the quotes";
  }
  return "";
}

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

class Checker {
 public:
  explicit Checker(Findings& findings) : findings_(findings) {}

  void check(const Schema& schema, Json& value, const std::string& path) {
    if (!has_type(schema.type, value)) {
      add(path,
          "expected " + std::string(type_name(schema.type)) + ", got " + describe(value) +
              type_hint(schema.type, value));
      return;
    }
    if (schema.int_or_string && !value.is_string() && !value.is_number_integer()) {
      add(path, "expected integer or string, got " + describe(value) + "; put it in quotes");
      return;
    }
    const std::size_t before = findings_.size();
    if (value.is_object()) {
      check_object(schema, value, path);
    } else if (value.is_array()) {
      check_list(schema, value, path);
    } else if (value.is_string()) {
      check_string(schema, value.get_ref<const std::string&>(), path);
    } else if (value.is_number()) {
      check_number(schema, value, path);
    }
    check_rules(schema, value, path, findings_.size() > before);
  }

 private:
  void add(std::string path, std::string message) {
    findings_.push_back({std::move(path), std::move(message)});
  }

  void check_object(const Schema& schema, Json& object, const std::string& path) {
    for (const auto& name : schema.required) {
      if (!object.contains(name)) {
        add(join_path(path, name), "required field is missing; add it");
      }
    }
    for (auto& [key, value] : object.items()) {
      if (const Schema* const property = schema.property(key)) {
        check(*property, value, join_path(path, key));
      } else if (schema.additional_properties) {
        check(*schema.additional_properties, value, join_path(path, key));
      } else if (!schema.preserves_unknown && schema.type == Type::kObject) {
        add(join_path(path, key), "unknown field" + suggestion(schema, key));
      }
    }
  }

  void check_list(const Schema& schema, Json& list, const std::string& path) {
    const std::size_t size = list.size();
    if (schema.max_items && size > *schema.max_items) {
      add(path,
          "has " + std::to_string(size) + " entries; at most " + std::to_string(*schema.max_items) +
              " are allowed");
      return;  // one finding, not one for each of a million entries
    }
    if (schema.min_items && size < *schema.min_items) {
      add(path,
          "has " + std::to_string(size) + " entries; at least " +
              std::to_string(*schema.min_items) + " needed");
    }
    if (schema.items) {
      for (std::size_t i = 0; i < size; ++i) {
        check(*schema.items, list[i], path + "[" + std::to_string(i) + "]");
      }
    }
    check_unique(schema, list, path);
  }

  void check_unique(const Schema& schema, const Json& list, const std::string& path) {
    if (!schema.is_set && schema.map_keys.empty()) {
      return;
    }
    std::set<std::string> seen;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const Json key = identity(schema, list[i]);
      const std::string text = key.dump(-1, ' ', false, Json::error_handler_t::replace);
      if (!key.is_null() && !seen.insert(text).second) {
        const std::string where = path + "[" + std::to_string(i) + "]";
        add(schema.is_set ? where : join_path(where, schema.map_keys.front()),
            (key.is_string() ? in_quotes(key.get_ref<const std::string&>()) : text) +
                " occurs twice; remove one or rename it");
      }
    }
  }

  // What makes an entry of a list unique, or null where it lacks that.
  static Json identity(const Schema& schema, const Json& entry) {
    if (schema.is_set) {
      return entry;
    }
    Json key = Json::array();
    for (const auto& name : schema.map_keys) {
      if (!entry.is_object() || !entry.contains(name)) {
        return nullptr;
      }
      key.push_back(entry.at(name));
    }
    return key.size() == 1 ? key.front() : key;
  }

  void check_string(const Schema& schema, const std::string& text, const std::string& path) {
    if (!schema.allowed.empty() &&
        std::find(schema.allowed.begin(), schema.allowed.end(), text) == schema.allowed.end()) {
      add(path, not_allowed(schema, text));
    }
    const auto length =
        static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
          return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
        }));
    if (schema.max_length && length > *schema.max_length) {
      add(path,
          "has " + std::to_string(length) + " characters; at most " +
              std::to_string(*schema.max_length) + " are allowed");
    } else if (schema.min_length && length < *schema.min_length) {
      add(path, length == 0 ? "is empty; give a value" : "is too short");
    } else if (schema.compiled_pattern && !std::regex_search(text, *schema.compiled_pattern)) {
      add(path, in_quotes(text) + " " + pattern_hint(schema.pattern));
    }
  }

  static std::string not_allowed(const Schema& schema, const std::string& text) {
    if (schema.allowed.size() == 1) {
      return "expected " + schema.allowed.front() + ", got " + in_quotes(text);
    }
    const std::string near = nearest(text, schema.allowed);
    return in_quotes(text) + " is not one of " + join(schema.allowed) +
           (near.empty() ? "" : "; did you mean " + near + "?");
  }

  static std::string pattern_hint(const std::string& pattern) {
    // The two kinds of name in Kubernetes (RFC 1123 labels, and labels joined by dots).
    if (pattern.find("\\.") != std::string::npos) {
      return "is not a DNS name; use a-z, 0-9, '-' and '.', with a letter or digit at both ends";
    }
    if (pattern.starts_with("^[a-z0-9](")) {
      return "is not a DNS label; use a-z, 0-9 and '-', with a letter or digit at both ends";
    }
    if (pattern.find("[KMGTPE]i") != std::string::npos) {
      return "is not a quantity; write it as 500m, 2 or 1Gi";
    }
    return "does not match " + pattern;
  }

  void check_number(const Schema& schema, const Json& value, const std::string& path) {
    const auto number = value.get<double>();
    const std::string got = value.is_number_float() ? number_text(number) : value.dump();
    const auto bound = [&](double limit) {
      return value.is_number_float() ? number_text(limit)
                                     : std::to_string(static_cast<std::int64_t>(limit));
    };
    if (schema.minimum && schema.exclusive_minimum && number <= *schema.minimum) {
      add(path, got + " is too small; it must be above " + bound(*schema.minimum));
    } else if (schema.minimum && number < *schema.minimum) {
      add(path, got + " is too small; the minimum is " + bound(*schema.minimum));
    }
    if (schema.maximum && schema.exclusive_maximum && number >= *schema.maximum) {
      add(path, got + " is too large; it must be below " + bound(*schema.maximum));
    } else if (schema.maximum && number > *schema.maximum) {
      add(path, got + " is too large; the maximum is " + bound(*schema.maximum));
    }
  }

  // Below something misshapen a rule may be impossible to evaluate; that says nothing new.
  // Elsewhere it is a mistake in the rule.
  void check_rules(const Schema& schema,
                   const Json& value,
                   const std::string& path,
                   bool misshapen) {
    for (const auto& rule : schema.rules) {
      const auto holds = cel::evaluate(rule.condition, value);
      if (holds && holds->is_boolean()) {
        if (!holds->get<bool>()) {
          add(path + rule.field_path, rule_message(rule, value));
        }
      } else if (!misshapen) {
        add(path + rule.field_path,
            "internal error: rule " + rule.text + ": " +
                (holds ? "is not a boolean" : holds.error().message));
      }
    }
  }

  static std::string rule_message(const Rule& rule, const Json& value) {
    if (rule.message_expression) {
      const auto message = cel::evaluate(*rule.message_expression, value);
      if (message && message->is_string()) {
        return escaped(message->get_ref<const std::string&>());
      }
    }
    return rule.message;
  }

  // Messages quote from the document: one line, no control characters.
  static std::string escaped(std::string text) {
    constexpr std::size_t kLongest = 1000;
    text.resize(std::min(text.size(), kLongest));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }, '?');
    return text;
  }

  Findings& findings_;
};

// The path below `schema` of a field called `name`, such as local.epochs, or "".
std::string find_field(const Schema& schema, std::string_view name) {
  for (const auto& property : schema.properties) {
    if (property.name == name) {
      return property.name;
    }
    const std::string below = find_field(property.schema, name);
    if (!below.empty()) {
      return property.name + "." + below;
    }
  }
  return "";
}

// Numbers within paths by their value: participants[2] before participants[10].
bool path_less(const std::string& a, const std::string& b) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const std::size_t i_end = std::min(a.find_first_not_of("0123456789", i), a.size());
      const std::size_t j_end = std::min(b.find_first_not_of("0123456789", j), b.size());
      const auto left = std::pair(i_end - i, std::string_view(a).substr(i, i_end - i));
      const auto right = std::pair(j_end - j, std::string_view(b).substr(j, j_end - j));
      if (left != right) {
        return left < right;
      }
      i = i_end;
      j = j_end;
    } else if (a[i] != b[j]) {
      return a[i] < b[j];
    } else {
      ++i;
      ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

}  // namespace

void apply_defaults(const Schema& schema, Json& value) {
  if (value.is_object()) {
    for (const auto& [name, property] : schema.properties) {
      const auto found = value.find(name);
      const bool is_null = found != value.end() && found->is_null();
      if (property.default_value && (is_null || found == value.end())) {
        value[name] = *property.default_value;
      } else if (is_null) {
        value.erase(name);
      }
      if (value.contains(name)) {
        apply_defaults(property, value[name]);
      }
    }
  } else if (value.is_array() && schema.items) {
    for (auto& entry : value) {
      apply_defaults(*schema.items, entry);
    }
  }
}

void validate(const Schema& schema, Json& value, const std::string& path, Findings& findings) {
  Checker(findings).check(schema, value, path);
}

std::string suggestion(const Schema& schema, std::string_view unknown) {
  std::string near = find_field(schema, unknown);
  std::vector<std::string> names;
  for (const auto& property : schema.properties) {
    names.push_back(property.name);
  }
  if (near.empty()) {
    near = nearest(unknown, names);
  }
  return near.empty() ? "; known fields: " + join(names) : "; did you mean " + near + "?";
}

std::string to_text(Findings findings) {
  constexpr std::size_t kMost = 50;
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return path_less(a.path, b.path);
  });
  std::string text;
  for (std::size_t i = 0; i < std::min(findings.size(), kMost); ++i) {
    text += (i == 0 ? "" : "\n") + findings[i].path + ": " + findings[i].message;
  }
  if (findings.size() > kMost) {
    text += "\nand " + std::to_string(findings.size() - kMost) + " more";
  }
  return text;
}

}  // namespace genesis::spec
