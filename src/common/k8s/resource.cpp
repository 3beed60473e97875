#include "common/k8s/resource.hpp"

#include "common/http/url.hpp"

namespace genesis::k8s {

std::string Resource::api_version() const {
  std::string text(group);
  if (!text.empty()) {
    text += '/';
  }
  return text.append(version);
}

std::string collection_path(const Resource& resource, std::string_view ns) {
  std::string path = resource.group.empty() ? "/api/" : "/apis/";
  path += resource.api_version();
  if (resource.scope == Scope::kNamespaced && !ns.empty()) {
    path += "/namespaces/" + http::escape(ns);
  }
  return path.append("/").append(resource.plural);
}

std::string object_path(const Resource& resource,
                        std::string_view ns,
                        std::string_view name,
                        Subresource subresource) {
  std::string path = collection_path(resource, ns) + "/" + http::escape(name);
  if (subresource == Subresource::kStatus) {
    path += "/status";
  }
  return path;
}

}  // namespace genesis::k8s
