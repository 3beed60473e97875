#include "worker/join_bundle.hpp"

#include "common/base/file.hpp"
#include "common/spec/yaml.hpp"

namespace genesis::worker {
namespace {

constexpr std::uint64_t kMaxBundle = std::uint64_t{64} << 10;

Result<std::string> field(const spec::Json& bundle, const char* name, const std::string& file) {
  if (bundle.is_object() && bundle.contains(name) && bundle.at(name).is_string()) {
    return bundle.at(name).get<std::string>();
  }
  return fail(Errc::kInvalidArgument,
              file + ": has no " + name + "; take bundle.yaml out of the Secret as it is");
}

}  // namespace

Status read_join_bundle(const std::filesystem::path& path, ClientOptions& options) {
  const std::string file = path.string();
  GENESIS_ASSIGN(const auto text, read_file(path, kMaxBundle));
  GENESIS_ASSIGN(const auto bundle, spec::read_yaml(text, file));
  ClientPem pem;
  GENESIS_ASSIGN(options.server, field(bundle, "server", file));
  GENESIS_ASSIGN(options.server_name, field(bundle, "serverName", file));
  GENESIS_ASSIGN(options.client_id, field(bundle, "clientId", file));
  GENESIS_ASSIGN(pem.server_authority, field(bundle, "authority", file));
  GENESIS_ASSIGN(pem.certificate, field(bundle, "certificate", file));
  GENESIS_ASSIGN(auto key, field(bundle, "key", file));
  GENESIS_ASSIGN(auto token, field(bundle, "token", file));
  pem.key = crypto::Secret(std::move(key));
  options.pem = std::move(pem);
  options.auth_token = crypto::Secret(std::move(token));
  return {};
}

}  // namespace genesis::worker
