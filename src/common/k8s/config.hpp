#pragma once
// The address of the API server and our credentials, from a kubeconfig or from the files that are
// mounted in a pod.
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "common/crypto/secret.hpp"
#include "common/tls/context.hpp"

namespace genesis::k8s {

/// A bearer token: fixed, or in a file that is read again as it rotates (the kubelet replaces a
/// pod's token about every hour).
class TokenSource {
 public:
  TokenSource() = default;  // none
  explicit TokenSource(crypto::Secret token);
  explicit TokenSource(std::filesystem::path file);

  [[nodiscard]] bool is_used() const { return file_.has_value() || !token_.empty(); }
  /// The token, read at most a minute before `now`. If the file cannot be read, the last token that
  /// was; if there is none, an error that names the file.
  [[nodiscard]] Result<crypto::Secret> token(Instant now);
  /// The next token() reads the file again: the server has refused this one.
  void refresh();

 private:
  crypto::Secret token_;
  std::optional<std::filesystem::path> file_;
  std::optional<Instant> read_at_;
};

struct Config {
  std::string server;  // https://host:port[/prefix]; http:// only for this host, without identity
  std::optional<tls::ClientTls> tls;  // for https
  TokenSource token;
  std::string ns = "default";  // default namespace
};

/// One context of a kubeconfig: `context`, or its current-context if that is "". Errors:
/// kInvalidArgument and kNotFound name the file and the field, such as
/// "kubeconfig: users[admin].user.client-key-data: not base64". insecure-skip-tls-verify, exec and
/// auth providers are refused.
[[nodiscard]] Result<Config> load_kubeconfig(const std::filesystem::path& path,
                                             const std::string& context = "");

/// The value of an environment variable, or "".
using Environment = std::function<std::string(const std::string& name)>;
[[nodiscard]] std::string process_environment(const std::string& name);

/// The configuration of a pod: KUBERNETES_SERVICE_HOST and _PORT, and the service account in the
/// folder `account`.
[[nodiscard]] Result<Config> in_cluster_config(
    const Environment& environment = process_environment,
    const std::filesystem::path& account = "/var/run/secrets/kubernetes.io/serviceaccount");

/// The first of: `kubeconfig` unless it is "", $KUBECONFIG, in-cluster, ~/.kube/config. Errors say
/// which files and variables were tried.
[[nodiscard]] Result<Config> load_config(const std::string& kubeconfig = "",
                                         const Environment& environment = process_environment);

}  // namespace genesis::k8s
