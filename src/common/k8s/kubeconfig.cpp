// The file that kubectl reads: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include <yaml-cpp/yaml.h>

#include "common/base/base64.hpp"
#include "common/base/file.hpp"
#include "common/http/url.hpp"
#include "common/k8s/config.hpp"

namespace genesis::k8s {
namespace {

constexpr std::uint64_t kMaxFile = 1024 * 1024;

// A mapping in the file and what to call it: "users[admin].user".
struct Section {
  const std::filesystem::path& file;
  YAML::Node node;
  std::string name;

  [[nodiscard]] tl::unexpected<Error> refuse(std::string_view field, std::string_view why) const {
    std::string message = file.string() + ": " + name;
    message.append(name.empty() ? "" : ".").append(field).append(": ").append(why);
    return fail(Errc::kInvalidArgument, std::move(message));
  }

  /// "" where the field is missing or null.
  [[nodiscard]] Result<std::string> text(const char* field) const {
    const YAML::Node value = node.IsMap() ? node[field] : YAML::Node();
    if (!value || value.IsNull()) {
      return std::string();
    }
    if (!value.IsScalar()) {
      return refuse(field, "must be text");
    }
    return value.Scalar();
  }

  [[nodiscard]] bool has(const char* field) const {
    return node.IsMap() && node[field] && !node[field].IsNull();
  }

  [[nodiscard]] std::filesystem::path path(const std::string& relative) const {
    return file.parent_path() / relative;
  }
};

// The element of `list` that is called `wanted`, and in it the mapping `inner`.
Result<Section> find_named(const Section& root,
                           const char* list,
                           const std::string& wanted,
                           const char* inner) {
  const std::string name = std::string(list) + "[" + wanted + "]";
  const YAML::Node entries = root.node[list];
  if (entries && entries.IsSequence()) {
    for (const YAML::Node& entry : entries) {
      const bool is_named = entry.IsMap() && entry["name"] && entry["name"].IsScalar();
      if (is_named && entry["name"].Scalar() == wanted) {
        return Section{root.file, entry[inner] ? entry[inner] : YAML::Node(), name + "." + inner};
      }
    }
  }
  return fail(Errc::kNotFound, root.file.string() + ": " + name + ": there is none of that name");
}

// FIELD-data in base64, which wins as with kubectl, or the file that FIELD names.
Result<std::optional<tls::NamedPem>> pem_of(const Section& section, const std::string& field) {
  const std::string data_field = field + "-data";
  GENESIS_ASSIGN(const std::string data, section.text(data_field.c_str()));
  if (!data.empty()) {
    auto pem = base64_decode(data);
    if (!pem) {
      return section.refuse(data_field, "not base64");
    }
    return tls::NamedPem{section.file.string() + ": " + section.name + "." + data_field,
                         std::move(*pem)};
  }
  GENESIS_ASSIGN(const std::string path, section.text(field.c_str()));
  if (path.empty()) {
    return std::optional<tls::NamedPem>();
  }
  auto pem = tls::load_pem(section.path(path));
  if (!pem) {
    return tl::unexpected(
        pem.error().within(section.file.string() + ": " + section.name + "." + field));
  }
  return std::move(*pem);
}

Status refuse_present(const Section& section,
                      std::span<const char* const> fields,
                      std::string_view why) {
  for (const char* field : fields) {
    if (section.has(field)) {
      return section.refuse(field, why);
    }
  }
  return {};
}

Status read_cluster(const Section& cluster, Config& config) {
  GENESIS_ASSIGN(config.server, cluster.text("server"));
  const auto url = http::parse_url(config.server);
  if (!url) {
    return cluster.refuse("server", url.error().message);
  }
  GENESIS_ASSIGN(const std::string insecure, cluster.text("insecure-skip-tls-verify"));
  if (!insecure.empty() && insecure != "false") {
    return cluster.refuse("insecure-skip-tls-verify",
                          "anybody on the network could impersonate the API server; set "
                          "certificate-authority-data instead");
  }
  constexpr std::array<const char*, 1> kProxy{"proxy-url"};
  GENESIS_RETURN_IF_ERROR(refuse_present(cluster, kProxy, "proxies are not supported"));
  if (url->scheme == http::Scheme::kHttp) {
    const bool is_here = url->host == "127.0.0.1" || url->host == "::1" || url->host == "localhost";
    if (!is_here) {
      return cluster.refuse("server", "http:// is allowed for this host only; use https://");
    }
    return {};
  }
  config.tls = tls::ClientTls{};
  GENESIS_ASSIGN(config.tls->server_name, cluster.text("tls-server-name"));
  GENESIS_ASSIGN(auto authority, pem_of(cluster, "certificate-authority"));
  if (!authority) {
    return cluster.refuse("certificate-authority-data",
                          "is missing; the authorities of the system are not used");
  }
  config.tls->authority = std::move(*authority);
  return {};
}

Status read_user(const Section& user, Config& config) {
  constexpr std::array<const char*, 7> kUnsupported{
      "exec", "auth-provider", "username", "password", "as", "as-uid", "as-groups"};
  GENESIS_RETURN_IF_ERROR(refuse_present(
      user, kUnsupported, "is not supported; give a token, a tokenFile or a client certificate"));
  GENESIS_ASSIGN(auto certificate, pem_of(user, "client-certificate"));
  GENESIS_ASSIGN(auto key, pem_of(user, "client-key"));
  GENESIS_ASSIGN(const std::string token_file, user.text("tokenFile"));
  GENESIS_ASSIGN(const std::string token, user.text("token"));
  const bool has_identity = certificate || key || !token_file.empty() || !token.empty();
  if (!config.tls && has_identity) {
    return user.refuse(certificate || key ? "client-certificate" : "token",
                       "would be sent unencrypted; the cluster's server must be https://");
  }
  if (!config.tls) {
    return {};
  }
  if (certificate.has_value() != key.has_value()) {
    return user.refuse(certificate ? "client-key-data" : "client-certificate-data",
                       "is missing, but the other half of the pair is set");
  }
  config.tls->certificate = std::move(certificate);
  config.tls->key = std::move(key);
  if (!token_file.empty()) {  // wins, as with kubectl
    config.token = TokenSource(user.path(token_file));
  } else if (!token.empty()) {
    config.token = TokenSource(crypto::Secret(std::string_view(token)));
  }
  return {};
}

Result<Config> read(const Section& root, const std::string& wanted) {
  if (!root.node.IsMap()) {
    return fail(Errc::kInvalidArgument, root.file.string() + ": not a kubeconfig");
  }
  std::string name = wanted;
  if (name.empty()) {
    GENESIS_ASSIGN(name, root.text("current-context"));
  }
  if (name.empty()) {
    return root.refuse("current-context", "is not set; name a context");
  }
  GENESIS_ASSIGN(const Section context, find_named(root, "contexts", name, "context"));
  GENESIS_ASSIGN(const std::string cluster_name, context.text("cluster"));
  GENESIS_ASSIGN(const std::string user_name, context.text("user"));
  GENESIS_ASSIGN(const std::string ns, context.text("namespace"));
  GENESIS_ASSIGN(const Section cluster, find_named(root, "clusters", cluster_name, "cluster"));
  Config config;
  config.ns = ns.empty() ? "default" : ns;
  GENESIS_RETURN_IF_ERROR(read_cluster(cluster, config));
  if (!user_name.empty()) {
    GENESIS_ASSIGN(const Section user, find_named(root, "users", user_name, "user"));
    GENESIS_RETURN_IF_ERROR(read_user(user, config));
  }
  return config;
}

}  // namespace

Result<Config> load_kubeconfig(const std::filesystem::path& path, const std::string& context) {
  auto text = read_file(path, kMaxFile);
  if (!text) {
    return tl::unexpected(text.error().within("kubeconfig"));
  }
  try {
    return read(Section{path, YAML::Load(*text), ""}, context);
  } catch (const YAML::Exception& error) {
    return fail(
        Errc::kInvalidArgument,
        path.string() + ":" + std::to_string(error.mark.line + 1) + ": not YAML: " + error.msg);
  }
}

}  // namespace genesis::k8s
