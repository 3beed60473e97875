#include "common/tls/join_bundle.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/base/json.hpp"

namespace genesis::tls {
namespace {

// PEM as a YAML block, which keeps its lines as they are.
std::string block(std::string_view text) {
  std::string lines = "|\n";
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines += "  " + std::string(text.substr(0, end)) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

std::string encode(const JoinBundle& bundle) {
  std::string text = "# Lets one site join a training: genesis federated client\n";
  text += "server: " + bundle.server + "\n";
  text += "serverName: " + bundle.server_name + "\n";
  text += "clientId: " + bundle.client_id + "\n";
  text += "authority: " + block(bundle.authority_pem);
  text += "certificate: " + block(bundle.client.certificate_pem);
  text += "key: " + block(bundle.client.key_pem);
  text += "token: " + dump_json(std::string(bundle.token)) + "\n";
  if (!bundle.paillier_key.empty()) {
    text += "paillierKey: " + block(bundle.paillier_key);
  }
  return text;
}

}  // namespace genesis::tls
