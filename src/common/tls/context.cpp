#include "common/tls/context.hpp"

#include <array>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "common/base/file.hpp"
#include "common/tls/certificates.hpp"
#include "common/tls/handles.hpp"

namespace genesis::tls {
namespace {

constexpr std::uint64_t kMaxPemFile = 1024 * 1024;

tl::unexpected<Error> library_failure(std::string_view doing) {
  return fail(Errc::kInternal, "[tls] " + std::string(doing) + ": " + take_openssl_error());
}

// What both sides share. AES-GCM first: both sides have AES instructions, and 128 bits is the level
// of the P-256 certificates anyway; ChaCha20 stays for machines without.
Result<std::shared_ptr<SSL_CTX>> make_context(const SSL_METHOD* method) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(method), SSL_CTX_free);
  if (context == nullptr || SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(context.get(), TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(context.get(),
                               "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                               "TLS_CHACHA20_POLY1305_SHA256") != 1) {
    return library_failure("making a TLS 1.3 context");
  }
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  // A moving buffer and partial writes are what Asio's engine relies on; idle connections give
  // their record buffers back.
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                       SSL_MODE_RELEASE_BUFFERS);
  return context;
}

Status check_times(const NamedPem& file, SystemTime now) {
  auto info = inspect(file.pem);
  if (!info) {
    return fail(Errc::kInvalidArgument, file.name + ": not a PEM certificate");
  }
  if (info->not_after < now) {
    return fail(Errc::kInvalidArgument,
                file.name + ": expired on " + to_utc(info->not_after) + "; issue a new one");
  }
  if (info->not_before > now) {
    return fail(Errc::kInvalidArgument,
                file.name + ": not valid before " + to_utc(info->not_before) +
                    "; check this machine's clock");
  }
  return {};
}

Status use_identity(SSL_CTX* context, const NamedPem& chain, const NamedPem& key, SystemTime now) {
  GENESIS_ASSIGN(const auto certificates, read_certificates(chain.name, chain.pem));
  GENESIS_ASSIGN(const auto private_key, read_key(key.name, key.pem));
  GENESIS_RETURN_IF_ERROR(check_times(chain, now));
  if (X509_check_private_key(certificates.front().get(), private_key.get()) != 1) {
    ERR_clear_error();
    return fail(Errc::kInvalidArgument,
                key.name + ": does not match the certificate " + chain.name);
  }
  if (SSL_CTX_use_certificate(context, certificates.front().get()) != 1) {
    return fail(Errc::kInvalidArgument,
                chain.name + ": TLS cannot use it: " + take_openssl_error());
  }
  if (SSL_CTX_use_PrivateKey(context, private_key.get()) != 1) {
    return fail(Errc::kInvalidArgument, key.name + ": TLS cannot use it: " + take_openssl_error());
  }
  for (std::size_t i = 1; i < certificates.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, certificates[i].get()) != 1) {
      return library_failure("adding " + chain.name + " to the chain");
    }
  }
  return {};
}

// A client that asks for a host that our certificate does not hold has been led here by mistake or
// on purpose; were it honest, it would refuse our certificate next. Addresses are never asked for.
int check_server_name(SSL* connection, int* /*alert*/, void* /*unused*/) {
  const char* asked = SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name);
  if (asked == nullptr ||
      X509_check_host(SSL_get_certificate(connection), asked, 0, 0, nullptr) == 1) {
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;  // unrecognized_name
}

enum class Announce { kNo, kYes };

// Trusts every certificate of `file`; a server also names them to clients, so that a client with
// several certificates can choose.
Status use_authority(SSL_CTX* context, const NamedPem& file, SystemTime now, Announce announce) {
  GENESIS_ASSIGN(const auto certificates, read_certificates(file.name, file.pem));
  GENESIS_RETURN_IF_ERROR(check_times(file, now));
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const Certificate& certificate : certificates) {
    if (X509_STORE_add_cert(store, certificate.get()) != 1) {
      return library_failure("trusting " + file.name);
    }
    if (announce == Announce::kYes && SSL_CTX_add_client_CA(context, certificate.get()) != 1) {
      return library_failure("announcing " + file.name);
    }
  }
  return {};
}

// A deny list that a context refers to, for as long as OpenSSL keeps the context.
using SharedDenyList = std::shared_ptr<DenyList>;

void free_deny_list(void*, void* list, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<SharedDenyList*>(list);
}

int deny_list_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_deny_list);
  return index;
}

PeerCertificate identity_of(const X509* certificate) {
  PeerCertificate peer{common_name(X509_get_subject_name(certificate)), ""};
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) == 1) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (unsigned i = 0; i < size; ++i) {
      peer.sha256 += kDigits[digest[i] >> 4U];
      peer.sha256 += kDigits[digest[i] & 0xFU];
    }
  }
  return peer;
}

// Beside what OpenSSL has checked: the client's own certificate is not on the list.
int check_denied(int passed, X509_STORE_CTX* verification) {
  if (passed != 1 || X509_STORE_CTX_get_error_depth(verification) != 0) {
    return passed;
  }
  const auto* connection = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* list = static_cast<const SharedDenyList*>(
      SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), deny_list_index()));
  if (!(*list)->denies(identity_of(X509_STORE_CTX_get_current_cert(verification)))) {
    return 1;
  }
  X509_STORE_CTX_set_error(verification, X509_V_ERR_CERT_REVOKED);
  return 0;
}

using SharedContext = std::shared_ptr<SSL_CTX>;

Result<SharedContext> make_server_context(const ServerTls& files,
                                          const SharedDenyList& denied,
                                          SystemTime now) {
  GENESIS_ASSIGN(SharedContext context, make_context(TLS_server_method()));
  SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE);
  GENESIS_RETURN_IF_ERROR(use_identity(context.get(), files.certificate, files.key, now));
  SSL_CTX_set_tlsext_servername_callback(context.get(), check_server_name);
  if (files.client_authority) {
    GENESIS_RETURN_IF_ERROR(
        use_authority(context.get(), *files.client_authority, now, Announce::kYes));
    auto list = std::make_unique<SharedDenyList>(denied);
    if (SSL_CTX_set_ex_data(context.get(), deny_list_index(), list.get()) != 1) {
      return library_failure("keeping the deny list");
    }
    list.release();  // free_deny_list's from here on
    SSL_CTX_set_verify(
        context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, check_denied);
  }
  return context;
}

Result<SharedContext> make_client_context(const ClientTls& files, SystemTime now) {
  GENESIS_ASSIGN(SharedContext context, make_context(TLS_client_method()));
  GENESIS_RETURN_IF_ERROR(use_authority(context.get(), files.authority, now, Announce::kNo));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (files.certificate.has_value() != files.key.has_value()) {
    return fail(Errc::kInvalidArgument,
                files.certificate ? files.certificate->name + ": pass its private key too"
                                  : files.key->name + ": pass its certificate too");
  }
  if (files.certificate) {
    GENESIS_RETURN_IF_ERROR(use_identity(context.get(), *files.certificate, *files.key, now));
  }
  return context;
}

// The context in use, and how it is made anew from files that have changed.
class RenewedContext {
 public:
  using Load = std::function<Result<SharedContext>()>;

  explicit RenewedContext(SharedContext context) : context_(std::move(context)) {}
  RenewedContext(SharedContext context, FileWatch watch, Load load, ReloadReport report)
      : context_(std::move(context)),
        watch_(std::move(watch)),
        load_(std::move(load)),
        report_(std::move(report)) {}

  SharedContext current(SteadyTime now) {
    const std::lock_guard lock(mutex_);
    if (watch_ && watch_->has_changed(now)) {
      auto loaded = load_();
      if (loaded) {
        context_ = std::move(*loaded);
      }
      if (report_) {
        report_(loaded ? Status() : Status(tl::unexpected(loaded.error())));
      }
    }
    return context_;
  }

 private:
  std::mutex mutex_;  // guards all below
  SharedContext context_;
  std::optional<FileWatch> watch_;
  Load load_;
  ReloadReport report_;
};

bool is_ip_address(const std::string& host) {
  const Handle<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> address(a2i_IPADDRESS(host.c_str()));
  ERR_clear_error();
  return address != nullptr;
}

}  // namespace

Result<NamedPem> load_pem(const std::filesystem::path& path) {
  GENESIS_ASSIGN(std::string pem, read_file(path, kMaxPemFile));
  return NamedPem{path.string(), std::move(pem)};
}

class ServerContext::Renewed : public RenewedContext {
  using RenewedContext::RenewedContext;
};

class ClientContext::Renewed : public RenewedContext {
  using RenewedContext::RenewedContext;
};

Result<ServerContext> ServerContext::create(const ServerTls& files, SystemTime now) {
  ServerContext out;
  GENESIS_ASSIGN(auto context, make_server_context(files, out.deny_list_, now));
  out.renewed_ = std::make_shared<Renewed>(std::move(context));
  out.is_mutual_ = files.client_authority.has_value();
  return out;
}

Result<ServerContext> ServerContext::open(const ServerFiles& files, ReloadReport report) {
  ServerContext out;
  out.is_mutual_ = files.client_authority.has_value();
  std::vector paths{files.certificate, files.key};
  if (files.client_authority) {
    paths.push_back(*files.client_authority);
  }
  if (files.deny_list) {
    if (!out.is_mutual_) {
      return fail(Errc::kInvalidArgument,
                  files.deny_list->string() +
                      ": a deny list needs the authority of the clients, for without it nobody "
                      "presents a certificate");
    }
    GENESIS_ASSIGN(out.deny_list_, DenyList::open(*files.deny_list, report));
  }
  auto load = [files, denied = out.deny_list_]() -> Result<SharedContext> {
    ServerTls pems;
    GENESIS_ASSIGN(pems.certificate, load_pem(files.certificate));
    GENESIS_ASSIGN(pems.key, load_pem(files.key));
    if (files.client_authority) {
      GENESIS_ASSIGN(pems.client_authority, load_pem(*files.client_authority));
    }
    return make_server_context(pems, denied, std::chrono::system_clock::now());
  };
  FileWatch watch(std::move(paths), std::chrono::steady_clock::now());
  GENESIS_ASSIGN(auto first, load());
  out.renewed_ = std::make_shared<Renewed>(
      std::move(first), std::move(watch), std::move(load), std::move(report));
  return out;
}

std::shared_ptr<ssl_ctx_st> ServerContext::current(SteadyTime now) const {
  return renewed_->current(now);
}

Result<ClientContext> ClientContext::create(const ClientTls& files, SystemTime now) {
  ClientContext out;
  out.server_name_ = files.server_name;
  GENESIS_ASSIGN(auto context, make_client_context(files, now));
  out.renewed_ = std::make_shared<Renewed>(std::move(context));
  return out;
}

Result<ClientContext> ClientContext::open(const ClientFiles& files, ReloadReport report) {
  ClientContext out;
  out.server_name_ = files.server_name;
  std::vector paths{files.authority};
  for (const auto& path : {files.certificate, files.key}) {
    if (path) {
      paths.push_back(*path);
    }
  }
  auto load = [files]() -> Result<SharedContext> {
    ClientTls pems;
    GENESIS_ASSIGN(pems.authority, load_pem(files.authority));
    if (files.certificate) {
      GENESIS_ASSIGN(pems.certificate, load_pem(*files.certificate));
    }
    if (files.key) {
      GENESIS_ASSIGN(pems.key, load_pem(*files.key));
    }
    return make_client_context(pems, std::chrono::system_clock::now());
  };
  FileWatch watch(std::move(paths), std::chrono::steady_clock::now());
  GENESIS_ASSIGN(auto first, load());
  out.renewed_ = std::make_shared<Renewed>(
      std::move(first), std::move(watch), std::move(load), std::move(report));
  return out;
}

std::shared_ptr<ssl_ctx_st> ClientContext::current(SteadyTime now) const {
  return renewed_->current(now);
}

Status expect_server(ssl_st* connection, const std::string& host) {
  X509_VERIFY_PARAM* parameters = SSL_get0_param(connection);
  if (is_ip_address(host)) {
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) != 1) {
      return library_failure("expecting the address " + host);
    }
    return {};
  }
  X509_VERIFY_PARAM_set_hostflags(
      parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (X509_VERIFY_PARAM_set1_host(parameters, host.data(), host.size()) != 1 ||
      SSL_set_tlsext_host_name(connection, host.c_str()) != 1) {
    return library_failure("expecting the host " + host);
  }
  return {};
}

std::optional<PeerCertificate> peer_certificate(const ssl_st* connection) {
  const X509* certificate = SSL_get0_peer_certificate(connection);
  if (certificate == nullptr || SSL_get_verify_result(connection) != X509_V_OK) {
    return std::nullopt;
  }
  return identity_of(certificate);
}

std::optional<std::string> peer_common_name(const ssl_st* connection) {
  const auto peer = peer_certificate(connection);
  if (!peer || peer->common_name.empty()) {
    return std::nullopt;
  }
  return peer->common_name;
}

std::string verify_failure(const ssl_st* connection, const std::string& host) {
  const long result = SSL_get_verify_result(connection);
  switch (result) {
    case X509_V_OK:
      return {};
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "it has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "it is not valid yet; check the clocks of both machines";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "it is not valid for " + host + "; connect by a name that is in the certificate";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "it is signed by an unknown CA; pass the CA that issued it";
    case X509_V_ERR_INVALID_PURPOSE:
      return "it is not a server certificate";
    default:
      return X509_verify_cert_error_string(result);
  }
}

}  // namespace genesis::tls
