#include "common/tls/certificate_files.hpp"

#include "common/base/file.hpp"
#include "common/tls/context.hpp"
#include "genesis/certificates.hpp"

namespace genesis::tls {

Status write_certified_key(const std::filesystem::path& folder,
                           const std::string& stem,
                           const CertifiedKey& pair) {
  for (const char* extension : {".crt", ".key"}) {
    if (const auto path = folder / (stem + extension); std::filesystem::exists(path)) {
      return fail(Errc::kAlreadyExists,
                  path.string() + ": already exists; move it away or choose another folder");
    }
  }
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  GENESIS_RETURN_IF_ERROR(
      write_file_atomic(folder / (stem + ".crt"), pair.certificate_pem, FileAccess::kEveryone));
  return write_file_atomic(folder / (stem + ".key"), pair.key_pem);
}

Status replace_certified_key(const std::filesystem::path& folder,
                             const std::string& stem,
                             const CertifiedKey& pair) {
  GENESIS_RETURN_IF_ERROR(write_file_atomic(folder / (stem + ".key"), pair.key_pem));
  return write_file_atomic(folder / (stem + ".crt"), pair.certificate_pem, FileAccess::kEveryone);
}

Result<CertifiedKey> read_certified_key(const std::filesystem::path& folder,
                                        const std::string& stem) {
  GENESIS_ASSIGN(auto certificate, load_pem(folder / (stem + ".crt")));
  GENESIS_ASSIGN(auto key, load_pem(folder / (stem + ".key")));
  return CertifiedKey{std::move(certificate.pem), std::move(key.pem)};
}

}  // namespace genesis::tls

namespace genesis {

Status make_certificates(const CertificateFolder& request) {
  tls::Validity validity;
  validity.lifetime = std::chrono::hours(24) * request.days;
  GENESIS_ASSIGN(auto authority, tls::make_authority(request.authority, validity));
  GENESIS_RETURN_IF_ERROR(tls::write_certified_key(request.folder, "ca", authority));
  GENESIS_ASSIGN(auto server, tls::issue_server(authority, request.server_names, validity));
  GENESIS_RETURN_IF_ERROR(tls::write_certified_key(request.folder, "server", server));
  for (const auto& name : request.client_ids) {
    GENESIS_ASSIGN(auto id, ClientId::parse(name));
    GENESIS_ASSIGN(auto client, tls::issue_client(authority, id, validity));
    GENESIS_RETURN_IF_ERROR(tls::write_certified_key(request.folder, id.str(), client));
  }
  return {};
}

}  // namespace genesis
