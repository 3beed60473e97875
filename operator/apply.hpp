#pragma once
// The one place where the world is changed: carries the actions on objects out, in their order. New
// objects are created, so that one of that name is never taken over; ours are changed by
// server-side apply, tied to their uid.
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "common/crypto/entropy.hpp"
#include "common/k8s/api.hpp"
#include "operator/credentials.hpp"
#include "operator/plan.hpp"
#include "operator/stopwatch.hpp"

namespace genesis::control {

/// An object of a name that we wanted.
struct Taken {
  k8s::Resource resource;
  std::string name;
  bool operator==(const Taken&) const = default;
};

struct Applied {
  std::vector<std::string> refusals;  // "Job a: exceeded quota": trying again changes nothing soon
  std::vector<Taken> taken;           // by objects that are not ours
  std::optional<Error> hindrance;  // ended the pass and may pass itself (kUnavailable, kConflict)
};

/// For one pass.
class Applier {
 public:
  /// All outlive it.
  Applier(k8s::Api& api, crypto::Entropy& entropy, Stopwatch& watch)
      : api_(api), entropy_(entropy), watch_(watch) {}

  /// What was done before a hindrance stays.
  [[nodiscard]] boost::asio::awaitable<Applied> apply(Training training, Plan plan);
  /// The metadata.resourceVersion after it.
  [[nodiscard]] boost::asio::awaitable<Result<std::string>> patch_status(Training training,
                                                                         TrainingStatus status);
  /// Whether an object of that name is there and not ours.
  [[nodiscard]] boost::asio::awaitable<Result<bool>> is_foreign(Training training, Taken taken);

 private:
  [[nodiscard]] boost::asio::awaitable<Status> make(Training training,
                                                    ApplyObject action,
                                                    std::optional<Authority>& authority);
  [[nodiscard]] boost::asio::awaitable<Result<Given>> given(Training training);
  [[nodiscard]] boost::asio::awaitable<Result<Authority>> read_authority(Training training,
                                                                         Given given);

  k8s::Api& api_;
  crypto::Entropy& entropy_;
  Stopwatch& watch_;
};

}  // namespace genesis::control
