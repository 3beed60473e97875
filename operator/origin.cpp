#include "operator/origin.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/base64.hpp"
#include "common/crypto/digest.hpp"
#include "operator/credentials.hpp"
#include "operator/naming.hpp"

namespace genesis::control {

namespace asio = boost::asio;

std::string Origin::code(const Training& training,
                         std::string_view kind,
                         std::string_view name) const {
  // No name of Kubernetes has a line feed, so that no two children have the same text.
  std::string text = training.ns + "\n" + training.uid + "\n";
  text += std::string(kind) + "\n" + std::string(name);
  if (const auto before = training.recorded.find(record_key(kind, name));
      before != training.recorded.end()) {
    text += "\n" + before->second;
  }
  return crypto::hmac_sha256_hex(key_, text);
}

bool Origin::is_ours(const Training& training,
                     std::string_view kind,
                     std::string_view name,
                     const Child& child) const {
  const auto recorded = training.recorded.find(record_key(kind, name));
  const bool is_recorded = recorded != training.recorded.end();
  if (is_recorded && recorded->second == child.uid) {
    return true;
  }
  const bool has_no_records =
      !is_recorded && training.status.start_time && !training.status.children;
  return has_no_records || crypto::Secret(code(training, kind, name)).equals(child.origin);
}

void settle(const Origin& origin, Training& training, Children& children) {
  const std::string spec = Names(training.name).training;
  for (const auto& kind : kChildKinds) {
    for (auto& [name, child] : children.of(kind)) {
      if (!child.is_ours) {
        continue;
      }
      child.is_ours = origin.is_ours(training, kind.kind, name, child);
      child.is_impostor = !child.is_ours;
      const bool is_recorded = training.recorded.contains(record_key(kind.kind, name));
      const bool is_replaced = kind == k8s::kJobs || (kind == k8s::kConfigMaps && name == spec);
      child.is_outdated = is_replaced && training.status.has_replaced_jobs() && !is_recorded;
      if (child.is_ours && !child.is_outdated) {
        training.recorded[record_key(kind.kind, name)] = child.uid;
      }
    }
  }
}

asio::awaitable<Result<crypto::Secret>> origin_key(k8s::Api& api,
                                                   crypto::Entropy& entropy,
                                                   std::string ns) {
  const std::string name(kOriginSecret);
  const std::string where = "Secret " + k8s::ObjectKey(ns, name).str();
  Json metadata{
      {"name", name}, {"namespace", ns}, {"labels", {{std::string(kManagedBy), kManager}}}};
  for (int attempt = 0; attempt < 2; ++attempt) {
    k8s::ObjectKey key(ns, name);
    const auto secret = co_await api.get(k8s::kSecrets, std::move(key));
    if (secret) {
      auto text = secret_text(*secret, std::string(kOriginKey));
      constexpr std::size_t kShortest = 32;
      constexpr std::size_t kLongest = 64;
      if (!text || text->size() < kShortest || text->size() > kLongest) {
        co_return fail(Errc::kInvalidArgument,
                       where + ": has no key of 32 to 64 bytes; delete it to have it created anew");
      }
      co_return crypto::Secret(std::move(*text));
    }
    if (secret.error().code != Errc::kNotFound) {
      co_return tl::unexpected(secret.error().within(where));
    }
    Json object{{"apiVersion", k8s::kSecrets.api_version()}, {"kind", k8s::kSecrets.kind}};
    object["metadata"] = metadata;
    object["immutable"] = true;
    object["data"][std::string(kOriginKey)] = base64_encode(crypto::random_token(entropy).reveal());
    k8s::WriteOptions options;
    const auto created = co_await api.create(k8s::kSecrets, std::move(object), std::move(options));
    if (!created && created.error().code != Errc::kAlreadyExists) {
      co_return tl::unexpected(created.error().within(where));
    }  // else what is stored is read: another replica may have been first
  }
  co_return fail(Errc::kUnavailable, where + " is created and deleted");
}

}  // namespace genesis::control
