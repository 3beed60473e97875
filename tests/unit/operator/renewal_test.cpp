// Months of a training: no program of it is ever refused by another, whatever happens to the
// certificates in between.
#include "operator/renewal.hpp"

#include <map>
#include <set>

#include <openssl/x509_vfy.h>

#include "common/base/base64.hpp"
#include "common/crypto/digest.hpp"
#include "common/spec/yaml.hpp"
#include "common/tls/certificates.hpp"
#include "common/tls/handles.hpp"
#include "operator/allowed.hpp"
#include "tests/unit/operator/a_rig.hpp"

namespace genesis::control {
namespace {

using namespace std::chrono_literals;

// Whether a program that trusts `authorities` accepts the certificate at that time.
bool accepts(const std::string& authorities, const std::string& certificate, SystemTime time) {
  const tls::Handle<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  const auto trusted = tls::read_certificates("ca.crt", authorities).value();
  for (const auto& one : trusted) {
    X509_STORE_add_cert(store.get(), one.get());
  }
  const auto leaf = tls::read_certificates("tls.crt", certificate).value();
  const tls::Handle<X509_STORE_CTX, X509_STORE_CTX_free> check(X509_STORE_CTX_new());
  X509_STORE_CTX_init(check.get(), store.get(), leaf.front().get(), nullptr);
  X509_STORE_CTX_set_time(check.get(), 0, time.time_since_epoch().count());
  return X509_verify_cert(check.get()) == 1;
}

struct Files {
  std::string authorities;
  std::string certificate;
  std::string key;
  std::string token;
};

std::string text_of(const Json& secret, const char* name) {
  return secret_text(secret, name).value_or("");
}

Files files_in(const Json& secret) {
  if (const auto text = secret_text(secret, "bundle.yaml")) {
    const auto bundle = spec::read_yaml(*text, "bundle.yaml").value();
    return {bundle.at("authority"), bundle.at("certificate"), bundle.at("key"), bundle.at("token")};
  }
  return {text_of(secret, "ca.crt") + text_of(secret, kPreviousAuthorities),
          text_of(secret, "tls.crt"),
          text_of(secret, "tls.key"),
          text_of(secret, "token")};
}

// A training that runs, and what its programs have of its Secrets: kubelets are late.
class Months {
 public:
  explicit Months(std::string_view flow, std::vector<std::string> secrets)
      : rig(flow), flow_(flow), secrets_(std::move(secrets)) {}

  void begin() {
    rig.put_training(spec_of(flow_, false));
    REQUIRE(rig.reconcile());
    rig.put_pod("hospitals-aggregator");
    rig.start();
    REQUIRE(rig.reconcile());
    take_up();
    first_ = files_;
  }

  void take_up() {
    for (const auto& name : secrets_) {
      files_[name] = files_in(secret(name));
    }
  }

  /// Some time goes by in steps, of which each is a pass; programs have new files three minutes
  /// late, which is what the kubelet may need.
  void pass(std::chrono::seconds time, std::chrono::seconds step) {
    for (auto gone = 0s; gone < time; gone += step) {
      rig.after(step);
      REQUIRE(rig.reconcile());
      late_ += step;
      if (late_ >= 3min) {
        take_up();
        late_ = 0s;
      }
      check();
    }
  }

  void check() {
    const auto time = now() + rig.later();
    const auto& server = files_.at("hospitals-aggregator");
    for (const auto& [name, files] : files_) {
      CAPTURE(name, to_rfc3339(time));
      if (name != "hospitals-aggregator") {
        const bool server_accepts = accepts(server.authorities, files.certificate, time);
        const bool client_accepts = accepts(files.authorities, server.certificate, time);
        REQUIRE(server_accepts);
        REQUIRE(client_accepts);
      }
      REQUIRE(files.token == first_.at(name).token);
      const auto leaf = tls::inspect(files.certificate).value();
      REQUIRE(leaf.not_after <= tls::inspect(files.authorities)->not_after);
      REQUIRE(leaf.not_after - leaf.not_before <= kLeafLifetime + 5min);
    }
  }

  Json& secret(const std::string& name) { return rig.object(k8s::kSecrets, name); }
  std::string authority_key() {
    return tls::inspect(text_of(secret("hospitals-operator"), "ca.crt"))->key_sha256;
  }
  bool keeps_key(const std::string& name) { return files_.at(name).key == first_.at(name).key; }
  std::size_t trusted(const std::string& name) {
    return authorities_of(files_in(secret(name)).authorities).size();
  }
  const Files& files(const std::string& name) { return files_.at(name); }

  Rig rig;

 private:
  std::string flow_;
  std::vector<std::string> secrets_;
  std::map<std::string, Files> files_;
  std::map<std::string, Files> first_;
  std::chrono::seconds late_{0};
};

const std::vector<std::string> kOfThreeSites{
    "hospitals-aggregator", "hospitals-worker-a", "hospitals-worker-b", "hospitals-worker-c"};

}  // namespace

TEST_CASE(
    "operator: certificates are renewed for years, with the same keys, and no program notices",
    "[operator]") {
  Months months(kThreeSites, kOfThreeSites);
  months.begin();
  const auto first = months.files("hospitals-worker-a").certificate;
  const auto authority = text_of(months.secret("hospitals-operator"), "ca.crt");
  const auto key = months.authority_key();
  months.pass(19 * 24h, 6h);
  CHECK(months.files("hospitals-worker-a").certificate == first);
  months.pass(2 * 24h, 6h);
  CHECK(months.files("hospitals-worker-a").certificate != first);
  CHECK(text_of(months.secret("hospitals-operator"), "ca.crt") == authority);
  months.pass(225 * 24h, 12h);
  CHECK(text_of(months.secret("hospitals-operator"), "ca.crt") != authority);  // at two thirds
  CHECK(months.authority_key() == key);
  CHECK(months.trusted("hospitals-aggregator") == 2);  // until the first ends
  months.pass(150 * 24h, 12h);
  CHECK(months.trusted("hospitals-aggregator") == 1);
  for (const auto& name : kOfThreeSites) {
    CHECK(months.keeps_key(name));
  }
  CHECK_FALSE(months.rig.status().holds(kFailed));
  const auto expiry = months.rig.status().certificate_expiry;
  REQUIRE(expiry);
  CHECK(*expiry > now() + months.rig.later());
  CHECK(*expiry <= now() + months.rig.later() + kLeafLifetime);
}

TEST_CASE("operator: after its Secret was deleted there is a new authority, and no program notices",
          "[operator]") {
  Months months(kThreeSites, kOfThreeSites);
  months.begin();
  months.pass(24h, 6h);
  const auto key = months.authority_key();
  const auto uid = k8s::uid_of(months.secret("hospitals-operator"));
  months.rig.remove(k8s::kSecrets, "hospitals-operator");
  if (GENERATE(false, true)) {
    months.rig.start();  // another operator
  }
  months.pass(6min, 1min);
  CHECK(months.authority_key() != key);
  CHECK(k8s::uid_of(months.secret("hospitals-operator")) != uid);
  for (const auto& name : kOfThreeSites) {
    CHECK(months.trusted(name) == 2);
  }
  CHECK(months.rig.status().condition(kDegraded)->reason != reason::kForeignObject);
  months.pass(30min, 1min);
  for (const auto& name : kOfThreeSites) {
    CAPTURE(name);
    CHECK(months.trusted(name) == 1);
    CHECK(months.keeps_key(name));
    CHECK(accepts(text_of(months.secret("hospitals-operator"), "ca.crt"),
                  months.files(name).certificate,
                  now() + months.rig.later()));
  }
  months.pass(60 * 24h, 12h);
}

TEST_CASE("operator: an authority of the user's that is renewed is taken up", "[operator]") {
  constexpr std::string_view kOwnCa =
      "{participants: [{name: a, data: {path: a.csv}}], security: {tls: {secretName: own-ca}}}";
  const bool has_same_key = GENERATE(false, true);
  Months months(kOwnCa, {"hospitals-aggregator", "hospitals-worker-a"});
  const auto lifetime = std::chrono::hours(24 * 90);
  auto made = tls::make_authority("own", {.lifetime = lifetime}).value();
  const auto put = [&](const tls::CertifiedKey& pair) {
    months.rig.put_foreign(k8s::kSecrets, "own-ca");
    Json& secret = months.rig.object(k8s::kSecrets, "own-ca");
    secret["metadata"]["labels"][std::string(kAllowTraining)] = "ANY";
    secret["data"] = {{"tls.crt", base64_encode(pair.certificate_pem)},
                      {"tls.key", base64_encode(pair.key_pem)}};
  };
  put(made);
  months.begin();
  for (int renewal = 0; renewal < 3; ++renewal) {
    months.pass(60 * 24h, 12h);
    CHECK(months.trusted("hospitals-worker-a") == 1);
    made = tls::make_authority("own",
                               {.lifetime = lifetime, .now = now() + months.rig.later()},
                               has_same_key ? made.key_pem : "")
               .value();
    put(made);
    months.pass(40min, 1min);
    CHECK(text_of(months.secret("hospitals-operator"), "ca.crt") == made.certificate_pem);
    CHECK(text_of(months.secret("hospitals-operator"), "ca.key").empty());
    CHECK(months.trusted("hospitals-worker-a") == (has_same_key ? 2U : 1U));
  }
  CHECK(months.keeps_key("hospitals-aggregator"));
}

TEST_CASE("operator: an authority of the user's that nobody renews is warned of", "[operator]") {
  constexpr std::string_view kOwnCa =
      "{participants: [{name: a, data: {path: a.csv}}], security: {tls: {secretName: own-ca}}}";
  Months months(kOwnCa, {"hospitals-aggregator", "hospitals-worker-a"});
  const auto made = tls::make_authority("own", {.lifetime = std::chrono::hours(24 * 24)}).value();
  months.rig.put_foreign(k8s::kSecrets, "own-ca");
  Json& secret = months.rig.object(k8s::kSecrets, "own-ca");
  secret["metadata"]["labels"][std::string(kAllowTraining)] = "ANY";
  secret["data"] = {{"tls.crt", base64_encode(made.certificate_pem)},
                    {"tls.key", base64_encode(made.key_pem)}};
  months.begin();
  const auto told = [&] {
    const auto status = months.rig.status();
    return status.condition(kDegraded)->message.find("the authority in Secret own-ca ends on") !=
           std::string::npos;
  };
  months.pass(19 * 24h, 12h);
  CHECK_FALSE(told());
  const auto writes = months.rig.count("POST /api/v1/namespaces/demo/secrets/hospitals-operator");
  months.pass(2 * 24h, 1h);
  CHECK(told());
  // What would not last longer is not made again and again.
  CHECK(months.rig.count("POST /api/v1/namespaces/demo/secrets/hospitals-operator") == writes);
}

TEST_CASE("operator: a site outside the cluster is told that its bundle was renewed",
          "[operator]") {
  constexpr std::string_view kFar =
      "{participants: [{name: a, data: {path: a.csv}}, {name: far, external: true}], aggregator: "
      "{service: {address: 'fed.example.org:443'}}}";
  Months months(kFar, {"hospitals-aggregator", "hospitals-worker-a"});
  months.begin();
  const auto bundle = files_in(months.secret("hospitals-join-far"));
  months.rig.remove(k8s::kSecrets, "hospitals-operator");
  months.pass(19 * 24h, 6h);
  // It goes on with what it has: the server keeps its certificate as long as it can.
  const auto time = now() + months.rig.later();
  CHECK(accepts(bundle.authorities, months.files("hospitals-aggregator").certificate, time));
  CHECK(accepts(months.files("hospitals-aggregator").authorities, bundle.certificate, time));
  const auto renewed = files_in(months.secret("hospitals-join-far"));
  CHECK(renewed.certificate != bundle.certificate);
  CHECK(renewed.key == bundle.key);
  CHECK(renewed.token == bundle.token);
  CHECK(accepts(renewed.authorities, months.files("hospitals-aggregator").certificate, time));
  CHECK(std::ranges::count(months.rig.written_events(), "JoinBundleRenewed") >= 1);
}

TEST_CASE("operator: what somebody writes into a Secret with a certificate is put back",
          "[operator]") {
  Months months(kThreeSites, kOfThreeSites);
  months.begin();
  const auto other = tls::make_authority("other", {}).value();
  months.secret("hospitals-worker-a")["data"]["ca.crt"] = base64_encode(other.certificate_pem);
  months.secret("hospitals-worker-b")["data"]["tls.crt"] = "eA==";
  months.secret("hospitals-worker-c")["data"] = Json::object();
  months.rig.start();
  REQUIRE(months.rig.reconcile());
  months.take_up();
  const auto time = now() + months.rig.later();
  for (const auto& name : kOfThreeSites) {
    CAPTURE(name);
    CHECK(accepts(
        months.files("hospitals-aggregator").authorities, months.files(name).certificate, time));
    CHECK(months.trusted(name) == 1);
  }
  CHECK(months.keeps_key("hospitals-worker-b"));
}

TEST_CASE(
    "operator: an operator that dies while it replaces its Secret is followed by one that goes on",
    "[operator]") {
  Months months(kThreeSites, kOfThreeSites);
  months.begin();
  months.rig.after(21 * 24h);
  const std::string made = months.rig.create(k8s::kSecrets, "hospitals-operator");
  const std::string status =
      "PATCH " + k8s::object_path(k8s::kFederatedTrainings, "demo", "hospitals");
  const bool was_made = GENERATE(false, true);
  months.rig.api().fault = [&](const std::string& call) -> std::optional<Error> {
    if (call == (was_made ? status : made)) {
      return Error{Errc::kUnavailable, "killed"};
    }
    return std::nullopt;
  };
  const bool is_done = months.rig.reconcile().has_value();
  CHECK((is_done || was_made) == was_made);
  REQUIRE(months.rig.has(k8s::kSecrets, "hospitals-operator") == was_made);
  if (was_made) {
    CHECK(months.rig.status().children->at("Secret/hospitals-operator") !=
          k8s::uid_of(months.secret("hospitals-operator")));
  }
  months.rig.api().fault = nullptr;
  months.rig.start();  // which has no memory of what was made and not recorded
  months.pass(20min, 1min);
  CHECK(months.rig.status().condition(kDegraded)->reason != reason::kForeignObject);
  CHECK(months.rig.status().children->at("Secret/hospitals-operator") ==
        k8s::uid_of(months.secret("hospitals-operator")));
  months.pass(60 * 24h, 12h);
}

TEST_CASE("operator: a certificate that is denied by its fingerprint is renewed with another key",
          "[operator]") {
  Months months(kThreeSites, kOfThreeSites);
  months.begin();
  const auto pem = months.files("hospitals-worker-a").certificate;
  const auto body = pem.find('\n');
  const auto der = base64_decode(pem.substr(body, pem.find("-----END") - body)).value();
  Json security{{"deny", Json::array({"sha256:" + crypto::sha256_hex(der)})}};
  months.rig.change_spec("security", std::move(security));
  months.rig.start();
  months.pass(21 * 24h, 12h);
  CHECK_FALSE(months.keeps_key("hospitals-worker-a"));
  CHECK(months.keeps_key("hospitals-worker-b"));
}

}  // namespace genesis::control
