#include "operator/credentials.hpp"

#include <nlohmann/json.hpp>

#include "common/base/base64.hpp"
#include "common/base/ids.hpp"
#include "common/secure/paillier_files.hpp"
#include "common/tls/join_bundle.hpp"

namespace genesis::control {
namespace {

void put(Json& data, const char* key, std::string_view bytes) {
  data[key] = base64_encode(bytes);
}

void put_pair(Json& data, const tls::CertifiedKey& pair, const Authority& authority) {
  put(data, "ca.crt", authority.pair.certificate_pem);
  put(data, "tls.crt", pair.certificate_pem);
  put(data, "tls.key", pair.key_pem);
  put(data, "token", authority.token.reveal());
}

Result<tls::CertifiedKey> client_pair(const SecretSpec& secret, const Authority& authority) {
  GENESIS_ASSIGN(auto id, ClientId::parse(secret.client));
  return tls::issue_client(authority.pair, id, tls::Validity());
}

std::string bundle(const SecretSpec& secret,
                   const tls::CertifiedKey& pair,
                   const Authority& authority,
                   const crypto::Secret& key) {
  return tls::encode(tls::JoinBundle{.server = secret.url,
                                     .server_name = secret.names.front(),
                                     .client_id = secret.client,
                                     .authority_pem = authority.pair.certificate_pem,
                                     .client = pair,
                                     .token = authority.token.reveal(),
                                     .paillier_key = key.reveal()});
}

}  // namespace

Result<Authority> make_authority(const std::string& training,
                                 const UserCredentials& given,
                                 crypto::Entropy& entropy) {
  Authority authority;
  authority.token = given.token ? *given.token : crypto::random_token(entropy);
  if (given.authority) {
    authority.pair = *given.authority;
    return authority;
  }
  constexpr std::size_t kLongestName = 64;
  const std::string name = "genesis " + training;
  GENESIS_ASSIGN(authority.pair,
                 tls::make_authority(name.substr(0, kLongestName), tls::Validity()));
  return authority;
}

Result<Json> secret_data(const SecretSpec& secret,
                         const Authority& authority,
                         const UserCredentials& given,
                         const crypto::Secret& key) {
  Json data = Json::object();
  switch (secret.kind) {
    case SecretSpec::Kind::kOperator: {
      GENESIS_ASSIGN(const auto pair, client_pair(secret, authority));
      put_pair(data, pair, authority);
      if (!given.authority) {
        put(data, "ca.key", authority.pair.key_pem);
      }
      return data;
    }
    case SecretSpec::Kind::kAggregator: {
      GENESIS_ASSIGN(const auto pair,
                     tls::issue_server(authority.pair, secret.names, tls::Validity()));
      put_pair(data, pair, authority);
      return data;
    }
    case SecretSpec::Kind::kParticipant: {
      GENESIS_ASSIGN(const auto pair, client_pair(secret, authority));
      put_pair(data, pair, authority);
      return data;
    }
    case SecretSpec::Kind::kJoin: {
      GENESIS_ASSIGN(const auto pair, client_pair(secret, authority));
      put(data, "bundle.yaml", bundle(secret, pair, authority, key));
      return data;
    }
    case SecretSpec::Kind::kPaillier:
      return key_data(key);
  }
  return data;
}

Json key_data(const crypto::Secret& key) {
  Json data = Json::object();
  put(data, secure::kPaillierKeyFile, key.reveal());
  return data;
}

tl::unexpected<Error> not_created_here(const std::string& secret) {
  return fail(Errc::kPermissionDenied,
              "Secret " + secret +
                  ": the operator did not create it, and does not use it; find out who did, then "
                  "delete it");
}

std::optional<std::string> secret_text(const Json& secret, const std::string& key) {
  if (!secret.is_object() || !secret.contains("data") || !secret.at("data").is_object()) {
    return std::nullopt;
  }
  const auto found = secret.at("data").find(key);
  if (found == secret.at("data").end() || !found->is_string()) {
    return std::nullopt;
  }
  return base64_decode(found->get_ref<const std::string&>());
}

}  // namespace genesis::control
