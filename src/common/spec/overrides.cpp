#include "common/spec/overrides.hpp"

#include <charconv>
#include <string>
#include <vector>

#include "common/spec/text.hpp"
#include "common/spec/yaml.hpp"

namespace genesis::spec {
namespace {

// A place in the document, and what the schema says of it.
struct Place {
  const Schema* schema = nullptr;
  Json* value = nullptr;
};

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> segments;
  std::size_t start = 0;
  while (true) {
    const std::size_t end = path.find('.', start);
    segments.push_back(path.substr(start, end - start));
    if (end == std::string::npos) {
      break;
    }
    start = end + 1;
  }
  if (segments.front() != "spec" && segments.front() != "metadata") {
    segments.insert(segments.begin(), "spec");
  }
  return segments;
}

Result<Place> field(const Place& parent, const std::string& name) {
  const Schema* const schema = parent.schema->property(name);
  if (schema == nullptr) {
    if (parent.schema->properties.empty()) {
      return fail(Errc::kInvalidArgument,
                  in_quotes(name) + " cannot be inside a plain value; end the path before it");
    }
    return fail(Errc::kInvalidArgument,
                in_quotes(name) + " is an unknown field" + suggestion(*parent.schema, name));
  }
  if (!parent.value->is_object()) {
    *parent.value = Json::object();
  }
  return Place{schema, &(*parent.value)[name]};
}

Result<Place> entry(const Place& list, const std::string& name) {
  Json& value = *list.value;
  const std::size_t size = value.is_array() ? value.size() : 0;
  std::size_t position = size;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), position);
  const bool is_position = read.ec == std::errc{} && read.ptr == name.data() + name.size();
  if (is_position && position < size) {
    return Place{list.schema->items.get(), &value[position]};
  }
  for (std::size_t i = 0; i < size && !list.schema->map_keys.empty(); ++i) {
    const auto& key = list.schema->map_keys.front();
    if (value[i].is_object() && value[i].value(key, Json()) == Json(name)) {
      return Place{list.schema->items.get(), &value[i]};
    }
  }
  return fail(Errc::kInvalidArgument,
              "no entry " + in_quotes(name) + " in this list of " + std::to_string(size) +
                  "; use a position from 0, or set the whole list");
}

Result<Place> find(const Schema& schema, Json& document, const std::vector<std::string>& path) {
  Place place{&schema, &document};
  for (const auto& segment : path) {
    auto next = place.schema->type == Type::kArray ? entry(place, segment) : field(place, segment);
    GENESIS_ASSIGN(place, std::move(next));
  }
  return place;
}

Result<Json> read_value(const Schema& schema, const std::string& text) {
  auto value = read_yaml(text, "value");
  if (schema.type == Type::kString && (!value || !value->is_string())) {
    return Json(text);
  }
  return value;
}

Status apply(const Schema& schema, const Override& override_, Json& document) {
  // On a copy, so that a refused path leaves no half-made objects. Documents are small.
  Json changed = document;
  GENESIS_ASSIGN(const auto place, find(schema, changed, split(override_.path)));
  GENESIS_ASSIGN(*place.value, read_value(*place.schema, override_.value));
  document = std::move(changed);
  return {};
}

}  // namespace

void apply_overrides(const Schema& schema,
                     std::span<const Override> overrides,
                     Json& document,
                     Findings& findings) {
  for (const auto& override_ : overrides) {
    const auto status = apply(schema, override_, document);
    if (!status) {
      findings.push_back({"override " + in_quotes(override_.path), status.error().message});
    }
  }
}

}  // namespace genesis::spec
