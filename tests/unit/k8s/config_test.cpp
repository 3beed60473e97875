#include "common/k8s/config.hpp"

#include <cstdlib>
#include <fstream>
#include <map>

#include "common/base/base64.hpp"
#include "common/base/file.hpp"
#include "common/tls/certificates.hpp"
#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::k8s;

namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "genesis-k8s-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  fs::path write(const std::string& name, const std::string& text) const {
    fs::create_directories((path_ / name).parent_path());
    REQUIRE(write_file_atomic(path_ / name, text));
    return path_ / name;
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// A kubeconfig with one of everything; `cluster` and `user` are its lines.
std::string a_kubeconfig(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: main\n"
         "contexts:\n- name: main\n  context: {cluster: c, user: u, namespace: team}\n"
         "- name: other\n  context: {cluster: c}\n"
         "- name: dangling\n  context: {cluster: nowhere, user: u}\n"
         "clusters:\n- name: c\n  cluster:\n" +
         cluster + "users:\n- name: u\n  user:\n" + user;
}

const std::string kServer = "    server: https://10.0.0.1:6443\n";
const std::string kAuthority =
    "    certificate-authority-data: " + base64_encode("authority pem") + "\n";

Error refusal(const std::string& cluster, const std::string& user) {
  const Folder folder;
  const auto config = load_kubeconfig(folder.write("config", a_kubeconfig(cluster, user)));
  REQUIRE_FALSE(config);
  return config.error();
}

Environment environment_of(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  };
}

Instant at(std::chrono::seconds time) {
  return Instant(time);
}

}  // namespace

TEST_CASE("k8s: a kubeconfig with data in it", "[k8s]") {
  const Folder folder;
  const std::string user = "    client-certificate-data: " + base64_encode("cert") +
                           "\n    client-key-data: " + base64_encode("key") + "\n";
  const auto config = load_kubeconfig(folder.write(
      "config", a_kubeconfig(kServer + kAuthority + "    tls-server-name: kube\n", user)));
  REQUIRE(config);
  CHECK(config->server == "https://10.0.0.1:6443");
  CHECK(config->ns == "team");
  CHECK(config->tls->authority.pem == "authority pem");
  CHECK(config->tls->certificate->pem == "cert");
  CHECK(config->tls->key->pem == "key");
  CHECK(config->tls->server_name == "kube");
  CHECK_FALSE(config->token.is_used());
  CHECK_THAT(config->tls->key->name, ContainsSubstring("users[u].user.client-key-data"));
}

TEST_CASE("k8s: a kubeconfig that names files beside it", "[k8s]") {
  const Folder folder;
  folder.write("pki/ca.crt", "authority");
  folder.write("token", "secret-token\n");
  auto config = load_kubeconfig(folder.write(
      "config",
      a_kubeconfig(kServer + "    certificate-authority: pki/ca.crt\n", "    tokenFile: token\n")));
  REQUIRE(config);
  CHECK(config->tls->authority.pem == "authority");
  CHECK(config->token.token(at(std::chrono::seconds(0)))->reveal() == "secret-token");
}

TEST_CASE("k8s: contexts of a kubeconfig", "[k8s]") {
  const Folder folder;
  const auto path = folder.write("config", a_kubeconfig(kServer + kAuthority, "    token: t\n"));
  CHECK(load_kubeconfig(path)->token.is_used());
  const auto other = load_kubeconfig(path, "other");
  REQUIRE(other);
  CHECK(other->ns == "default");
  CHECK_FALSE(other->token.is_used());
  CHECK_THAT(load_kubeconfig(path, "none").error().message, ContainsSubstring("contexts[none]"));
  CHECK_THAT(load_kubeconfig(path, "dangling").error().message,
             ContainsSubstring("clusters[nowhere]"));
}

TEST_CASE("k8s: what is wrong in a kubeconfig is said with its field", "[k8s]") {
  const std::string token = "    token: t\n";
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {kServer + kAuthority + "    insecure-skip-tls-verify: true\n",
       token,
       "clusters[c].cluster.insecure-skip-tls-verify"},
      {kServer, token, "clusters[c].cluster.certificate-authority-data: is missing"},
      {kAuthority, token, "clusters[c].cluster.server"},
      {"    server: http://10.0.0.1\n", token, "http:// is allowed for this host only"},
      {"    server: http://127.0.0.1:8001\n",
       token,
       "users[u].user.token: would be sent unencrypted"},
      {kServer + kAuthority + "    proxy-url: http://p\n", token, "proxy-url"},
      {kServer + "    certificate-authority-data: '!!'\n",
       token,
       "certificate-authority-data: not base64"},
      {kServer + "    certificate-authority: missing.crt\n", token, "missing.crt"},
      {kServer + kAuthority, "    exec: {command: aws}\n", "users[u].user.exec: is not supported"},
      {kServer + kAuthority,
       "    client-certificate-data: Zg==\n",
       "users[u].user.client-key-data: is missing"},
      {kServer + kAuthority, "    token: [1]\n", "users[u].user.token: must be text"},
      {"    server: [\n", token, "not YAML"},
  };
  for (const auto& [cluster, user, expected] : cases) {
    CHECK_THAT(refusal(cluster, user).message, ContainsSubstring(expected));
  }
  const Folder folder;
  CHECK_THAT(load_kubeconfig(folder.write("x", "[1]")).error().message,
             ContainsSubstring("not a kubeconfig"));
  CHECK_THAT(load_kubeconfig(folder.write("x", "a: 1")).error().message,
             ContainsSubstring("current-context"));
  CHECK(load_kubeconfig(folder.path() / "none").error().code == Errc::kNotFound);
}

TEST_CASE("k8s: a pod finds its API server and account", "[k8s]") {
  const Folder folder;
  folder.write("ca.crt", "authority");
  folder.write("namespace", "genesis-system\n");
  const auto environment =
      environment_of({{"KUBERNETES_SERVICE_HOST", "fd00::1"}, {"KUBERNETES_SERVICE_PORT", "443"}});
  const auto without_token = in_cluster_config(environment, folder.path());
  REQUIRE_FALSE(without_token);
  CHECK_THAT(without_token.error().message, ContainsSubstring("token"));

  folder.write("token", "first");
  auto config = in_cluster_config(environment, folder.path());
  REQUIRE(config);
  CHECK(config->server == "https://[fd00::1]:443");
  CHECK(config->ns == "genesis-system");
  CHECK(config->tls->authority.pem == "authority");
  CHECK(in_cluster_config(environment_of({}), folder.path()).error().code == Errc::kNotFound);
}

TEST_CASE("k8s: a token is read anew as it rotates, and the old one bridges a gap", "[k8s]") {
  using std::chrono::seconds;
  const Folder folder;
  TokenSource source(folder.write("token", "first\n"));
  CHECK(source.token(at(seconds(0)))->reveal() == "first");
  folder.write("token", "second");
  CHECK(source.token(at(seconds(59)))->reveal() == "first");
  CHECK(source.token(at(seconds(60)))->reveal() == "second");
  folder.write("token", "third");
  source.refresh();
  CHECK(source.token(at(seconds(61)))->reveal() == "third");
  fs::remove(folder.path() / "token");
  CHECK(source.token(at(seconds(200)))->reveal() == "third");
  folder.write("token", "two lines\nof text");
  CHECK(source.token(at(seconds(300)))->reveal() == "third");
  CHECK_FALSE(TokenSource(folder.path() / "token").token(at(seconds(0))));
}

TEST_CASE("k8s: where the configuration comes from", "[k8s]") {
  const Folder folder;
  const auto path = folder.write("a", a_kubeconfig(kServer + kAuthority, "    token: t\n"));
  CHECK(load_config(path.string(), environment_of({{"KUBECONFIG", "/nowhere"}})));
  CHECK(load_config("", environment_of({{"KUBECONFIG", path.string()}})));
  CHECK_THAT(load_config("", environment_of({{"KUBECONFIG", "/a:/b"}})).error().message,
             ContainsSubstring("several files"));
  folder.write(".kube/config", a_kubeconfig(kServer + kAuthority, "    token: t\n"));
  CHECK(load_config("", environment_of({{"HOME", folder.path().string()}})));
  CHECK(load_config("", environment_of({})).error().code == Errc::kNotFound);
}
