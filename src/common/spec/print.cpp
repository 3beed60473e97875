// Block YAML in the order of the CRD, with lists of scalars on one line.
#include <algorithm>
#include <string>

#include "common/spec/crd.hpp"
#include "common/spec/fields.hpp"
#include "common/spec/parse.hpp"
#include "common/spec/text.hpp"
#include "common/spec/yaml.hpp"

namespace genesis::spec {
namespace {

// Words that some reader of YAML takes for something else than a string.
bool is_ambiguous(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text == "y" || text == "n" || text == "yes" || text == "no" || text == "on" ||
         text == "off" || text == "null" || text == "true" || text == "false";
}

// Letters first, and nothing that means something in YAML; the others are quoted.
bool is_plain(const std::string& text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_safe = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '/';
  };
  const bool starts = !text.empty() && (is_letter(text[0]) || text[0] == '/' ||
                                        text.starts_with("./") || text.starts_with("../"));
  return starts && std::all_of(text.begin(), text.end(), is_safe) && !is_ambiguous(text);
}

std::string scalar(const Json& value) {
  if (value.is_number_float()) {
    return number_text(value.get<double>());
  }
  if (value.is_string() && is_plain(value.get_ref<const std::string&>())) {
    return value.get<std::string>();
  }
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool is_flow(const Json& list) {
  return std::none_of(
      list.begin(), list.end(), [](const Json& entry) { return entry.is_structured(); });
}

std::string flow(const Json& list) {
  std::string text = "[";
  for (const auto& entry : list) {
    text += (text.size() > 1 ? ", " : "") + scalar(entry);
  }
  return text + "]";
}

class Printer {
 public:
  std::string take() { return std::move(text_); }

  // `lead` stands before the first line: the dash of a list entry.
  void object(const Schema& schema, const Json& value, std::size_t indent, std::string lead) {
    for (const auto& [name, property] : schema.properties) {
      const auto found = value.find(name);
      if (found != value.end()) {
        text_ += (lead.empty() ? std::string(indent, ' ') : lead) + name + ":";
        lead.clear();
        field(property, *found, indent);
      }
    }
  }

 private:
  void field(const Schema& schema, const Json& value, std::size_t indent) {
    if (value.is_object() && (schema.properties.empty() || value.empty())) {
      text_ += " " + value.dump() + "\n";  // its fields are not the schema's: as JSON, on one line
    } else if (value.is_object()) {
      text_ += "\n";
      object(schema, value, indent + 2, "");
    } else if (value.is_array() && !is_flow(value)) {
      text_ += "\n";
      for (const auto& entry : value) {
        object(*schema.items, entry, indent + 4, std::string(indent + 2, ' ') + "- ");
      }
    } else {
      text_ += " " + (value.is_array() ? flow(value) : scalar(value)) + "\n";
    }
  }

  std::string text_;
};

}  // namespace

std::string print_yaml(const FederatedTraining& training) {
  Printer printer;
  printer.object(document_schema(), to_json(training), 0, "");
  return printer.take();
}

std::string print_json(const FederatedTraining& training) {
  return to_json(training).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace genesis::spec
