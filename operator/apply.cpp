#include "operator/apply.hpp"

#include <nlohmann/json.hpp>

#include "common/k8s/object.hpp"

namespace genesis::control {
namespace {

tl::unexpected<Error> lacks(const std::string& secret, const std::string& key) {
  return fail(Errc::kInvalidArgument, "Secret " + secret + ": has no key " + key + "; add it");
}

// What the API server will refuse again until somebody changes something.
bool is_refusal(const Error& error) {
  return error.code == Errc::kInvalidArgument || error.code == Errc::kPermissionDenied ||
         error.code == Errc::kNotFound;
}

}  // namespace

boost::asio::awaitable<Result<Given>> Applier::given(Training training) {
  Given given;
  const auto& security = training.spec.security;
  if (security.tls) {
    const auto& name = security.tls->secret_name;
    k8s::ObjectKey key(training.ns, name);
    watch_.pause();
    auto secret = co_await api_.get(k8s::kSecrets, key);
    watch_.resume();
    if (!secret) {
      co_return tl::unexpected(secret.error().within("spec.security.tls"));
    }
    auto certificate = secret_text(*secret, "tls.crt");
    auto private_key = secret_text(*secret, "tls.key");
    if (!certificate || !private_key) {
      co_return lacks(name, certificate ? "tls.key" : "tls.crt");
    }
    given.authority = tls::CertifiedKey{std::move(*certificate), std::move(*private_key)};
  }
  if (security.auth_token_secret_ref) {
    const auto& reference = *security.auth_token_secret_ref;
    k8s::ObjectKey key(training.ns, reference.name);
    watch_.pause();
    auto secret = co_await api_.get(k8s::kSecrets, key);
    watch_.resume();
    if (!secret) {
      co_return tl::unexpected(secret.error().within("spec.security.authTokenSecretRef"));
    }
    auto token = secret_text(*secret, reference.key);
    if (!token) {
      co_return lacks(reference.name, reference.key);
    }
    auto parsed = crypto::parse_token(std::move(*token));  // as the programs read it
    if (!parsed) {
      co_return tl::unexpected(parsed.error().within("Secret " + reference.name));
    }
    given.token = std::move(*parsed);
  }
  co_return given;
}

boost::asio::awaitable<Result<Authority>> Applier::read_authority(Training training, Given given) {
  k8s::ObjectKey key(training.ns, Names(training.name).operator_secret);
  watch_.pause();
  auto secret = co_await api_.get(k8s::kSecrets, key);
  watch_.resume();
  if (!secret) {
    co_return tl::unexpected(secret.error());
  }
  auto certificate = secret_text(*secret, "ca.crt");
  auto private_key = secret_text(*secret, "ca.key");
  auto token = secret_text(*secret, "token");
  if (!given.authority && (!certificate || !private_key)) {
    co_return lacks(key.name, certificate ? "ca.key" : "ca.crt");
  }
  if (!token) {
    co_return lacks(key.name, "token");
  }
  Authority authority;
  authority.token = crypto::Secret(std::move(*token));
  if (given.authority) {
    authority.pair = *given.authority;
  } else {
    authority.pair = tls::CertifiedKey{std::move(*certificate), std::move(*private_key)};
  }
  co_return authority;
}

boost::asio::awaitable<Status> Applier::make(Training training,
                                             ApplyObject action,
                                             std::optional<Authority>& authority) {
  Desired& desired = action.desired;
  if (!action.uid.empty()) {
    k8s::ObjectKey key(training.ns, desired.name());
    k8s::PatchOptions options;
    watch_.pause();
    auto changed =
        co_await api_.patch(desired.resource, std::move(key), std::move(desired.object), options);
    watch_.resume();
    co_return changed ? Status() : Status(tl::unexpected(changed.error()));
  }
  if (desired.recipe) {
    auto own = co_await given(training);
    if (!own) {
      co_return tl::unexpected(own.error());
    }
    if (!authority) {
      Result<Authority> made = fail(Errc::kInternal, "");
      if (desired.recipe->kind == Recipe::Kind::kOperator) {
        made = make_authority(training.ns + "/" + training.name, *own, entropy_);
      } else {
        made = co_await read_authority(training, *own);
      }
      if (!made) {
        co_return tl::unexpected(made.error());
      }
      authority = std::move(*made);
    }
    auto data = secret_data(*desired.recipe, *authority, *own);
    if (!data) {
      co_return tl::unexpected(data.error());
    }
    desired.object["data"] = std::move(*data);
  }
  k8s::WriteOptions options;
  watch_.pause();
  auto created = co_await api_.create(desired.resource, std::move(desired.object), options);
  watch_.resume();
  co_return created ? Status() : Status(tl::unexpected(created.error()));
}

boost::asio::awaitable<Result<bool>> Applier::is_foreign(Training training, Taken taken) {
  k8s::ObjectKey key(training.ns, taken.name);
  watch_.pause();
  auto object = co_await api_.get(taken.resource, std::move(key));
  watch_.resume();
  if (!object) {
    if (object.error().code == Errc::kNotFound) {
      co_return false;
    }
    co_return tl::unexpected(object.error());
  }
  const auto owner = k8s::controller_of(*object);
  co_return !owner || owner->uid != training.uid;
}

boost::asio::awaitable<Applied> Applier::apply(Training training, Plan plan) {
  Applied applied;
  std::optional<Authority> authority;  // of this pass: made or read once
  for (auto& action : plan.actions) {
    Status done;
    std::string what;
    if (auto* const apply = std::get_if<ApplyObject>(&action)) {
      what = std::string(apply->desired.resource.kind) + " " + apply->desired.name();
      Taken taken{apply->desired.resource, apply->desired.name()};
      const bool is_new = apply->uid.empty();
      done = co_await make(training, std::move(*apply), authority);
      if (!done && is_new && done.error().code == Errc::kAlreadyExists) {
        auto foreign = co_await is_foreign(training, taken);
        if (!foreign) {
          applied.hindrance = foreign.error().within(what);
          co_return applied;
        }
        if (*foreign) {
          applied.taken.push_back(std::move(taken));
          co_return applied;  // nothing more is made beside it
        }
        done = Status();  // ours: the cache has yet to see it
        authority.reset();
      }
    } else if (auto* const remove = std::get_if<DeleteObject>(&action)) {
      what = std::string(remove->resource.kind) + " " + remove->name;
      k8s::ObjectKey key(training.ns, remove->name);
      k8s::DeleteOptions options;
      options.uid = remove->uid;
      watch_.pause();
      done = co_await api_.remove(remove->resource, std::move(key), std::move(options));
      watch_.resume();
    }
    if (!done && is_refusal(done.error())) {
      applied.refusals.push_back(what + ": " + done.error().message);
    } else if (!done) {
      applied.hindrance = done.error().within(what);
      co_return applied;
    }
  }
  co_return applied;
}

boost::asio::awaitable<Result<std::string>> Applier::patch_status(Training training,
                                                                  TrainingStatus status) {
  Json metadata{{"name", training.name}, {"namespace", training.ns}, {"uid", training.uid}};
  Json body{{"apiVersion", k8s::kFederatedTrainings.api_version()},
            {"kind", k8s::kFederatedTrainings.kind}};
  body["metadata"] = std::move(metadata);
  body["status"] = to_json(status);
  k8s::ObjectKey key(training.ns, training.name);
  k8s::PatchOptions options;
  options.subresource = k8s::Subresource::kStatus;
  watch_.pause();
  auto patched = co_await api_.patch(
      k8s::kFederatedTrainings, std::move(key), std::move(body), std::move(options));
  watch_.resume();
  if (!patched) {
    co_return tl::unexpected(patched.error().within("status"));
  }
  co_return std::string(k8s::resource_version_of(*patched));
}

}  // namespace genesis::control
