#include "operator/reports.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/http/client.hpp"
#include "common/tls/certificates.hpp"
#include "operator/credentials.hpp"
#include "operator/shapes.hpp"

namespace genesis::control {
namespace {

constexpr Milliseconds kDeadline{2'000};
constexpr JsonLimits kReport{
    .max_bytes = wire::kMaxSummaryBytes, .max_depth = 8, .max_values = std::size_t{64} << 10};

}  // namespace

boost::asio::awaitable<Result<Reports::Identity>> Reports::read_identity(Training training) {
  k8s::ObjectKey key(training.ns, Names(training.name).operator_secret);
  auto secret = co_await api_.get(k8s::kSecrets, key, kDeadline);
  if (!secret) {
    co_return tl::unexpected(secret.error());
  }
  const Child child = child_from(k8s::kSecrets, *secret, training.uid);
  if (!child.is_ours || !origin_.is_ours(training, k8s::kSecrets.kind, key.name, child)) {
    co_return not_created_here(key.name);
  }
  auto authority = secret_text(*secret, "ca.crt");
  auto certificate = secret_text(*secret, "tls.crt");
  auto private_key = secret_text(*secret, "tls.key");
  auto token = secret_text(*secret, "token");
  if (!authority || !certificate || !private_key || !token) {
    co_return fail(Errc::kInvalidArgument,
                   "Secret " + key.name +
                       ": has no key ca.crt, tls.crt, tls.key or token; delete the Secret to "
                       "have it created anew");
  }
  Identity identity;
  identity.secret = child.uid;
  identity.authority = *authority + "\n" + secret_text(*secret, kPreviousAuthorities).value_or("");
  identity.certificate = std::move(*certificate);
  identity.key = crypto::Secret(std::move(*private_key));
  identity.token = crypto::Secret(std::move(*token));
  co_return identity;
}

boost::asio::awaitable<Result<wire::StatusReport>> Reports::ask(Training training,
                                                                std::string address) {
  const auto uid = training.uid;
  const auto recorded =
      training.recorded.find(record_key(k8s::kSecrets.kind, Names(training.name).operator_secret));
  const bool is_recorded = recorded != training.recorded.end();
  auto known = identities_.find(uid);
  if (known == identities_.end() ||
      (is_recorded && known->second.newest.secret != recorded->second)) {
    auto read = co_await read_identity(training);
    known = identities_.find(uid);  // what is awaited may have changed the map
    if (read && known == identities_.end()) {
      known = identities_.emplace(uid, Identities{std::move(*read), std::nullopt}).first;
    } else if (read && read->secret != known->second.newest.secret) {
      known->second.before = std::move(known->second.newest);
      known->second.newest = std::move(*read);
    } else if (!read && known == identities_.end()) {
      co_return tl::unexpected(read.error());
    }
  }
  const auto before = known->second.before;
  auto report = co_await ask_as(known->second.newest, training, address);
  known = identities_.find(uid);
  if (report && before && known != identities_.end()) {
    known->second.before.reset();
  }
  if (!report && before) {
    auto again = co_await ask_as(*before, training, address);
    if (again) {
      co_return again;
    }
  }
  co_return report;
}

boost::asio::awaitable<Result<wire::StatusReport>> Reports::ask_as(Identity identity,
                                                                   Training training,
                                                                   std::string address) {
  tls::ClientTls files;
  files.authority = {"ca.crt", identity.authority};
  files.certificate = tls::NamedPem{"tls.crt", identity.certificate};
  files.key = tls::NamedPem{"tls.key", std::string(identity.key.reveal())};
  files.server_name = service_names(training).front();
  auto context = tls::ClientContext::create(files);
  if (!context) {
    co_return tl::unexpected(context.error().within("Secret of " + training.name));
  }
  const bool is_v6 = address.find(':') != std::string::npos;
  const std::string url =
      "https://" + (is_v6 ? "[" + address + "]" : address) + ":" + std::to_string(port_);
  auto client = http::AsyncClient::create(executor_, url, std::move(*context));
  if (!client) {
    co_return tl::unexpected(client.error());
  }
  http::ClientRequest request;
  request.path = "/v1/status?summary=true";
  request.deadline = kDeadline;
  request.max_body = kReport.max_bytes;
  request.headers.push_back({"Authorization", "Bearer " + std::string(identity.token.reveal())});
  auto response = co_await client->request(std::move(request));
  if (!response) {
    co_return tl::unexpected(response.error().within("aggregator"));
  }
  if (!response->is_success()) {
    co_return tl::unexpected(http::error_of(*response).within("aggregator"));
  }
  co_return wire::decode_status_report(response->body, kReport);
}

}  // namespace genesis::control
