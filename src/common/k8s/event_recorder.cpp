#include "common/k8s/event_recorder.hpp"

#include <algorithm>
#include <deque>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "common/base/rng.hpp"
#include "common/http/backoff.hpp"
#include "common/k8s/time_text.hpp"

namespace genesis::k8s {
namespace {

namespace asio = boost::asio;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t kMaxQueued = 1000;
constexpr std::size_t kMaxMessage = 1024;  // the API server's bound
constexpr unsigned kMaxTries = 6;
constexpr Milliseconds kWriteDeadline{10'000};

std::string_view word(EventType type) {
  return type == EventType::kNormal ? "Normal" : "Warning";
}

// UTF-8 is cut between characters.
std::string cut(std::string text) {
  if (text.size() > kMaxMessage) {
    std::size_t end = kMaxMessage;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
      --end;
    }
    text.resize(end);
  }
  return text;
}

std::string namespace_of(const Event& event) {
  return event.about.key.ns.empty() ? "default" : event.about.key.ns;
}

}  // namespace

class EventRecorder::Impl {
 public:
  Impl(asio::any_io_executor executor,
       Api& api,
       std::string component,
       std::string instance,
       EventLimits limits)
      : api_(api),
        component_(std::move(component)),
        instance_(std::move(instance)),
        wake_(executor),
        jitter_(0, RoundId{}, instance_, "events"),
        correlator_(limits) {}

  void record(Event event) {
    event.message = cut(std::move(event.message));
    if (queue_.size() >= kMaxQueued) {
      queue_.pop_front();
    }
    queue_.push_back(std::move(event));
    if (is_idle_) {
      wake_.cancel();
    }
  }

  asio::awaitable<void> run() {
    while (!is_over()) {
      if (queue_.empty()) {
        is_idle_ = true;
        wake_.expires_at(std::chrono::steady_clock::time_point::max());
        co_await wake_.async_wait(kAsTuple);
        is_idle_ = false;
        continue;
      }
      Event event = std::move(queue_.front());
      queue_.pop_front();
      co_await write(std::move(event));
    }
  }

  void stop(Milliseconds grace) {
    end_ = clock_.now() + grace;
    wake_.cancel();
  }

  std::function<void(const Error&)> on_error;

 private:
  [[nodiscard]] bool is_over() const { return is_late() || (end_ && queue_.empty()); }
  [[nodiscard]] bool is_late() const { return end_ && clock_.now() >= *end_; }

  asio::awaitable<void> write(Event event) {
    const auto wall = std::chrono::system_clock::now();
    auto chosen = correlator_.correlate(event, clock_.now(), wall);
    if (!chosen) {
      co_return;
    }
    for (unsigned tries = 1;; ++tries) {
      Result<Json> written = co_await write_once(event, *chosen);
      if (written || is_late()) {
        co_return;
      }
      if (written.error().code == Errc::kNotFound && chosen->kind == EventWrite::Kind::kCount) {
        // Events expire after an hour, as this one has. It is created anew.
        correlator_.forget(event);
        chosen = correlator_.correlate(event, clock_.now(), wall);
        if (!chosen) {
          co_return;
        }
        continue;
      }
      const bool is_done = written.error().code == Errc::kAlreadyExists;  // the answer was lost
      if (is_done || !is_retryable(written.error().code) || tries >= kMaxTries) {
        if (!is_done && on_error) {
          on_error(written.error());
        }
        co_return;
      }
      wake_.expires_after(http::backoff(tries - 1, jitter_));
      co_await wake_.async_wait(kAsTuple);
    }
  }

  asio::awaitable<Result<Json>> write_once(const Event& event, const EventWrite& chosen) {
    Milliseconds deadline = kWriteDeadline;
    if (end_) {
      deadline = std::clamp<Milliseconds>(*end_ - clock_.now(), Milliseconds(1), kWriteDeadline);
    }
    if (chosen.kind == EventWrite::Kind::kCreate) {
      WriteOptions options;
      options.deadline = deadline;
      return api_.create(kEvents, object_of(event, chosen), std::move(options));
    }
    Json body = Json::object();
    body["count"] = chosen.count;
    body["lastTimestamp"] = to_time(chosen.last);
    PatchOptions options;
    options.kind = PatchKind::kMerge;
    options.deadline = deadline;
    return api_.patch(
        kEvents, ObjectKey(namespace_of(event), chosen.name), std::move(body), std::move(options));
  }

  [[nodiscard]] Json object_of(const Event& event, const EventWrite& chosen) const {
    Json object = Json::object();
    object["metadata"]["name"] = chosen.name;
    object["metadata"]["namespace"] = namespace_of(event);
    Json& about = object["involvedObject"];
    about["apiVersion"] = event.about.resource.api_version();
    about["kind"] = event.about.resource.kind;
    about["name"] = event.about.key.name;
    if (!event.about.key.ns.empty()) {
      about["namespace"] = event.about.key.ns;
    }
    about["uid"] = event.about.uid;
    if (!event.about.resource_version.empty()) {
      about["resourceVersion"] = event.about.resource_version;
    }
    object["type"] = word(event.type);
    object["reason"] = event.reason;
    object["message"] = event.message;
    object["count"] = chosen.count;
    object["firstTimestamp"] = to_time(chosen.first);
    object["lastTimestamp"] = to_time(chosen.last);
    object["source"]["component"] = component_;
    object["reportingComponent"] = component_;
    object["reportingInstance"] = instance_;
    return object;
  }

  // Constant.
  Api& api_;
  SteadyClock clock_;
  std::string component_;
  std::string instance_;
  // Strand.
  asio::steady_timer wake_;
  Rng jitter_;
  EventCorrelator correlator_;
  std::deque<Event> queue_;
  std::optional<Instant> end_;
  bool is_idle_ = false;
};

EventRecorder::EventRecorder(asio::any_io_executor executor,
                             Api& api,
                             std::string component,
                             std::string instance,
                             EventLimits limits)
    : impl_(std::make_unique<Impl>(
          std::move(executor), api, std::move(component), std::move(instance), limits)) {}
EventRecorder::~EventRecorder() = default;

void EventRecorder::on_error(std::function<void(const Error&)> handler) {
  impl_->on_error = std::move(handler);
}

void EventRecorder::record(Event event) {
  impl_->record(std::move(event));
}

asio::awaitable<void> EventRecorder::run() {
  return impl_->run();
}

void EventRecorder::stop(Milliseconds grace) {
  impl_->stop(grace);
}

}  // namespace genesis::k8s
