#pragma once
// The PEM files of one side of a TLS connection. An empty path stands for a file that is not given.
#include <filesystem>

namespace genesis {

/// Without a certificate the server speaks plain HTTP. With a client authority, clients without a
/// certificate of that authority are refused (mutual TLS). Files that change are read again, for
/// connections that are made then.
struct ServerTlsFiles {
  std::filesystem::path certificate;       // chain, leaf first
  std::filesystem::path key;               // of the leaf, not encrypted
  std::filesystem::path client_authority;  // CA certificates
  /// Client certificates that are refused although the authority signed them: a common name or
  /// "sha256:" and a fingerprint a line. Needs the client authority.
  std::filesystem::path deny_list = {};
};

/// Without a server authority the client speaks plain HTTP. Files that change are read again, for
/// connections that are made then.
struct ClientTlsFiles {
  std::filesystem::path server_authority;  // CA certificates; the system's are not used
  std::filesystem::path certificate;       // the client's own chain, leaf first
  std::filesystem::path key;               // of the leaf, not encrypted
};

}  // namespace genesis
