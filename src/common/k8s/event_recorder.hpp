#pragma once
// Records Events about objects, which `kubectl describe` shows. An event that repeats within ten
// minutes raises the count of its Event object instead of creating another one, and the events of
// one object are rate limited. EventCorrelator decides and is pure; EventRecorder writes.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "common/k8s/api.hpp"
#include "common/k8s/object.hpp"
#include "common/k8s/resource.hpp"

namespace genesis::k8s {

enum class EventType { kNormal, kWarning };

/// The object that an event is about.
struct ObjectReference {
  Resource resource;
  ObjectKey key;
  std::string uid;
  std::string resource_version;  // may be ""
};

struct Event {
  ObjectReference about;
  EventType type = EventType::kNormal;
  std::string reason;   // "RoundClosed": a constant, CamelCase
  std::string message;  // cut at 1 KiB; no secret, no row
};

using SystemTime = std::chrono::system_clock::time_point;

/// What to write for an event.
struct EventWrite {
  enum class Kind { kCreate, kCount };
  Kind kind = Kind::kCreate;
  std::string name;  // of the Event object, in the namespace of what it is about
  std::uint32_t count = 1;
  SystemTime first;
  SystemTime last;
};

struct EventLimits {
  std::size_t remembered = 1024;  // events whose count may still rise; the oldest are dropped
  Milliseconds window{600'000};   // after this time a repeated event is a new object
  double burst = 25.0;            // events of one object at once
  Milliseconds refill{60'000};    // after each of these periods the object may have one more
};

class EventCorrelator {
 public:
  explicit EventCorrelator(EventLimits limits = {}) : limits_(limits) {}

  /// nullopt: the event exceeds the rate limit.
  [[nodiscard]] std::optional<EventWrite> correlate(const Event& event,
                                                    Instant now,
                                                    SystemTime wall);
  /// Call it if the Event object has expired in the cluster: the next such event creates a new one.
  void forget(const Event& event);

 private:
  struct Known {
    std::string identity;
    EventWrite write;
    Instant at;
  };
  struct Budget {
    double tokens;
    Instant at;
  };
  bool has_budget(const std::string& uid, Instant now);

  EventLimits limits_;
  std::list<Known> known_;  // the latest first
  std::unordered_map<std::string, std::list<Known>::iterator> by_identity_;
  std::unordered_map<std::string, Budget> budgets_;
  std::uint64_t last_suffix_ = 0;  // of names: the time, made strictly increasing
};

class EventRecorder {
 public:
  /// `component` is who reports ("genesis-operator"), `instance` which replica.
  EventRecorder(boost::asio::any_io_executor executor,
                Api& api,
                std::string component,
                std::string instance,
                EventLimits limits = {});
  ~EventRecorder();
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  void on_error(std::function<void(const Error&)> handler);
  /// Queues the event; never blocks. With more than 1,000 queued events the oldest is dropped.
  void record(Event event);
  /// Writes queued events until stop(). Call it once.
  [[nodiscard]] boost::asio::awaitable<void> run();
  /// Makes run() write what is queued, for at most `grace`, and return.
  void stop(Milliseconds grace = Milliseconds{2'000});

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace genesis::k8s
