#include "common/tls/files.hpp"

#include <utility>

namespace genesis::tls {
namespace {

Result<std::optional<NamedPem>> load_optional(const std::filesystem::path& path) {
  if (path.empty()) {
    return std::nullopt;
  }
  GENESIS_ASSIGN(auto pem, load_pem(path));
  return pem;
}

}  // namespace

Result<std::optional<ServerContext>> load_context(const ServerTlsFiles& files) {
  if (files.certificate.empty() && files.key.empty() && files.client_authority.empty()) {
    return std::nullopt;
  }
  if (files.certificate.empty() || files.key.empty()) {
    return fail(Errc::kInvalidArgument,
                "TLS: a server needs its certificate and its private key; " +
                    std::string(files.certificate.empty() ? "the certificate" : "the key") +
                    " is not given");
  }
  ServerTls loaded;
  GENESIS_ASSIGN(loaded.certificate, load_pem(files.certificate));
  GENESIS_ASSIGN(loaded.key, load_pem(files.key));
  GENESIS_ASSIGN(loaded.client_authority, load_optional(files.client_authority));
  GENESIS_ASSIGN(auto context, ServerContext::create(loaded));
  return context;
}

Result<std::optional<ClientContext>> load_context(const ClientTlsFiles& files,
                                                  const std::string& server_name) {
  if (files.server_authority.empty() && files.certificate.empty() && files.key.empty()) {
    return std::nullopt;
  }
  if (files.server_authority.empty()) {
    return fail(Errc::kInvalidArgument,
                "TLS: a client certificate is given, but no CA certificate to verify the server's",
                Setting::kServerAuthority);
  }
  ClientTls loaded;
  loaded.server_name = server_name;
  GENESIS_ASSIGN(loaded.authority, load_pem(files.server_authority));
  GENESIS_ASSIGN(loaded.certificate, load_optional(files.certificate));
  GENESIS_ASSIGN(loaded.key, load_optional(files.key));
  GENESIS_ASSIGN(auto context, ClientContext::create(loaded));
  return context;
}

}  // namespace genesis::tls
