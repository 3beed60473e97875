#include "operator/executor.hpp"

#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "common/base/base64.hpp"
#include "common/base/overloaded.hpp"
#include "common/crypto/digest.hpp"
#include "common/k8s/object.hpp"
#include "common/secure/paillier_files.hpp"
#include "common/tls/deny_list.hpp"
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

// Whether the certificate is denied by its fingerprint: then its key may be in the wrong hands.
bool is_denied(const spec::FederatedTraining& spec, const std::string& pem) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  const auto begin = pem.find(kBegin);
  const auto end = pem.find("-----END", begin);
  if (begin == std::string::npos || end == std::string::npos) {
    return false;
  }
  const auto body = begin + kBegin.size();
  const auto der = base64_decode(std::string_view(pem).substr(body, end - body));
  std::string lines;
  for (const auto& entry : spec.security.deny) {
    lines += entry + "\n";
  }
  const auto denied = tls::parse_deny_list(lines, "spec.security.deny");
  return der && denied && denied->contains("sha256:" + crypto::sha256_hex(*der));
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
                        [&](const RenewSecret&) { return is_change_due(); },
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
          [&](RenewSecret& a) { return renew_secret(training, std::move(a), outcome); },
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

asio::awaitable<Status> Executor::renew_secret(Training& training,
                                               RenewSecret action,
                                               Outcome& outcome) {
  const std::string name = action.desired.name();
  Status done;
  if (action.renewal.what == Renewal::What::kOperator) {
    done = co_await renew_own(training, std::move(action), outcome);
  } else {
    done = co_await renew_leaf(training, std::move(action));
  }
  if (!done) {
    const bool is_gone = done.error().code == Errc::kNotFound;
    authority_.reset();
    record_failure("Secret " + name, done.error(), outcome);
    if (is_gone) {  // what is not known yet: the next pass looks at all of them
      outcome.deleted_secrets.push_back(name);
      outcome.deleted_secrets.push_back(Names(training.name).operator_secret);
    }
  }
  co_return Status();
}

asio::awaitable<Status> Executor::renew_own(Training& training,
                                            RenewSecret action,
                                            Outcome& outcome) {
  const std::string name = action.desired.name();
  auto user = co_await read_user_credentials(training);
  if (!user) {
    co_return tl::unexpected(user.error());
  }
  auto authority = co_await read_authority(training, *user);
  if (!authority) {
    co_return tl::unexpected(authority.error());
  }
  if (action.renewal.renews_authority && !user->authority) {
    authority = renewed(training.ns + "/" + training.name, *authority, now_);
    if (!authority) {
      co_return tl::unexpected(authority.error());
    }
  }
  const auto stored = co_await read_own_secret(training, name);
  if (!stored) {
    co_return tl::unexpected(stored.error());
  }
  auto pair = stored_pair(*stored);
  const Issue issue{.now = now_, .key_pem = pair ? std::move(pair->key_pem) : ""};
  auto data = secret_data(*action.desired.secret, *authority, *user, issue);
  if (!data) {
    co_return tl::unexpected(data.error());
  }
  k8s::ObjectKey key(training.ns, name);
  k8s::DeleteOptions options;
  options.uid = action.uid;
  const Status gone = co_await api_.remove(k8s::kSecrets, std::move(key), std::move(options));
  if (!gone) {
    co_return gone;
  }
  authority_ = std::move(*authority);
  action.desired.object["data"] = std::move(*data);
  Status stored_again = co_await store(training, std::move(action.desired));
  if (!stored_again) {
    outcome.deleted_secrets.push_back(name);
  }
  co_return stored_again;
}

asio::awaitable<Status> Executor::renew_leaf(Training& training, RenewSecret action) {
  const std::string name = action.desired.name();
  const auto stored = co_await read_own_secret(training, name);
  if (!stored) {
    co_return tl::unexpected(stored.error());
  }
  const auto before = certificate_from(*stored);
  Issue issue{.now = now_};
  issue.trusted = std::move(action.authorities);
  auto pair = stored_pair(*stored);
  if (pair && action.renewal.what == Renewal::What::kAuthorities) {
    issue.keep = std::move(pair);
  } else if (pair && !is_denied(training.spec, pair->certificate_pem)) {
    issue.key_pem = std::move(pair->key_pem);
  }
  const bool is_kept = issue.keep.has_value();
  auto filled = co_await data_of(training, *action.desired.secret, std::move(issue));
  if (!filled) {
    co_return tl::unexpected(filled.error());
  }
  const auto newest = authorities_of(authority_->pair.certificate_pem);
  const bool is_trusted = before && !before->authorities.empty() && !newest.empty() &&
                          before->authorities.front().key == newest.front().key;
  Json annotations =
      certificate_annotations(*authority_, is_trusted ? before->trusted_since : now_);
  if (is_kept) {
    annotations[std::string(kIssuer)] = before ? before->issuer : "";
  }
  Json body{{"apiVersion", k8s::kSecrets.api_version()}, {"kind", k8s::kSecrets.kind}};
  body["metadata"] = {{"name", name}, {"namespace", training.ns}, {"uid", action.uid}};
  body["metadata"]["annotations"] = std::move(annotations);
  body["data"] = std::move(*filled);
  k8s::ObjectKey key(training.ns, name);
  k8s::PatchOptions options;
  const auto changed =
      co_await api_.patch(k8s::kSecrets, std::move(key), std::move(body), std::move(options));
  if (!changed) {
    co_return tl::unexpected(changed.error());
  }
  secrets_[name] = child_from(k8s::kSecrets, *changed, training.uid);
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
    if (resource == k8s::kSecrets) {
      secrets_[name] = child;
    }
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
    Issue issue{.now = now_};
    auto data = co_await data_of(training, *desired.secret, std::move(issue));
    if (!data) {
      co_return tl::unexpected(data.error());
    }
    desired.object["data"] = std::move(*data);
  }
  co_return co_await store(training, std::move(desired));
}

asio::awaitable<Status> Executor::store(Training& training, Desired desired) {
  const std::string name = desired.name();
  const bool is_secret = desired.resource == k8s::kSecrets;
  if (is_secret && authority_ && desired.secret->kind != SecretSpec::Kind::kPaillier) {
    desired.object["metadata"]["annotations"] = certificate_annotations(*authority_, now_);
  }
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
  if (is_secret) {
    secrets_[name] = child_from(k8s::kSecrets, *created, training.uid);
  }
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

asio::awaitable<Result<Json>> Executor::data_of(const Training& training,
                                                SecretSpec secret,
                                                Issue issue) {
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
      authority = co_await new_authority(training, *user);
    } else {
      authority = co_await read_authority(training, *user);
    }
    if (!authority) {
      co_return tl::unexpected(authority.error());
    }
    authority_ = std::move(*authority);
  }
  co_return secret_data(secret, *authority_, *user, issue, key);
}

asio::awaitable<Result<Authority>> Executor::new_authority(const Training& training,
                                                           UserCredentials user) {
  auto authority = make_authority(training.ns + "/" + training.name, user, entropy_, now_);
  if (!authority) {
    co_return authority;
  }
  const Names names(training.name);
  std::vector<std::string> others{names.aggregator};
  for (const auto& participant : training.spec.participants) {
    others.push_back(names.worker(participant.name));
  }
  for (const auto& name : others) {
    if (!training.recorded.contains(record_key(k8s::kSecrets.kind, name))) {
      continue;
    }
    const auto secret = co_await read_own_secret(training, name);
    if (!secret && secret.error().code != Errc::kNotFound) {
      co_return tl::unexpected(secret.error());
    }
    auto token = secret ? secret_text(*secret, "token") : std::nullopt;
    const auto trusted = secret ? secret_text(*secret, "ca.crt") : std::nullopt;
    if (token && trusted) {
      authority->previous = still_trusted({*trusted}, authority->pair.certificate_pem, now_);
      if (!user.token) {
        authority->token = crypto::Secret(std::move(*token));
      }
      break;
    }
  }
  co_return authority;
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
  authority.previous = secret_text(*secret, kPreviousAuthorities).value_or("");
  if (user.authority) {
    authority.pair = *user.authority;
    authority.previous = still_trusted(
        {certificate.value_or(""), authority.previous}, authority.pair.certificate_pem, now_);
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
