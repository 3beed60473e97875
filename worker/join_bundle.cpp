#include "worker/join_bundle.hpp"

#include <nlohmann/json.hpp>

#include "common/base/fields.hpp"
#include "common/base/file.hpp"
#include "common/base/json.hpp"
#include "common/spec/yaml.hpp"

namespace genesis::worker {
namespace {

constexpr std::uint64_t kMaxBundle = std::uint64_t{64} << 10;

Status read(const Fields& bundle, ClientOptions& options) {
  ClientPem pem;
  GENESIS_ASSIGN(options.server, bundle.text("server"));
  GENESIS_ASSIGN(options.server_name, bundle.text("serverName"));
  GENESIS_ASSIGN(options.client_id, bundle.text("clientId"));
  GENESIS_ASSIGN(pem.server_authority, bundle.text("authority"));
  GENESIS_ASSIGN(pem.certificate, bundle.text("certificate"));
  GENESIS_ASSIGN(auto key, bundle.text("key"));
  GENESIS_ASSIGN(auto token, bundle.text("token"));
  if (bundle.has("paillierKey")) {
    GENESIS_ASSIGN(auto paillier, bundle.text("paillierKey"));
    options.paillier_key_text = crypto::Secret(std::move(paillier));
  }
  pem.key = crypto::Secret(std::move(key));
  options.pem = std::move(pem);
  if (!token.empty()) {
    options.auth_token = crypto::Secret(std::move(token));
  }
  return {};
}

}  // namespace

Status read_join_bundle(const std::filesystem::path& path, ClientOptions& options) {
  const std::string file = path.string();
  GENESIS_ASSIGN(const auto text, read_file(path, kMaxBundle));
  GENESIS_ASSIGN(const auto document, spec::read_yaml(text, file));
  const std::string json = dump_json(document);
  const auto done = [&]() -> Status {
    GENESIS_ASSIGN(const auto bundle, parse_json(json));
    GENESIS_ASSIGN(const auto fields, Fields::of(bundle, file));
    return read(fields, options);
  }();
  if (!done) {
    return fail(done.error().code,
                done.error().message + "; take bundle.yaml out of the Secret as it is");
  }
  return {};
}

}  // namespace genesis::worker
