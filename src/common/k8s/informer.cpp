#include "common/k8s/informer.hpp"

#include <algorithm>
#include <set>
#include <stop_token>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "common/base/rng.hpp"
#include "common/k8s/watch_parser.hpp"

namespace genesis::k8s {
namespace {

namespace asio = boost::asio;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

// A watch that ends sooner and without an event is retried with back-off.
constexpr std::chrono::seconds kShortWatch{1};

// managedFields and the copy that kubectl keeps are often larger than the rest of the object.
void drop_bookkeeping(Json& object) {
  Json& metadata = object["metadata"];
  metadata.erase("managedFields");
  const auto annotations = metadata.find("annotations");
  if (annotations != metadata.end() && annotations->is_object()) {
    annotations->erase("kubectl.kubernetes.io/last-applied-configuration");
  }
}

}  // namespace

class Informer::Impl {
 public:
  Impl(asio::any_io_executor executor, Api& api, Resource resource, InformerOptions options)
      : api_(api),
        resource_(resource),
        options_(std::move(options)),
        pause_(executor),
        jitter_(options_.jitter_seed, RoundId{}, resource_.plural, "informer") {}

  asio::awaitable<void> run() {
    bool must_list = true;
    unsigned failures = 0;
    while (!stop_.stop_requested()) {
      const auto begin = std::chrono::steady_clock::now();
      const std::uint64_t events = counters_.events;
      Status status;
      if (must_list) {
        status = co_await list();
      } else {
        status = co_await watch();
      }
      if (stop_.stop_requested()) {
        break;
      }
      const bool was_list = must_list;
      const bool was_useful =
          events != counters_.events || std::chrono::steady_clock::now() - begin >= kShortWatch;
      if (!was_list && was_useful) {
        failures = 0;
      }
      if (status) {
        must_list = false;
        if (was_list || was_useful) {
          continue;
        }
      } else {
        ++counters_.failures;
        report(status.error());
        // kDataLoss: the history is gone, or the answer was not a watch. After other errors the
        // next watch continues from the last version, without a list.
        must_list = must_list || status.error().code == Errc::kDataLoss;
      }
      // Most failures are a restart of the API server: the first retry is immediate.
      if (failures++ > 0) {
        co_await pause(http::backoff(failures - 2, jitter_, options_.backoff));
      }
    }
    wake_waiters();
  }

  void stop() {
    stop_.request_stop();
    pause_.cancel();
    wake_waiters();
  }

  asio::awaitable<bool> wait_for_sync(Milliseconds deadline) {
    asio::steady_timer timer(pause_.get_executor(), deadline);
    if (!has_synced && !stop_.stop_requested()) {
      waiters_.push_back(&timer);
      co_await timer.async_wait(kAsTuple);
      std::erase(waiters_, &timer);
    }
    co_return has_synced;
  }

  void report(const Error& error) {
    for (const ErrorHandler& handler : on_error) {
      handler(resource_, error);
    }
  }

  std::vector<ChangeHandler> on_change;
  std::vector<ErrorHandler> on_error;
  Store store;
  InformerCounters counters_;
  bool has_synced = false;
  [[nodiscard]] const Resource& resource() const { return resource_; }

 private:
  // Replaces the content of the store by the pages of one list.
  asio::awaitable<Status> list() {
    ++counters_.lists;
    ListOptions request;
    request.ns = options_.ns;
    request.label_selector = options_.label_selector;
    request.field_selector = options_.field_selector;
    request.detail = options_.detail;
    request.limit = lists_whole_ ? 0 : options_.page_size;
    request.stop = stop_.get_token();
    std::set<ObjectKey> unseen;
    for (ObjectKey& key : store.keys()) {
      unseen.insert(std::move(key));
    }
    for (;;) {
      Result<ListPage> page = co_await api_.list(resource_, request);
      if (!page) {
        // The history expired between two pages. The next list asks for all objects in one page.
        lists_whole_ = page.error().code == Errc::kDataLoss && !request.continue_token.empty();
        co_return tl::unexpected(std::move(page).error());
      }
      for (Json& item : page->items) {
        unseen.erase(key_of(item));
        put(std::move(item));
      }
      version_ = page->resource_version;
      request.continue_token = page->continue_token;
      if (request.continue_token.empty()) {
        break;
      }
    }
    lists_whole_ = false;
    for (const ObjectKey& key : unseen) {
      erase(key, nullptr);
    }
    has_synced = true;
    wake_waiters();
    co_return Status{};
  }

  asio::awaitable<Status> watch() {
    ++counters_.watches;
    WatchOptions request;
    request.ns = options_.ns;
    request.label_selector = options_.label_selector;
    request.field_selector = options_.field_selector;
    request.resource_version = version_;
    request.detail = options_.detail;
    request.stop = stop_.get_token();
    const auto shortest = static_cast<std::uint64_t>(options_.watch_timeout.count());
    request.timeout = Milliseconds(shortest + jitter_.below(shortest + 1));
    WatchHandler handler = [this](WatchEvent event) { take(std::move(event)); };
    return api_.watch(resource_, std::move(request), std::move(handler));
  }

  void take(WatchEvent event) {
    std::string version(resource_version_of(event.object));
    switch (event.type) {
      case WatchEventType::kBookmark:
        break;
      case WatchEventType::kAdded:
      case WatchEventType::kModified:
        ++counters_.events;
        put(std::move(event.object));
        break;
      case WatchEventType::kDeleted: {
        ++counters_.events;
        const ObjectKey key = key_of(event.object);
        erase(key, &event.object);
        break;
      }
      case WatchEventType::kError:
        return;
    }
    if (!version.empty()) {
      version_ = std::move(version);
    }
  }

  void put(Json object) {
    const ObjectKey key = key_of(object);
    if (key.name.empty()) {
      report(Error{Errc::kDataLoss, std::string(resource_.plural) + ": an object without a name"});
      return;
    }
    transform(object);
    // The handlers see the object after the store does.
    const Store::Put put = store.put(object);
    if (put != Store::Put::kSame) {
      tell(put == Store::Put::kAdded ? ChangeKind::kAdded : ChangeKind::kUpdated, key, object);
    }
  }

  // `last` is the object's last state, or null if the object is only missing from a list.
  void erase(const ObjectKey& key, Json* last) {
    const std::optional<Json> held = store.erase(key);
    if (!held) {
      return;
    }
    if (last != nullptr) {
      transform(*last);
    }
    tell(ChangeKind::kDeleted, key, last != nullptr ? *last : *held);
  }

  void transform(Json& object) {
    drop_bookkeeping(object);
    if (options_.transform) {
      options_.transform(object);
    }
  }

  void tell(ChangeKind kind, const ObjectKey& key, const Json& object) {
    const Change change{kind, key, object};
    for (const ChangeHandler& handler : on_change) {
      handler(change);
    }
  }

  asio::awaitable<void> pause(Milliseconds time) {
    pause_.expires_after(time);
    co_await pause_.async_wait(kAsTuple);
  }

  void wake_waiters() {
    for (asio::steady_timer* waiter : waiters_) {
      waiter->cancel();
    }
  }

  // Constant.
  Api& api_;
  Resource resource_;
  InformerOptions options_;
  // Strand.
  asio::steady_timer pause_;
  Rng jitter_;
  std::stop_source stop_;
  std::vector<asio::steady_timer*> waiters_;  // in frames of wait_for_sync
  std::string version_;                       // the resourceVersion of the store
  bool lists_whole_ = false;
};

Informer::Informer(asio::any_io_executor executor,
                   Api& api,
                   Resource resource,
                   InformerOptions options)
    : impl_(std::make_unique<Impl>(std::move(executor), api, resource, std::move(options))) {}
Informer::~Informer() = default;

void Informer::on_change(ChangeHandler handler) {
  impl_->on_change.push_back(std::move(handler));
}

void Informer::on_error(ErrorHandler handler) {
  impl_->on_error.push_back(std::move(handler));
}

asio::awaitable<void> Informer::run() {
  return impl_->run();
}

void Informer::stop() {
  impl_->stop();
}

bool Informer::has_synced() const {
  return impl_->has_synced;
}

asio::awaitable<bool> Informer::wait_for_sync(Milliseconds deadline) {
  return impl_->wait_for_sync(deadline);
}

const Store& Informer::store() const {
  return impl_->store;
}

const Resource& Informer::resource() const {
  return impl_->resource();
}

const InformerCounters& Informer::counters() const {
  return impl_->counters_;
}

}  // namespace genesis::k8s
