#include "operator/credentials.hpp"

#include "common/spec/yaml.hpp"
#include "common/tls/certificates.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/operator/a_cluster.hpp"

namespace genesis::control {
namespace {

Json secret(const SecretSpec& spec,
            const Authority& authority,
            const UserCredentials& given = {},
            const crypto::Secret& key = {}) {
  return Json{{"data", secret_data(spec, authority, given, Issue{.now = now()}, key).value()}};
}

const Authority& an_authority() {
  static const Authority kAuthority = [] {
    crypto::SystemEntropy entropy;
    return make_authority("demo/hospitals", {}, entropy, now()).value();
  }();
  return kAuthority;
}

SecretSpec spec_of(SecretSpec::Kind kind) {
  return SecretSpec{kind, {"a.demo.svc", "a"}, "site-1", "https://10.0.0.2:30000"};
}

}  // namespace

TEST_CASE("operator: only the operator's own Secret has the authority's key", "[operator]") {
  CHECK(secret_text(secret(spec_of(SecretSpec::Kind::kOperator), an_authority()), "ca.key") ==
        an_authority().pair.key_pem);
  for (const auto kind :
       {SecretSpec::Kind::kAggregator, SecretSpec::Kind::kParticipant, SecretSpec::Kind::kJoin}) {
    CHECK_FALSE(secret_text(secret(spec_of(kind), an_authority()), "ca.key"));
  }
  UserCredentials given;
  given.authority = an_authority().pair;
  CHECK_FALSE(
      secret_text(secret(spec_of(SecretSpec::Kind::kOperator), an_authority(), given), "ca.key"));
}

TEST_CASE("operator: certificates name the service and the site", "[operator]") {
  const auto server = secret(spec_of(SecretSpec::Kind::kAggregator), an_authority());
  CHECK(tls::inspect(*secret_text(server, "tls.crt"))->names ==
        std::vector<std::string>{"a.demo.svc", "a"});
  const auto client = secret(spec_of(SecretSpec::Kind::kParticipant), an_authority());
  CHECK(tls::inspect(*secret_text(client, "tls.crt"))->common_name == "site-1");
  CHECK(secret_text(client, "token") == std::string(an_authority().token.reveal()));
}

TEST_CASE("operator: a join bundle is YAML with all that a site needs", "[operator]") {
  const auto made = secret(spec_of(SecretSpec::Kind::kJoin), an_authority());
  const auto bundle = spec::read_yaml(*secret_text(made, "bundle.yaml"), "bundle.yaml");
  REQUIRE(bundle);
  CHECK(bundle->at("server") == "https://10.0.0.2:30000");
  CHECK(bundle->at("serverName") == "a.demo.svc");
  CHECK(bundle->at("clientId") == "site-1");
  CHECK(bundle->at("authority") == an_authority().pair.certificate_pem);
  CHECK(bundle->at("token") == std::string(an_authority().token.reveal()));
  CHECK(tls::inspect(bundle->at("certificate").get<std::string>())->common_name == "site-1");
}

TEST_CASE("operator: the key of encrypted sums goes to the sites, and not to the aggregator",
          "[operator]") {
  constexpr std::string_view kText = "genesis-paillier-key v1\n0a\n0b\n";
  const crypto::Secret key(kText);
  const auto made = [&](SecretSpec::Kind kind) {
    return secret(spec_of(kind), an_authority(), {}, key);
  };
  const auto bundle =
      spec::read_yaml(*secret_text(made(SecretSpec::Kind::kJoin), "bundle.yaml"), "bundle.yaml");
  REQUIRE(bundle);
  CHECK(bundle->at("paillierKey") == std::string(kText));
  const Json own = made(SecretSpec::Kind::kPaillier).at("data");
  CHECK(own.size() == 1);
  CHECK(secret_text(Json{{"data", own}}, "paillier.key") == std::string(kText));
  for (const auto kind : {SecretSpec::Kind::kOperator,
                          SecretSpec::Kind::kAggregator,
                          SecretSpec::Kind::kParticipant}) {
    CHECK_FALSE(made(kind).at("data").contains("paillier.key"));
  }
  const auto plain =
      secret_text(secret(spec_of(SecretSpec::Kind::kJoin), an_authority()), "bundle.yaml");
  CHECK(plain->find("paillierKey") == std::string::npos);
}

TEST_CASE("operator: what is given is used, what is not is new each time", "[operator]") {
  crypto::SystemEntropy entropy;
  const auto other = make_authority("demo/hospitals", {}, entropy, now()).value();
  CHECK_FALSE(other.token == an_authority().token);
  CHECK(other.pair.key_pem != an_authority().pair.key_pem);
  UserCredentials given;
  given.token = crypto::Secret(std::string_view("ours"));
  CHECK(make_authority("x", given, entropy, now())->token.equals("ours"));
}

TEST_CASE("operator: a Secret without the key, or without base64, gives nothing", "[operator]") {
  CHECK_FALSE(secret_text(Json::object(), "a"));
  CHECK_FALSE(secret_text(Json{{"data", {{"a", "%%%"}}}}, "a"));
  CHECK_FALSE(secret_text(Json{{"data", 3}}, "a"));
}

}  // namespace genesis::control
