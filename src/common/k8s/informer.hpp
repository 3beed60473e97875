#pragma once
// A local copy of the objects of one kind, kept up to date: list in pages, then watch with
// bookmarks from where the list ended; list again if the history is gone (410); back off on errors.
// After client-go's Reflector. It needs no periodic resync, for no event can be missed: each watch
// starts at the last version seen.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "common/http/backoff.hpp"
#include "common/k8s/api.hpp"
#include "common/k8s/json.hpp"
#include "common/k8s/object.hpp"
#include "common/k8s/resource.hpp"
#include "common/k8s/store.hpp"

namespace genesis::k8s {

enum class ChangeKind { kAdded, kUpdated, kDeleted };

/// What handlers get. `object` is as transformed (for kDeleted its last known state) and valid
/// during the call only.
struct Change {
  ChangeKind kind;
  const ObjectKey& key;
  const Json& object;
};

struct InformerOptions {
  std::string ns;  // "" is the whole cluster
  std::string label_selector;
  std::string field_selector;
  Detail detail = Detail::kWhole;
  /// Called on each object before it is stored, to drop what nobody reads. managedFields and
  /// kubectl's last-applied-configuration are dropped in any case. A change of dropped fields alone
  /// is not reported.
  std::function<void(Json& object)> transform;
  std::uint32_t page_size = 100;  // larger pages need more memory while listing
  /// Of a watch, drawn from [timeout, 2 * timeout], so that replicas spread their renewals.
  Milliseconds watch_timeout{300'000};
  http::BackoffPolicy backoff{Milliseconds{500}, Milliseconds{10'000}};
  std::uint64_t jitter_seed = 0;
};

/// Totals since the start.
struct InformerCounters {
  std::uint64_t lists = 0;
  std::uint64_t watches = 0;
  std::uint64_t events = 0;  // without bookmarks
  std::uint64_t failures = 0;
};

class Informer {
 public:
  using ChangeHandler = std::function<void(const Change&)>;
  using ErrorHandler = std::function<void(const Resource&, const Error&)>;

  /// `api` must outlive it.
  Informer(boost::asio::any_io_executor executor,
           Api& api,
           Resource resource,
           InformerOptions options);
  ~Informer();
  Informer(const Informer&) = delete;
  Informer& operator=(const Informer&) = delete;

  /// Called on the strand, from the list and the watch alike, after the store has the change. Add
  /// handlers before run().
  void on_change(ChangeHandler handler);
  /// Called for each failed list or watch, before the back-off; the informer retries.
  void on_error(ErrorHandler handler);

  /// Runs until stop(). Spawn it once.
  [[nodiscard]] boost::asio::awaitable<void> run();
  void stop();

  /// Whether the first list is in the store. Before that a missing object may exist.
  [[nodiscard]] bool has_synced() const;
  /// Completes when synced (true), or when stopped or `deadline` has passed (false).
  [[nodiscard]] boost::asio::awaitable<bool> wait_for_sync(Milliseconds deadline);

  [[nodiscard]] const Store& store() const;
  [[nodiscard]] const Resource& resource() const;
  [[nodiscard]] const InformerCounters& counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace genesis::k8s
