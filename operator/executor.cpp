#include "operator/executor.hpp"

#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "common/base/overloaded.hpp"
#include "common/k8s/object.hpp"
#include "common/secure/paillier_files.hpp"
#include "operator/allowed.hpp"
#include "operator/reasons.hpp"
#include "operator/shapes.hpp"

namespace genesis::control {
namespace {

namespace asio = boost::asio;

tl::unexpected<Error> lacks(const std::string& secret, const std::string& key) {
  return fail(Errc::kInvalidArgument, "Secret " + secret + ": has no key " + key + "; add it");
}

// What the API server will refuse again until somebody changes something.
bool is_refusal(const Error& error) {
  return error.code == Errc::kInvalidArgument || error.code == Errc::kPermissionDenied ||
         error.code == Errc::kNotFound;
}

// The Secret may have changed since the training was allowed to start.
Status check_allowed(const Json& secret, const Training& training, const std::string& name) {
  for (const auto& reference : secret_references(training.spec)) {
    if (reference.name == name) {
      if (auto why = why_not_allowed(secret, reference, training.name); !why.empty()) {
        return fail(Errc::kPermissionDenied, std::move(why));
      }
    }
  }
  return {};
}

void record_failure(const std::string& what, const Error& error, Outcome& outcome) {
  if (is_refusal(error)) {
    outcome.refusals.push_back(what + ": " + error.message);
  } else {
    outcome.transient_error = error.within(what);
  }
}

}  // namespace

asio::awaitable<Result<Outcome>> Executor::execute(Training training, std::vector<Action> actions) {
  Outcome outcome;
  for (auto& action : actions) {
    if (!is_due(action, outcome)) {
      continue;
    }
    attempted_.insert(describe(action));
    auto step = carry_out(training, std::move(action), outcome);
    const Status done = co_await std::move(step);
    if (!done) {
      co_return tl::unexpected(done.error());
    }
    has_given_up_ = has_given_up_ || outcome.transient_error;
  }
  co_return outcome;
}

bool Executor::is_due(const Action& action, const Outcome& outcome) const {
  const auto is_change_due = [&] {
    return !has_given_up_ && outcome.conflicts.empty() && !attempted_.contains(describe(action));
  };
  return std::visit(Overloaded{
                        [&](const ApplyObject&) { return is_change_due(); },
                        [&](const MakeKey&) { return is_change_due(); },
                        [&](const DeleteObject&) { return is_change_due(); },
                        [&](const PatchStatus&) { return outcome.is_as_planned(); },
                        [&](const EmitEvent&) { return outcome.is_as_planned(); },
                    },
                    action);
}

asio::awaitable<Status> Executor::carry_out(Training& training, Action action, Outcome& outcome) {
  return std::visit(
      Overloaded{
          [&](ApplyObject& a) { return apply_object(training, std::move(a), outcome); },
          [&](MakeKey& a) { return make_key(training, a); },
          [&](DeleteObject& a) { return delete_object(training, std::move(a), outcome); },
          [&](PatchStatus& a) { return patch_status(training, std::move(a), outcome); },
          [&](EmitEvent& a) { return emit_event(training, std::move(a)); },
      },
      action);
}

asio::awaitable<Status> Executor::apply_object(Training& training,
                                               ApplyObject action,
                                               Outcome& outcome) {
  const k8s::Resource resource = action.desired.resource;
  const std::string name = action.desired.name();
  const std::string what = std::string(resource.kind) + " " + name;
  const bool is_new = action.uid.empty();
  EmitEvent healed{true, std::string(reason::kChildRestored), std::move(action.healed)};
  Status done;
  if (is_new) {
    done = co_await create(training, std::move(action.desired));
  } else {
    done = co_await change(training, std::move(action.desired));
  }
  if (!done && is_new && done.error().code == Errc::kAlreadyExists) {
    const auto foreign = co_await find_foreign(training, resource, name);
    if (!foreign) {
      outcome.transient_error = foreign.error().within(what);
    } else if (*foreign) {
      outcome.conflicts.push_back(**foreign);
    }  // else it is ours, and the cache does not show it yet
  } else if (!done) {
    record_failure(what, done.error(), outcome);
  } else if (!healed.message.empty()) {
    co_return co_await emit_event(training, std::move(healed));
  }
  co_return Status();
}

asio::awaitable<Status> Executor::make_key(const Training& training, MakeKey action) {
  const k8s::ObjectKey key(training.ns, training.name);
  spdlog::info("key training={} bits={} is being made", key.str(), action.bits);
  keys_.make(key, training.uid, action.bits);
  co_return Status();
}

asio::awaitable<Status> Executor::delete_object(const Training& training,
                                                DeleteObject action,
                                                Outcome& outcome) {
  const std::string what = std::string(action.resource.kind) + " " + action.name;
  k8s::ObjectKey key(training.ns, action.name);
  k8s::DeleteOptions options;
  options.uid = action.uid;
  const Status done = co_await api_.remove(action.resource, std::move(key), std::move(options));
  if (!done) {
    record_failure(what, done.error(), outcome);
  } else if (action.resource == k8s::kSecrets) {
    outcome.deleted_secrets.push_back(action.name);
  }
  co_return Status();
}

asio::awaitable<Status> Executor::patch_status(const Training& training,
                                               PatchStatus action,
                                               Outcome& outcome) {
  Json metadata{{"name", training.name}, {"namespace", training.ns}, {"uid", training.uid}};
  Json body{{"apiVersion", k8s::kFederatedTrainings.api_version()},
            {"kind", k8s::kFederatedTrainings.kind}};
  body["metadata"] = std::move(metadata);
  if (action.status.children) {
    for (const auto& [name, uid] : created_) {
      (*action.status.children)[name] = uid;
    }
  }
  body["status"] = to_json(action.status);
  k8s::ObjectKey key(training.ns, training.name);
  const std::string cached = world_.version_of(key);
  k8s::PatchOptions options;
  options.subresource = k8s::Subresource::kStatus;
  const auto patched = co_await api_.patch(
      k8s::kFederatedTrainings, std::move(key), std::move(body), std::move(options));
  if (!patched) {
    if (patched.error().code == Errc::kNotFound) {
      co_return Status();  // the training has been deleted meanwhile
    }
    co_return tl::unexpected(patched.error().within("status"));
  }
  if (k8s::resource_version_of(*patched) != cached) {
    outcome.written.emplace();
    outcome.written->status = std::move(action.status);
    outcome.written->over = cached;
  }
  co_return Status();
}

asio::awaitable<Status> Executor::emit_event(const Training& training, EmitEvent action) {
  k8s::ObjectKey key(training.ns, training.name);
  spdlog::info(
      "event training={} reason={} message=\"{}\"", key.str(), action.reason, action.message);
  k8s::Event event;
  event.about.resource = k8s::kFederatedTrainings;
  event.about.uid = training.uid;
  event.about.resource_version = world_.version_of(key);
  event.about.key = std::move(key);
  event.type = action.is_warning ? k8s::EventType::kWarning : k8s::EventType::kNormal;
  event.reason = std::move(action.reason);
  event.message = std::move(action.message);
  events_.record(std::move(event));
  co_return Status();
}

asio::awaitable<Result<std::optional<NameConflict>>> Executor::find_foreign(Training training,
                                                                            k8s::Resource resource,
                                                                            std::string name) {
  k8s::ObjectKey key(training.ns, name);
  const auto object = co_await api_.get(resource, std::move(key));
  if (!object) {
    if (object.error().code == Errc::kNotFound) {
      co_return std::nullopt;
    }
    co_return tl::unexpected(object.error());
  }
  for (const auto& [child, uid] : created_) {
    training.recorded[child] = uid;
  }
  const Child child = child_from(resource, *object, training.uid);
  if (child.is_ours && origin_.is_ours(training, resource.kind, name, child)) {
    created_[record_key(resource.kind, name)] = child.uid;
    co_return std::nullopt;
  }
  NameConflict conflict;
  conflict.resource = resource;
  conflict.name = std::move(name);
  conflict.is_impostor = child.is_ours;
  co_return conflict;
}

asio::awaitable<Status> Executor::create(Training& training, Desired desired) {
  if (desired.secret) {
    auto data = co_await data_of(training, *desired.secret);
    if (!data) {
      co_return tl::unexpected(data.error());
    }
    desired.object["data"] = std::move(*data);
  }
  const std::string name = desired.name();
  desired.object["metadata"]["annotations"][std::string(kOrigin)] =
      origin_.code(training, desired.resource.kind, name);
  k8s::WriteOptions options;
  const auto created =
      co_await api_.create(desired.resource, std::move(desired.object), std::move(options));
  if (!created) {
    authority_.reset();  // it may be one that was generated and is stored nowhere
    co_return tl::unexpected(created.error());
  }
  const std::string key = record_key(desired.resource.kind, name);
  created_[key] = k8s::uid_of(*created);
  training.recorded[key] = created_[key];
  co_return Status();
}

asio::awaitable<Status> Executor::change(Training& training, Desired desired) {
  k8s::ObjectKey key(training.ns, desired.name());
  k8s::PatchOptions options;
  // A claim that is taken over is from now on as if the operator had created it for this training.
  Json& metadata = desired.object["metadata"];
  const bool is_taken = metadata.contains("annotations") &&
                        metadata["annotations"].contains(std::string(kRetainedFor));
  const std::string name = record_key(desired.resource.kind, key.name);
  if (is_taken) {
    metadata["annotations"][std::string(kOrigin)] =
        origin_.code(training, desired.resource.kind, key.name);
  }
  const auto changed = co_await api_.patch(
      desired.resource, std::move(key), std::move(desired.object), std::move(options));
  if (!changed) {
    co_return tl::unexpected(changed.error());
  }
  if (is_taken) {
    created_[name] = k8s::uid_of(*changed);
    training.recorded[name] = created_[name];
  }
  co_return Status();
}

asio::awaitable<Result<Json>> Executor::data_of(const Training& training, SecretSpec secret) {
  if (secret.kind == SecretSpec::Kind::kPaillier) {
    const auto* const key = keys_.made(training.uid);
    if (key == nullptr) {
      co_return fail(Errc::kUnavailable, "the key is not made yet");
    }
    co_return key->map(key_data);
  }
  crypto::Secret key;
  if (secret.kind == SecretSpec::Kind::kJoin && needs_key(training.spec)) {
    auto stored = co_await read_key(training);
    if (!stored) {
      co_return tl::unexpected(stored.error());
    }
    key = std::move(*stored);
  }
  auto user = co_await read_user_credentials(training);
  if (!user) {
    co_return tl::unexpected(user.error());
  }
  if (!authority_) {
    Result<Authority> authority = fail(Errc::kInternal, "");
    if (secret.kind == SecretSpec::Kind::kOperator) {
      authority = make_authority(training.ns + "/" + training.name, *user, entropy_);
    } else {
      authority = co_await read_authority(training, *user);
    }
    if (!authority) {
      co_return tl::unexpected(authority.error());
    }
    authority_ = std::move(*authority);
  }
  co_return secret_data(secret, *authority_, *user, key);
}

asio::awaitable<Result<UserCredentials>> Executor::read_user_credentials(const Training& training) {
  UserCredentials user;
  const auto& security = training.spec.security;
  if (security.tls) {
    const auto& name = security.tls->secret_name;
    k8s::ObjectKey key(training.ns, name);
    const auto secret = co_await api_.get(k8s::kSecrets, std::move(key));
    if (!secret) {
      co_return tl::unexpected(secret.error().within("spec.security.tls"));
    }
    if (const Status allowed = check_allowed(*secret, training, name); !allowed) {
      co_return tl::unexpected(allowed.error());
    }
    auto certificate = secret_text(*secret, "tls.crt");
    auto private_key = secret_text(*secret, "tls.key");
    if (!certificate || !private_key) {
      co_return lacks(name, certificate ? "tls.key" : "tls.crt");
    }
    user.authority = tls::CertifiedKey{std::move(*certificate), std::move(*private_key)};
  }
  if (security.auth_token_secret_ref) {
    const auto& reference = *security.auth_token_secret_ref;
    k8s::ObjectKey key(training.ns, reference.name);
    const auto secret = co_await api_.get(k8s::kSecrets, std::move(key));
    if (!secret) {
      co_return tl::unexpected(secret.error().within("spec.security.authTokenSecretRef"));
    }
    if (const Status allowed = check_allowed(*secret, training, reference.name); !allowed) {
      co_return tl::unexpected(allowed.error());
    }
    auto token = secret_text(*secret, reference.key);
    if (!token) {
      co_return lacks(reference.name, reference.key);
    }
    auto parsed = crypto::parse_token(std::move(*token));  // by the rules of the programs
    if (!parsed) {
      co_return tl::unexpected(parsed.error().within("Secret " + reference.name));
    }
    user.token = std::move(*parsed);
  }
  co_return user;
}

asio::awaitable<Result<Authority>> Executor::read_authority(const Training& training,
                                                            UserCredentials user) {
  const std::string name = Names(training.name).operator_secret;
  const auto secret = co_await read_own_secret(training, name);
  if (!secret) {
    co_return tl::unexpected(secret.error());
  }
  auto certificate = secret_text(*secret, "ca.crt");
  auto private_key = secret_text(*secret, "ca.key");
  auto token = secret_text(*secret, "token");
  if (!user.authority && (!certificate || !private_key)) {
    co_return lacks(name, certificate ? "ca.key" : "ca.crt");
  }
  if (!token) {
    co_return lacks(name, "token");
  }
  Authority authority;
  authority.token = crypto::Secret(std::move(*token));
  if (user.authority) {
    authority.pair = *user.authority;
  } else {
    authority.pair = tls::CertifiedKey{std::move(*certificate), std::move(*private_key)};
  }
  co_return authority;
}

asio::awaitable<Result<crypto::Secret>> Executor::read_key(const Training& training) {
  const std::string name = Names(training.name).paillier;
  const auto secret = co_await read_own_secret(training, name);
  if (!secret) {
    co_return tl::unexpected(secret.error());
  }
  auto text = secret_text(*secret, secure::kPaillierKeyFile);
  if (!text) {
    co_return lacks(name, secure::kPaillierKeyFile);
  }
  co_return crypto::Secret(std::move(*text));
}

asio::awaitable<Result<Json>> Executor::read_own_secret(const Training& training,
                                                        std::string name) {
  k8s::ObjectKey key(training.ns, name);
  auto secret = co_await api_.get(k8s::kSecrets, std::move(key));
  if (!secret) {
    co_return tl::unexpected(secret.error());
  }
  const Child child = child_from(k8s::kSecrets, *secret, training.uid);
  if (!child.is_ours || !origin_.is_ours(training, k8s::kSecrets.kind, name, child)) {
    co_return not_created_here(name);
  }
  co_return std::move(*secret);
}

}  // namespace genesis::control
