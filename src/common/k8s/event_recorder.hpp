#pragma once
// Tells people what happens to an object, as Events that `kubectl describe` shows. The same event
// again within ten minutes adds to its count instead of making another object, and an object that
// raises events without end is held back. The choice is pure; EventRecorder writes.
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
  std::size_t remembered = 1024;  // events whose count may still rise; the oldest go first
  Milliseconds window{600'000};   // after so long the same event is a new object
  double burst = 25.0;            // events of one object at once …
  Milliseconds refill{60'000};    // … and one more after each of these
};

class EventCorrelator {
 public:
  explicit EventCorrelator(EventLimits limits = {}) : limits_(limits) {}

  /// nullopt: held back.
  [[nodiscard]] std::optional<EventWrite> correlate(const Event& event,
                                                    Instant now,
                                                    SystemTime wall);
  /// The object of `event` is not in the cluster (it ran out): the next one is created anew.
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
  std::uint64_t last_suffix_ = 0;  // of names: time, made to rise
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
  /// Queues; never waits. Above 1,000 that wait, the oldest is dropped.
  void record(Event event);
  /// Writes what is queued, until stop(). Once.
  [[nodiscard]] boost::asio::awaitable<void> run();
  /// run() writes what it still can within `grace`, then ends.
  void stop(Milliseconds grace = Milliseconds{2'000});

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace genesis::k8s
