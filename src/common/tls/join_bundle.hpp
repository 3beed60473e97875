#pragma once
// The text of a join bundle: all that one site needs to take part, in one YAML file. The operator
// puts it into a Secret, `genesis federated bundle` writes it; genesis-worker reads it (--join).
#include <string>
#include <string_view>

#include "common/tls/certificates.hpp"

namespace genesis::tls {

struct JoinBundle {
  std::string server;       // URL
  std::string server_name;  // in the server's certificate
  std::string client_id;
  std::string authority_pem;  // that signed the server's certificate
  CertifiedKey client;
  std::string_view token;              // "": none; outlives the call
  std::string_view paillier_key = {};  // file of the key of encrypted sums; likewise
};

/// Holds the private key and the token: write it for its owner only.
[[nodiscard]] std::string encode(const JoinBundle& bundle);

}  // namespace genesis::tls
