#pragma once
// One pass over one training: observe, plan, execute. What a pass learns that the cluster does not
// hold (name conflicts, a persisting error of the API server, a status that the cache does not show
// yet) is kept until the next pass.
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "common/k8s/controller.hpp"
#include "common/k8s/event_recorder.hpp"
#include "common/k8s/stopwatch.hpp"
#include "operator/executor.hpp"
#include "operator/observe.hpp"
#include "operator/reports.hpp"

namespace genesis::control {

class Reconciler {
 public:
  /// All outlive it.
  Reconciler(World& world,
             k8s::Api& api,
             crypto::Entropy& entropy,
             Reports& reports,
             k8s::EventRecorder& events,
             const Origin& origin,
             PaillierKeys& keys,
             Settings settings)
      : world_(world),
        api_(api),
        entropy_(entropy),
        reports_(reports),
        events_(events),
        origin_(origin),
        keys_(keys),
        settings_(std::move(settings)) {}

  /// Called after each pass with its processor time, requests left out.
  void on_pass(std::function<void(k8s::Stopwatch::Duration own)> handler) {
    on_pass_ = std::move(handler);
  }

  [[nodiscard]] boost::asio::awaitable<Result<k8s::Reconciled>> reconcile(k8s::ObjectKey key);

 private:
  struct Look {
    std::optional<Child> found;
    SystemTime at;
  };
  struct Reported {
    wire::StatusReport report;
    std::string pod;  // of the aggregator
    SystemTime at;
  };
  struct Memory {
    std::string uid;
    std::vector<NameConflict> conflicts;
    std::optional<TransientError> transient_error;  // of the last pass
    std::optional<WrittenStatus> written;           // until the cache has moved on
    std::optional<SystemTime> written_at;           // the latest status
    std::optional<Reported> report;                 // the latest
    std::optional<bool> has_default_storage;        // once somebody has needed to know
    Record created;                                 // until the status has it
    std::map<std::string, Look> secrets;            // of the training, by name
    std::string authority;                          // of spec.security.tls
    std::optional<SystemTime> authority_at;         // when that was read
    std::optional<std::string> key_problem;         // of the stored key, once it was checked
    std::optional<SystemTime> key_since;            // when the key was first known to be made
    std::map<std::string, SystemTime> last_pod;     // by Job, see Observed
    std::map<std::string, Look> data;               // ConfigMaps with rows, likewise
  };

  [[nodiscard]] Observed observe(const k8s::ObjectKey& key, Memory& memory);
  // The Secrets on record. They are not watched, but looked at now and then.
  [[nodiscard]] static boost::asio::awaitable<Status> look_at_secrets(Observed& seen,
                                                                      Memory& memory,
                                                                      k8s::Api& api);
  // The user's authority, which may be renewed while the training runs.
  [[nodiscard]] static boost::asio::awaitable<Status> look_at_authority(Observed& seen,
                                                                        Memory& memory,
                                                                        k8s::Api& api);
  // How far the key of encrypted sums is.
  [[nodiscard]] boost::asio::awaitable<Status> look_at_key(Observed& seen,
                                                           Memory& memory,
                                                           k8s::Api& api);
  void learn(const Outcome& outcome,
             const Executor& executor,
             const std::optional<TransientError>& before,
             Observed& seen,
             Memory& memory);
  // Whether a status in which only counters have changed may be written: not too often, so that
  // many trainings do not keep the API server busy.
  [[nodiscard]] bool may_write_progress(const Memory& memory, SystemTime now);
  // Whether the Secrets that the spec names are there for this training, before it starts.
  [[nodiscard]] boost::asio::awaitable<Status> look_at_references(Observed& seen,
                                                                  k8s::Api& api) const;
  // Whether the ConfigMaps that pods wait for are there.
  [[nodiscard]] static boost::asio::awaitable<Status> look_at_data(Observed& seen,
                                                                   Memory& memory,
                                                                   k8s::Api& api);
  // Whether a claim that names no StorageClass gets one. The API server fills it in, which needs no
  // right but to create claims.
  [[nodiscard]] static boost::asio::awaitable<Status> look_at_storage(Observed& seen,
                                                                      Memory& memory,
                                                                      k8s::Api& api);
  // How long to leave an aggregator alone, so that all together are asked no more than so often.
  [[nodiscard]] std::chrono::seconds poll() const;
  [[nodiscard]] boost::asio::awaitable<void> ask_aggregator(Observed& seen,
                                                            Memory& memory,
                                                            k8s::Stopwatch& watch);
  [[nodiscard]] boost::asio::awaitable<Status> recheck_conflicts(Training training,
                                                                 Executor& executor,
                                                                 Memory& memory);
  [[nodiscard]] boost::asio::awaitable<Result<k8s::Reconciled>> pass(k8s::ObjectKey key,
                                                                     k8s::Stopwatch& watch);

  World& world_;
  k8s::Api& api_;
  crypto::Entropy& entropy_;
  Reports& reports_;
  k8s::EventRecorder& events_;
  const Origin& origin_;
  PaillierKeys& keys_;
  Settings settings_;
  std::function<void(k8s::Stopwatch::Duration)> on_pass_;
  std::map<k8s::ObjectKey, Memory> memory_;
  std::set<k8s::ObjectKey> reporting_;  // trainings whose aggregators answer
  struct {
    SystemTime in_second;
    int count = 0;
  } writes_;  // of statuses, of all trainings
};

}  // namespace genesis::control
