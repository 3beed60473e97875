#pragma once
// Which children the operator created itself. An owner reference proves nothing, for whoever may
// create a Secret may write one. The uid of each child is recorded in the training's status once it
// is created; until that is written, a message authentication code in the child's annotations tells
// a restarted operator that an earlier one created it. The code of a child that takes the place of
// one on record is made with the uid of that one, so that no copy of a child has a code that is
// good. Its key is in a Secret of the operator's namespace.
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "common/base/error.hpp"
#include "common/crypto/entropy.hpp"
#include "common/crypto/secret.hpp"
#include "common/k8s/api.hpp"
#include "operator/observed.hpp"

namespace genesis::control {

/// The annotation with the code.
inline constexpr std::string_view kOrigin = "federated.genesis.dev/origin";
/// The Secret in the operator's namespace, and its key.
inline constexpr std::string_view kOriginSecret = "genesis-operator-origin";
inline constexpr std::string_view kOriginKey = "key";

class Origin {
 public:
  explicit Origin(crypto::Secret key) : key_(std::move(key)) {}

  /// The code of the training's child of that kind and name, if it is created now. It depends on
  /// the uid on record, which is that of the child that it succeeds.
  [[nodiscard]] std::string code(const Training& training,
                                 std::string_view kind,
                                 std::string_view name) const;

  /// Whether this child, which names the training as its controlling owner, is one that the
  /// operator created: its uid is the one on record, or its code is that of the next one. The
  /// children of a training that an operator started before there were records are taken as they
  /// are.
  [[nodiscard]] bool is_ours(const Training& training,
                             std::string_view kind,
                             std::string_view name,
                             const Child& child) const;

 private:
  crypto::Secret key_;
};

/// Judges each child that says it is ours, and records the uids of those that are.
void settle(const Origin& origin, Training& training, Children& children);

/// Reads the key from the operator's namespace, and creates it where it is missing.
[[nodiscard]] boost::asio::awaitable<Result<crypto::Secret>> origin_key(k8s::Api& api,
                                                                        crypto::Entropy& entropy,
                                                                        std::string ns);

}  // namespace genesis::control
