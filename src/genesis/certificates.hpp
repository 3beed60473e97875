#pragma once
// The certificates of one training, as files: what `genesis certs` makes one by one. In both
// genesis::server and genesis::genesis.
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/error.hpp"

namespace genesis {

struct CertificateFolder {
  std::filesystem::path folder;           // made where it is not there
  std::string authority = "genesis";      // the authority's name
  std::vector<std::string> server_names;  // host names and IP addresses that clients use
  std::vector<std::string> client_ids;
  int days = 365;  // how long they hold
};

/// Writes ca.crt, ca.key, server.crt, server.key, and ID.crt and ID.key for each client; keys may
/// be read by their owner alone. ca.key signs further certificates: keep it away from the machines.
/// Errors: kAlreadyExists names a file that is there already; kInvalidArgument a name; kIo.
[[nodiscard]] Status make_certificates(const CertificateFolder& request);

}  // namespace genesis
