#pragma once
// The one place where the cluster is changed: carries out the actions of plans. New objects are
// created, so that an object of the same name that belongs to somebody else is never taken over.
// Ours are changed by server-side apply and deleted, both tied to their uid.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "common/crypto/entropy.hpp"
#include "common/k8s/api.hpp"
#include "common/k8s/event_recorder.hpp"
#include "operator/credentials.hpp"
#include "operator/observe.hpp"
#include "operator/origin.hpp"
#include "operator/paillier_keys.hpp"
#include "operator/plan.hpp"

namespace genesis::control {

/// An object that exists already under a name of ours and does not belong to the training.
struct NameConflict {
  k8s::Resource resource;
  std::string name;
  bool is_impostor = false;  // it says that it does
  bool operator==(const NameConflict&) const = default;
};

/// A status that was written and that the cache may not show yet.
struct WrittenStatus {
  TrainingStatus status;
  std::string over;  // metadata.resourceVersion of the cached training when it was written
};

/// What became of a list of actions.
struct Outcome {
  std::vector<std::string> refusals;     // "Job a: exceeded quota": a retry will not help soon
  std::vector<NameConflict> conflicts;   // no object is changed after one
  std::optional<Error> transient_error;  // likewise (kUnavailable, kConflict); a retry may help
  std::optional<WrittenStatus> written;
  std::vector<std::string> deleted_secrets;

  /// False if a change failed. Then status and Events were left out, for the plan did not know what
  /// they have to report.
  [[nodiscard]] bool is_as_planned() const {
    return refusals.empty() && conflicts.empty() && !transient_error;
  }
};

/// Executes the plans of one pass. A later plan of the pass may repeat actions of an earlier one: a
/// change of an object is attempted once, and none is attempted after a transient error, which the
/// next pass retries.
class Executor {
 public:
  /// All outlive it.
  Executor(k8s::Api& api,
           crypto::Entropy& entropy,
           k8s::EventRecorder& events,
           const World& world,
           const Origin& origin,
           PaillierKeys& keys,
           SystemTime now)
      : api_(api),
        entropy_(entropy),
        events_(events),
        world_(world),
        origin_(origin),
        keys_(keys),
        now_(now) {}

  /// Carries out all kinds of actions, in their order. Fails only if the status cannot be written;
  /// no Event is emitted then, so that the retry does not emit it a second time.
  [[nodiscard]] boost::asio::awaitable<Result<Outcome>> execute(Training training,
                                                                std::vector<Action> actions);
  /// The object of that kind and name, if it exists and does not belong to the training. One that
  /// does is recorded as created.
  [[nodiscard]] boost::asio::awaitable<Result<std::optional<NameConflict>>> find_foreign(
      Training training, k8s::Resource resource, std::string name);
  /// The uids of the children that this pass has created, or found to be created already.
  [[nodiscard]] const Record& created() const { return created_; }
  /// The Secrets that this pass has created, changed or found, as they are now, by name.
  [[nodiscard]] const std::map<std::string, Child>& secrets() const { return secrets_; }

 private:
  [[nodiscard]] bool is_due(const Action& action, const Outcome& outcome) const;

  // References are to the frame of execute(), which awaits each of these. They fail where execute()
  // does, and record what else goes wrong in `outcome`.
  [[nodiscard]] boost::asio::awaitable<Status> carry_out(Training& training,
                                                         Action action,
                                                         Outcome& outcome);
  [[nodiscard]] boost::asio::awaitable<Status> apply_object(Training& training,
                                                            ApplyObject action,
                                                            Outcome& outcome);
  [[nodiscard]] boost::asio::awaitable<Status> make_key(const Training& training, MakeKey action);
  [[nodiscard]] boost::asio::awaitable<Status> renew_secret(Training& training,
                                                            RenewSecret action,
                                                            Outcome& outcome);
  [[nodiscard]] boost::asio::awaitable<Status> delete_object(const Training& training,
                                                             DeleteObject action,
                                                             Outcome& outcome);
  [[nodiscard]] boost::asio::awaitable<Status> patch_status(const Training& training,
                                                            PatchStatus action,
                                                            Outcome& outcome);
  [[nodiscard]] boost::asio::awaitable<Status> emit_event(const Training& training,
                                                          EmitEvent action);

  [[nodiscard]] boost::asio::awaitable<Status> create(Training& training, Desired desired);
  // Creates the object as it is, and takes note of it.
  [[nodiscard]] boost::asio::awaitable<Status> store(Training& training, Desired desired);
  [[nodiscard]] boost::asio::awaitable<Status> change(Training& training, Desired desired);
  // The operator's own Secret is deleted and created again: nobody can change it.
  [[nodiscard]] boost::asio::awaitable<Status> renew_own(Training& training,
                                                         RenewSecret action,
                                                         Outcome& outcome);
  [[nodiscard]] boost::asio::awaitable<Status> renew_leaf(Training& training, RenewSecret action);
  // The authority that stands in for one whose Secret is gone: it has the token that the programs
  // have, and they go on to trust those that they trust.
  [[nodiscard]] boost::asio::awaitable<Result<Authority>> new_authority(const Training& training,
                                                                        UserCredentials user);
  [[nodiscard]] boost::asio::awaitable<Result<Json>> data_of(const Training& training,
                                                             SecretSpec secret,
                                                             Issue issue);
  [[nodiscard]] boost::asio::awaitable<Result<UserCredentials>> read_user_credentials(
      const Training& training);
  [[nodiscard]] boost::asio::awaitable<Result<Authority>> read_authority(const Training& training,
                                                                         UserCredentials user);
  // The file of the stored key of encrypted sums.
  [[nodiscard]] boost::asio::awaitable<Result<crypto::Secret>> read_key(const Training& training);
  // A Secret of the training that the operator has created.
  [[nodiscard]] boost::asio::awaitable<Result<Json>> read_own_secret(const Training& training,
                                                                     std::string name);

  k8s::Api& api_;
  crypto::Entropy& entropy_;
  k8s::EventRecorder& events_;
  const World& world_;
  const Origin& origin_;
  PaillierKeys& keys_;
  SystemTime now_;
  Record created_;
  std::map<std::string, Child> secrets_;
  std::set<std::string> attempted_;     // changes of objects in this pass, as describe() has them
  bool has_given_up_ = false;           // after a transient error
  std::optional<Authority> authority_;  // read or generated once a pass
};

}  // namespace genesis::control
