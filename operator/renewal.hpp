#pragma once
// When the certificates of a training are renewed, and which authorities its programs trust. Pure:
// the time comes in with what was observed. Leaves hold 30 days and are renewed at two thirds with
// the same key. An authority of the operator's own is renewed likewise, with the same key, so that
// both certificates of it verify what it has signed. Where the key is another one (the operator's
// Secret was deleted, or the user's authority has changed), all Secrets get a bundle of both first,
// and leaves of the new authority only once every pod has taken that up.
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/children.hpp"
#include "operator/observed.hpp"

namespace genesis::control {

inline constexpr std::chrono::hours kLeafLifetime{24 * 30};
inline constexpr std::chrono::hours kAuthorityLifetime{24 * 365};
/// Until a pod has the files of a Secret that was changed: the kubelet needs a minute or two.
inline constexpr std::chrono::minutes kSpread{10};

/// What is read of a Secret, if broken an end long ago; of the key of encrypted sums, nothing.
[[nodiscard]] std::optional<CertificateState> certificate_from(const Json& secret);
/// The authorities of a PEM text; none where it does not parse.
[[nodiscard]] std::vector<AuthorityState> authorities_of(std::string_view pem);

struct Renewal {
  enum class What {
    kAuthorities,  // the certificate stays
    kCertificate,  // with the same key, and the authorities
    kOperator,     // the operator's own Secret, which is replaced
  };
  std::string secret;
  What what = What::kAuthorities;
  /// kOperator: whether the authority is renewed too.
  bool renews_authority = false;
};

struct Renewals {
  std::vector<Renewal> due;
  /// The bundle that programs trust, the newest authority first; "" while it is not known.
  std::string authorities;
  std::optional<SystemTime> look_again;  // when the passing of time makes something due
};

/// What is due of those children of `desired` that exist. Nothing while a Secret has not been read.
[[nodiscard]] Renewals renewals(const Training& training,
                                const Observed& seen,
                                const std::vector<Desired>& desired);

/// When the first certificate of the training ends; nullopt where none has been read.
[[nodiscard]] std::optional<SystemTime> first_expiry(const Training& training,
                                                     const Children& children);

/// What is wrong with the user's authority: it ends soon, and nobody has renewed it. "" if nothing.
[[nodiscard]] std::string expiry_problem(const Training& training, const Observed& seen);

}  // namespace genesis::control
