#include "operator/credentials.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/base64.hpp"
#include "common/base/ids.hpp"
#include "common/secure/paillier_files.hpp"
#include "common/spec/yaml.hpp"
#include "common/tls/join_bundle.hpp"
#include "operator/renewal.hpp"

namespace genesis::control {
namespace {

void put(Json& data, const char* key, std::string_view bytes) {
  data[key] = base64_encode(bytes);
}

void put_pair(Json& data,
              const tls::CertifiedKey& pair,
              const Authority& authority,
              const std::string& trusted) {
  put(data, "ca.crt", trusted);
  put(data, "tls.crt", pair.certificate_pem);
  put(data, "tls.key", pair.key_pem);
  put(data, "token", authority.token.reveal());
}

tls::Validity for_leaf(SystemTime now) {
  return {.lifetime = kLeafLifetime, .now = now};
}

Result<tls::CertifiedKey> client_pair(const SecretSpec& secret,
                                      const Authority& authority,
                                      const Issue& issue) {
  if (issue.keep) {
    return *issue.keep;
  }
  GENESIS_ASSIGN(auto id, ClientId::parse(secret.client));
  return tls::issue_client(authority.pair, id, for_leaf(issue.now), issue.key_pem);
}

Result<tls::CertifiedKey> server_pair(const SecretSpec& secret,
                                      const Authority& authority,
                                      const Issue& issue) {
  if (issue.keep) {
    return *issue.keep;
  }
  return tls::issue_server(authority.pair, secret.names, for_leaf(issue.now), issue.key_pem);
}

std::string bundle(const SecretSpec& secret,
                   const tls::CertifiedKey& pair,
                   const Authority& authority,
                   const std::string& trusted,
                   const crypto::Secret& key) {
  return tls::encode(tls::JoinBundle{.server = secret.url,
                                     .server_name = secret.names.front(),
                                     .client_id = secret.client,
                                     .authority_pem = trusted,
                                     .client = pair,
                                     .token = authority.token.reveal(),
                                     .paillier_key = key.reveal()});
}

Result<tls::CertifiedKey> make_pair(const std::string& training,
                                    std::string_view key_pem,
                                    SystemTime now) {
  constexpr std::size_t kLongestName = 64;
  const std::string name = "genesis " + training;
  const tls::Validity validity{.lifetime = kAuthorityLifetime, .now = now};
  return tls::make_authority(name.substr(0, kLongestName), validity, key_pem);
}

}  // namespace

std::string Authority::trusted() const {
  const bool has_end = pair.certificate_pem.empty() || pair.certificate_pem.back() == '\n';
  return pair.certificate_pem + (has_end || previous.empty() ? "" : "\n") + previous;
}

Result<Authority> make_authority(const std::string& training,
                                 const UserCredentials& given,
                                 crypto::Entropy& entropy,
                                 SystemTime now) {
  Authority authority;
  authority.token = given.token ? *given.token : crypto::random_token(entropy);
  if (given.authority) {
    authority.pair = *given.authority;
    return authority;
  }
  GENESIS_ASSIGN(authority.pair, make_pair(training, {}, now));
  return authority;
}

Result<Authority> renewed(const std::string& training, const Authority& authority, SystemTime now) {
  Authority made = authority;
  GENESIS_ASSIGN(made.pair, make_pair(training, authority.pair.key_pem, now));
  made.previous = still_trusted({authority.trusted()}, made.pair.certificate_pem, now);
  return made;
}

std::string still_trusted(const std::vector<std::string>& texts,
                          const std::string& current,
                          SystemTime now) {
  std::vector<std::string> seen =
      tls::split_certificates(current).value_or(std::vector<std::string>());
  std::string kept;
  for (const auto& text : texts) {
    for (auto& one : tls::split_certificates(text).value_or(std::vector<std::string>())) {
      const auto info = tls::inspect(one);
      const bool is_known = std::ranges::find(seen, one) != seen.end();
      if (info && info->not_after > now && !is_known) {
        kept += one;
        seen.push_back(std::move(one));
      }
    }
  }
  return kept;
}

Result<Json> secret_data(const SecretSpec& secret,
                         const Authority& authority,
                         const UserCredentials& given,
                         const Issue& issue,
                         const crypto::Secret& key) {
  const std::string trusted = issue.trusted.empty() ? authority.trusted() : issue.trusted;
  Json data = Json::object();
  switch (secret.kind) {
    case SecretSpec::Kind::kOperator: {
      GENESIS_ASSIGN(const auto pair, client_pair(secret, authority, issue));
      put_pair(data, pair, authority, authority.pair.certificate_pem);
      if (!authority.previous.empty()) {
        put(data, kPreviousAuthorities, authority.previous);
      }
      if (!given.authority) {
        put(data, "ca.key", authority.pair.key_pem);
      }
      return data;
    }
    case SecretSpec::Kind::kAggregator: {
      GENESIS_ASSIGN(const auto pair, server_pair(secret, authority, issue));
      put_pair(data, pair, authority, trusted);
      return data;
    }
    case SecretSpec::Kind::kParticipant: {
      GENESIS_ASSIGN(const auto pair, client_pair(secret, authority, issue));
      put_pair(data, pair, authority, trusted);
      return data;
    }
    case SecretSpec::Kind::kJoin: {
      GENESIS_ASSIGN(const auto pair, client_pair(secret, authority, issue));
      put(data, "bundle.yaml", bundle(secret, pair, authority, trusted, key));
      return data;
    }
    case SecretSpec::Kind::kPaillier:
      return key_data(key);
  }
  return data;
}

std::optional<tls::CertifiedKey> stored_pair(const Json& secret) {
  auto certificate = secret_text(secret, "tls.crt");
  auto key = secret_text(secret, "tls.key");
  if (const auto text = secret_text(secret, "bundle.yaml")) {
    const auto bundle = spec::read_yaml(*text, "bundle.yaml");
    if (!bundle || !bundle->is_object()) {
      return std::nullopt;
    }
    for (const auto& [name, value] : {std::pair("certificate", &certificate), {"key", &key}}) {
      const auto found = bundle->find(name);
      if (found != bundle->end() && found->is_string()) {
        *value = found->get<std::string>();
      }
    }
  }
  if (!certificate || !key) {
    return std::nullopt;
  }
  return tls::CertifiedKey{std::move(*certificate), std::move(*key)};
}

Json certificate_annotations(const Authority& authority, SystemTime since) {
  const auto info = tls::inspect(authority.pair.certificate_pem);
  return Json{{std::string(kIssuer), info ? info->key_sha256 : ""},
              {std::string(kTrustedSince), to_rfc3339(since)}};
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
