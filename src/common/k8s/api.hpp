#pragma once
// The API server as our code sees it: the one seam between the operator and the cluster. RestApi
// (rest_api.hpp) implements it, TimedApi (timed_api.hpp) decorates it; tests put one that
// misbehaves in its place.
//
// Errors of all calls, with the object's path in the message:
//   kNotFound           no such object, namespace or kind
//   kAlreadyExists      create: an object of that name is there
//   kConflict           another writer was first (resourceVersion or uid precondition), or owns a
//                       field of an apply without force
//   kInvalidArgument    the server refused the object; each cause is "spec.field: why"
//   kPermissionDenied   refused by RBAC, admission or a quota
//   kUnauthenticated    the token or certificate is not accepted
//   kDataLoss           410: the history that list (continue) or watch needs is gone; list again
//   kResourceExhausted  the answer is larger than its limit
//   kUnavailable        connection refused or lost, 429 and 5xx after retries within the deadline
//   kDeadlineExceeded   the deadline has passed
//   kFailedPrecondition the client is stopping
// Retry kUnavailable and kDeadlineExceeded later, kConflict with fresh state.
//
// Calls are coroutines on the one strand of the client. Their arguments are taken by value.
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "common/k8s/json.hpp"
#include "common/k8s/object.hpp"
#include "common/k8s/resource.hpp"

namespace genesis::k8s {

inline constexpr Milliseconds kRequestDeadline{30'000};

enum class Detail {
  kWhole,
  kMetadataOnly,  // PartialObjectMetadata: a Secret's bytes never reach us
};

struct ListOptions {
  std::string ns;              // "" lists all namespaces
  std::string label_selector;  // "app=x,tier in (a,b)"
  std::string field_selector;
  std::uint32_t limit = 0;       // objects per page; 0: all in one page
  std::string continue_token;    // of the page before
  std::string resource_version;  // "": the newest; "0": any version that the server has cached
  Detail detail = Detail::kWhole;
  Milliseconds deadline = kRequestDeadline;
  std::stop_token stop;  // ends the call with kFailedPrecondition; request it on the strand
};

struct ListPage {
  std::vector<Json> items;  // with apiVersion and kind, also where the server leaves them out
  std::string resource_version;
  std::string continue_token;  // "" on the last page
};

struct WatchEvent;  // watch_parser.hpp
using WatchHandler = std::function<void(WatchEvent event)>;

struct WatchOptions {
  std::string ns;
  std::string label_selector;
  std::string field_selector;
  std::string resource_version;   // where the list ended
  Milliseconds timeout{300'000};  // after which the server ends the watch; our deadline is later
  Detail detail = Detail::kWhole;
  std::stop_token stop;  // ends the watch with kFailedPrecondition; request it on the strand
};

enum class DryRun { kNo, kYes };  // kYes: validated and defaulted, but not stored

enum class PatchKind {
  kApply,  // server-side apply: `body` is the whole of what we want to own
  kMerge,  // RFC 7386
};
enum class Force { kNo, kYes };  // whether an apply takes fields from other managers

struct PatchOptions {
  PatchKind kind = PatchKind::kApply;
  Subresource subresource = Subresource::kNone;
  std::string field_manager = "genesis-operator";
  Force force = Force::kYes;  // counts for kApply only
  DryRun dry_run = DryRun::kNo;
  Milliseconds deadline = kRequestDeadline;
};

struct WriteOptions {
  std::string field_manager = "genesis-operator";
  DryRun dry_run = DryRun::kNo;
  Milliseconds deadline = kRequestDeadline;
};

enum class Propagation { kBackground, kForeground, kOrphan };

struct DeleteOptions {
  std::string uid;               // given: only this very object, else kConflict
  std::string resource_version;  // given: only in this state, else kConflict
  Propagation propagation = Propagation::kBackground;
  Milliseconds deadline = kRequestDeadline;
};

class Api {
 public:
  virtual ~Api() = default;

  [[nodiscard]] virtual boost::asio::awaitable<Result<Json>> get(
      Resource resource, ObjectKey key, Milliseconds deadline = kRequestDeadline) = 0;

  [[nodiscard]] virtual boost::asio::awaitable<Result<ListPage>> list(Resource resource,
                                                                      ListOptions options) = 0;

  /// Calls `handler` for each event, bookmarks too, until the server ends the watch at its timeout,
  /// which is success. An ERROR event ends it with that error.
  [[nodiscard]] virtual boost::asio::awaitable<Status> watch(Resource resource,
                                                             WatchOptions options,
                                                             WatchHandler handler) = 0;

  /// Name and namespace are in the object's metadata. This and the other writes return the object
  /// as it is stored.
  [[nodiscard]] virtual boost::asio::awaitable<Result<Json>> create(Resource resource,
                                                                    Json object,
                                                                    WriteOptions options) = 0;

  /// PUT: with metadata.resourceVersion, only over that state.
  [[nodiscard]] virtual boost::asio::awaitable<Result<Json>> replace(Resource resource,
                                                                     Json object,
                                                                     WriteOptions options) = 0;

  /// An apply creates the object where it is missing; `body` needs apiVersion and kind (filled in
  /// when absent). A merge on kStatus is how status is written.
  [[nodiscard]] virtual boost::asio::awaitable<Result<Json>> patch(Resource resource,
                                                                   ObjectKey key,
                                                                   Json body,
                                                                   PatchOptions options) = 0;

  /// Success if the object does not exist any more, but kConflict if its uid does not match.
  [[nodiscard]] virtual boost::asio::awaitable<Status> remove(Resource resource,
                                                              ObjectKey key,
                                                              DeleteOptions options) = 0;
};

}  // namespace genesis::k8s
