#pragma once
// Certificates in a folder, as `genesis certs` lays them out: STEM.crt for everyone, STEM.key for
// its owner.
#include <filesystem>
#include <string>

#include "common/base/error.hpp"
#include "common/tls/certificates.hpp"

namespace genesis::tls {

/// Writes `stem`.crt and `stem`.key into `folder`, which is made where it is not there. Errors:
/// kAlreadyExists where one of them is there, kIo.
[[nodiscard]] Status write_certified_key(const std::filesystem::path& folder,
                                         const std::string& stem,
                                         const CertifiedKey& pair);

/// The same in place of what is there. Who reads the two in between finds that they do not fit
/// together, and keeps what it has (ServerContext).
[[nodiscard]] Status replace_certified_key(const std::filesystem::path& folder,
                                           const std::string& stem,
                                           const CertifiedKey& pair);

/// Reads them back. Errors: those of load_pem.
[[nodiscard]] Result<CertifiedKey> read_certified_key(const std::filesystem::path& folder,
                                                      const std::string& stem);

}  // namespace genesis::tls
