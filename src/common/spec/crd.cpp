#include "common/spec/crd.hpp"

#include "common/base/check.hpp"
#include "common/spec/yaml.hpp"

namespace genesis::spec {
namespace {

const Json& crd() {
  static const Json kCrd = [] {
    auto json = read_yaml(crd_text(), "crds/federatedtrainings.yaml");
    GENESIS_CHECK(json, json ? "" : json.error().message);
    return std::move(json).value();
  }();
  return kCrd;
}

// ObjectMeta: the name is ours to check, the rest the API server's.
Json metadata_schema() {
  const Json anything = {{"x-kubernetes-preserve-unknown-fields", true}};
  Json properties = {
      {"name",
       {{"type", "string"},
        {"minLength", 1},
        {"maxLength", 253},
        {"pattern", "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"}}}};
  for (const char* const name : {"namespace",
                                 "labels",
                                 "annotations",
                                 "generateName",
                                 "uid",
                                 "resourceVersion",
                                 "generation",
                                 "creationTimestamp",
                                 "deletionTimestamp",
                                 "deletionGracePeriodSeconds",
                                 "finalizers",
                                 "managedFields",
                                 "ownerReferences",
                                 "selfLink"}) {
    properties[name] = anything;
  }
  return {{"type", "object"}, {"required", {"name"}}, {"properties", std::move(properties)}};
}

Schema make_document_schema() {
  const Json& spec = crd().at("spec");
  Json schema = spec.at("versions").at(0).at("schema").at("openAPIV3Schema");
  schema["required"] = {"apiVersion", "kind", "metadata", "spec"};
  auto& properties = schema["properties"];
  properties["apiVersion"]["enum"] = {api_version()};
  properties["kind"]["enum"] = Json::array({spec.at("names").at("kind")});
  properties["metadata"] = metadata_schema();
  properties.erase("status");
  auto made = make_schema(schema);
  GENESIS_CHECK(made, made ? "" : made.error().message);
  return std::move(made).value();
}

}  // namespace

const std::string& api_version() {
  static const std::string kVersion = [] {
    const Json& spec = crd().at("spec");
    return spec.at("group").get<std::string>() + "/" +
           spec.at("versions").at(0).at("name").get<std::string>();
  }();
  return kVersion;
}

const Schema& document_schema() {
  static const Schema kSchema = make_document_schema();
  return kSchema;
}

}  // namespace genesis::spec
