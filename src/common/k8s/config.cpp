#include "common/k8s/config.hpp"

#include <cstdlib>
#include <string_view>
#include <utility>

#include "common/base/file.hpp"

namespace genesis::k8s {
namespace {

constexpr std::uint64_t kMaxTokenFile = 64 * 1024;
constexpr std::uint64_t kMaxNamespaceFile = 1024;
constexpr std::chrono::minutes kTokenAge{1};

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) {
    return {};
  }
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

// Whether it can be sent in a header. Otherwise the file holds something else than a token.
bool is_token(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c >= '\x7f') {
      return false;
    }
  }
  return !text.empty();
}

}  // namespace

TokenSource::TokenSource(crypto::Secret token) : token_(std::move(token)) {}

TokenSource::TokenSource(std::filesystem::path file) : file_(std::move(file)) {}

Result<crypto::Secret> TokenSource::token(Instant now) {
  const bool is_fresh = read_at_ && now - *read_at_ < kTokenAge;
  if (!file_ || is_fresh) {
    return token_;
  }
  Result<std::string> text = read_file(*file_, kMaxTokenFile);
  if (text && !is_token(trimmed(*text))) {
    text = fail(Errc::kInvalidArgument, file_->string() + ": holds no bearer token");
  }
  if (!text) {
    if (token_.empty()) {
      return tl::unexpected(std::move(text).error());
    }
    return token_;  // the file may be rotating; the old token stays valid for a while
  }
  token_ = crypto::Secret(trimmed(*text));
  read_at_ = now;
  return token_;
}

void TokenSource::refresh() {
  read_at_.reset();
}

std::string process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): set at the start
  return value == nullptr ? std::string() : value;
}

Result<Config> in_cluster_config(const Environment& environment,
                                 const std::filesystem::path& account) {
  std::string host = environment("KUBERNETES_SERVICE_HOST");
  const std::string port = environment("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return fail(Errc::kNotFound,
                "in-cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; this "
                "is no pod, so give a kubeconfig");
  }
  if (host.find(':') != std::string::npos) {
    host = "[" + host + "]";
  }
  Config config;
  config.server = "https://" + host + ":" + port;
  auto authority = tls::load_pem(account / "ca.crt");
  if (!authority) {
    return tl::unexpected(authority.error().within("in-cluster"));
  }
  config.tls = tls::ClientTls{};
  config.tls->authority = std::move(*authority);
  config.token = TokenSource(account / "token");
  if (auto token = config.token.token(Instant{}); !token) {
    return tl::unexpected(token.error().within("in-cluster"));
  }
  config.token.refresh();
  if (const auto ns = read_file(account / "namespace", kMaxNamespaceFile)) {
    config.ns = trimmed(*ns);
  }
  return config;
}

Result<Config> load_config(const std::string& kubeconfig, const Environment& environment) {
  if (!kubeconfig.empty()) {
    return load_kubeconfig(kubeconfig);
  }
  const std::string from_environment = environment("KUBECONFIG");
  if (from_environment.find(':') != std::string::npos) {
    return fail(Errc::kInvalidArgument,
                "KUBECONFIG: names several files; merge them (kubectl config view --flatten) and "
                "name one");
  }
  if (!from_environment.empty()) {
    return load_kubeconfig(from_environment);
  }
  if (!environment("KUBERNETES_SERVICE_HOST").empty()) {
    return in_cluster_config(environment);
  }
  const std::string home = environment("HOME");
  if (home.empty()) {
    return fail(Errc::kNotFound,
                "kubeconfig: none given, KUBECONFIG and HOME are not set, and this is no pod");
  }
  return load_kubeconfig(std::filesystem::path(home) / ".kube" / "config");
}

}  // namespace genesis::k8s
