#include "operator/renewal.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/secure/paillier_files.hpp"
#include "common/spec/yaml.hpp"
#include "common/tls/certificates.hpp"
#include "operator/credentials.hpp"

namespace genesis::control {
namespace {

const auto kBackdate = tls::Validity{}.backdate;

SystemTime in_seconds(std::chrono::system_clock::time_point time) {
  return std::chrono::time_point_cast<std::chrono::seconds>(time);
}

std::string text_in(const Json& object, std::string_view name) {
  const auto found = object.is_object() ? object.find(std::string(name)) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string annotation(const Json& secret, std::string_view name) {
  const Json* object = &secret;
  for (const char* const part : {"metadata", "annotations"}) {
    if (!object->is_object() || !object->contains(part)) {
      return "";
    }
    object = &object->at(part);
  }
  return text_in(*object, name);
}

std::string pem_of(const std::vector<AuthorityState>& authorities) {
  std::string text;
  for (const auto& one : authorities) {
    text += one.pem;
  }
  return text;
}

// Two thirds of the time that it holds.
SystemTime renewed_at(SystemTime not_before, SystemTime not_after) {
  return not_before + (not_after - not_before) * 2 / 3;
}

bool is_own_secret(const Child* child) {
  return child != nullptr && child->is_ours && !child->is_deleting && child->certificate;
}

class Renewer {
 public:
  Renewer(const Training& training, const Observed& seen, const std::vector<Desired>& desired)
      : training_(training), seen_(seen), names_(training.name) {
    const auto* const own = seen.children.find(k8s::kSecrets, names_.operator_secret);
    if (is_own_secret(own) && !own->certificate->authorities.empty()) {
      own_ = &*own->certificate;
    }
    for (const auto& one : desired) {
      if (one.secret && one.secret->kind != SecretSpec::Kind::kOperator &&
          one.secret->kind != SecretSpec::Kind::kPaillier) {
        const auto* const child = seen.children.find(k8s::kSecrets, one.name());
        leaves_.push_back({one.name(), one.secret->kind, is_own_secret(child) ? child : nullptr});
      }
    }
  }

  Renewals make() {
    if (own_ == nullptr) {
      return std::move(made_);
    }
    look_at_own();
    if (!made_.due.empty()) {
      note(seen_.now);  // the others follow, once it is renewed
      return std::move(made_);
    }
    made_.authorities = bundle();
    for (const auto& leaf : leaves_) {
      if (leaf.child != nullptr) {
        look_at(leaf);
      }
    }
    return std::move(made_);
  }

 private:
  struct Leaf {
    std::string name;
    SecretSpec::Kind kind;
    const Child* child;  // null while it is not there or not read
    [[nodiscard]] const CertificateState& state() const { return *child->certificate; }
    [[nodiscard]] bool is_in_cluster() const { return kind != SecretSpec::Kind::kJoin; }
  };

  const AuthorityState& authority() const { return own_->authorities.front(); }

  bool has_external() const {
    return std::ranges::any_of(training_.spec.participants,
                               [](const auto& site) { return site.external; });
  }

  void note(SystemTime time) { made_.look_again = std::min(made_.look_again.value_or(time), time); }

  // Whether it is to be renewed by now. One that would not last longer is left, for its authority
  // ends.
  bool is_due(const CertificateState& state) {
    const SystemTime from = renewed_at(state.not_before, state.not_after);
    const SystemTime end = std::min(seen_.now + kLeafLifetime, authority().not_after);
    const auto lasts = state.not_after - state.not_before;
    if (from > seen_.now) {
      note(from);
      return false;
    }
    return end > state.not_after + lasts / 10;
  }

  void look_at_own() {
    const bool is_users = training_.spec.security.tls.has_value();
    Renewal renewal{names_.operator_secret, Renewal::What::kOperator, false};
    if (is_users) {
      const auto given = authorities_of(seen_.user_authority);
      renewal.renews_authority = !given.empty() && pem_of(given) != pem_of(own_->authorities);
    } else {
      const SystemTime from = renewed_at(authority().not_before, authority().not_after);
      renewal.renews_authority = from <= seen_.now;
      if (!renewal.renews_authority) {
        note(from);
      }
    }
    if (renewal.renews_authority || is_due(*own_)) {
      made_.due.push_back(renewal);
    }
  }

  bool trusts_newest(const Leaf& leaf) const {
    const auto& trusted = leaf.state().authorities;
    return !trusted.empty() && trusted.front().key == authority().key;
  }

  // Whether each pod of the training trusts the newest authority by now.
  bool is_spread() {
    bool is_done = true;
    for (const auto& leaf : leaves_) {
      if (!leaf.is_in_cluster()) {
        continue;
      }
      if (leaf.child == nullptr || !trusts_newest(leaf)) {
        is_done = false;
      } else if (const SystemTime from = leaf.state().trusted_since + kSpread; from > seen_.now) {
        note(from);
        is_done = false;
      }
    }
    return is_done;
  }

  // Whether each pod of the training presents what the newest authority has signed.
  bool is_taken_up() {
    bool is_done = true;
    for (const auto& leaf : leaves_) {
      if (leaf.child == nullptr || leaf.state().issuer != authority().key) {
        is_done = false;
      } else if (const SystemTime from = leaf.state().not_before + kBackdate + kSpread;
                 from > seen_.now) {
        note(from);
        is_done = false;
      }
    }
    return is_done;
  }

  // Earlier authorities are trusted until they end, or until nobody uses what they have signed.
  std::string bundle() {
    std::string text = pem_of(own_->authorities);
    if (own_->previous.empty()) {
      return text;
    }
    const bool is_in_use = !is_taken_up() || has_external();
    for (const auto& one : own_->previous) {
      if ((is_in_use || one.key == authority().key) && one.not_after > seen_.now) {
        text += one.pem;
      }
    }
    return text;
  }

  void look_at(const Leaf& leaf) {
    const auto& state = leaf.state();
    const bool is_expired = state.not_after <= seen_.now;
    const bool is_of_another = state.issuer != authority().key;
    // Sites outside the cluster have the new authority only once they have got a new bundle.
    const bool may_wait = leaf.kind == SecretSpec::Kind::kAggregator && has_external();
    const bool is_old = is_due(state) || (is_of_another && !may_wait);
    if (is_expired || (is_old && (!is_of_another || is_spread()))) {
      made_.due.push_back({leaf.name, Renewal::What::kCertificate, false});
    } else if (pem_of(state.authorities) != made_.authorities) {
      made_.due.push_back({leaf.name, Renewal::What::kAuthorities, false});
    }
  }

  const Training& training_;
  const Observed& seen_;
  Names names_;
  const CertificateState* own_ = nullptr;
  std::vector<Leaf> leaves_;
  Renewals made_;
};

}  // namespace

std::vector<AuthorityState> authorities_of(std::string_view pem) {
  std::vector<AuthorityState> authorities;
  const auto texts = tls::split_certificates(pem);
  if (!texts) {
    return authorities;
  }
  for (const auto& text : *texts) {
    if (const auto info = tls::inspect(text)) {
      authorities.push_back(
          {text, info->key_sha256, in_seconds(info->not_before), in_seconds(info->not_after)});
    }
  }
  return authorities;
}

std::optional<CertificateState> certificate_from(const Json& secret) {
  auto certificate = secret_text(secret, "tls.crt");
  auto trusted = secret_text(secret, "ca.crt");
  if (const auto text = secret_text(secret, "bundle.yaml")) {
    const auto bundle = spec::read_yaml(*text, "bundle.yaml");
    if (bundle && bundle->is_object()) {
      certificate = text_in(*bundle, "certificate");
      trusted = text_in(*bundle, "authority");
    }
  } else if (secret_text(secret, secure::kPaillierKeyFile)) {
    return std::nullopt;
  }
  CertificateState state;  // of one that does not parse: it has ended long ago
  if (const auto info = tls::inspect(certificate.value_or(""))) {
    state.not_before = in_seconds(info->not_before);
    state.not_after = in_seconds(info->not_after);
  }
  state.issuer = annotation(secret, kIssuer);
  state.trusted_since = parse_rfc3339(annotation(secret, kTrustedSince)).value_or(SystemTime());
  state.authorities = authorities_of(trusted.value_or(""));
  state.previous = authorities_of(secret_text(secret, kPreviousAuthorities).value_or(""));
  return state;
}

Renewals renewals(const Training& training,
                  const Observed& seen,
                  const std::vector<Desired>& desired) {
  return Renewer(training, seen, desired).make();
}

std::optional<SystemTime> first_expiry(const Training& training, const Children& children) {
  std::optional<SystemTime> first;
  const auto note = [&](SystemTime time) { first = std::min(first.value_or(time), time); };
  const std::string own = Names(training.name).operator_secret;
  for (const auto& [name, child] : children.of(k8s::kSecrets)) {
    if (!is_own_secret(&child) || child.certificate->not_after == SystemTime()) {
      continue;
    }
    note(child.certificate->not_after);
    if (name == own && !child.certificate->authorities.empty()) {
      note(child.certificate->authorities.front().not_after);
    }
  }
  return first;
}

std::string expiry_problem(const Training& training, const Observed& seen) {
  const auto& tls = training.spec.security.tls;
  const auto* const own = seen.children.find(k8s::kSecrets, Names(training.name).operator_secret);
  if (!tls || !is_own_secret(own) || own->certificate->authorities.empty()) {
    return "";
  }
  const auto& authority = own->certificate->authorities.front();
  if (seen.now < authority.not_after - (authority.not_after - authority.not_before) / 6) {
    return "";
  }
  return "spec.security.tls.secretName: the authority in Secret " + tls->secret_name + " ends on " +
         to_rfc3339(authority.not_after) +
         ", and all certificates of the training with it; renew it in that Secret, from which it "
         "is taken up within five minutes";
}

}  // namespace genesis::control
