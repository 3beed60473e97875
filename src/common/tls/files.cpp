#include "common/tls/files.hpp"

#include <utility>

namespace genesis::tls {
namespace {

std::optional<std::filesystem::path> given(const std::filesystem::path& path) {
  return path.empty() ? std::nullopt : std::optional(path);
}

}  // namespace

Result<std::optional<ServerContext>> load_context(const ServerTlsFiles& files,
                                                  ReloadReport report) {
  if (files.certificate.empty() && files.key.empty() && files.client_authority.empty() &&
      files.deny_list.empty()) {
    return std::nullopt;
  }
  if (files.certificate.empty() || files.key.empty()) {
    return fail(Errc::kInvalidArgument,
                "TLS: a server needs its certificate and its private key; " +
                    std::string(files.certificate.empty() ? "the certificate" : "the key") +
                    " is not given");
  }
  GENESIS_ASSIGN(auto context,
                 ServerContext::open({.certificate = files.certificate,
                                      .key = files.key,
                                      .client_authority = given(files.client_authority),
                                      .deny_list = given(files.deny_list)},
                                     std::move(report)));
  return context;
}

Result<std::optional<ClientContext>> load_context(const ClientTlsFiles& files,
                                                  const std::string& server_name,
                                                  ReloadReport report) {
  if (files.server_authority.empty() && files.certificate.empty() && files.key.empty()) {
    return std::nullopt;
  }
  if (files.server_authority.empty()) {
    return fail(Errc::kInvalidArgument,
                "TLS: a client certificate is given, but no CA certificate to verify the server's",
                Setting::kServerAuthority);
  }
  GENESIS_ASSIGN(auto context,
                 ClientContext::open({.authority = files.server_authority,
                                      .certificate = given(files.certificate),
                                      .key = given(files.key),
                                      .server_name = server_name},
                                     std::move(report)));
  return context;
}

}  // namespace genesis::tls
