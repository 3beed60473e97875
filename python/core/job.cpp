#include "core/job.hpp"

#include <thread>
#include <utility>

namespace genesis::python {
namespace {

// Threads by number, so that those that outlive their jobs are joined before the process ends.
class Threads {
 public:
  std::size_t start(std::function<void()> work) {
    const std::scoped_lock lock(mutex_);
    threads_.emplace(++last_, std::thread(std::move(work)));
    return last_;
  }
  void join(std::size_t number) {
    if (auto thread = take(number)) {
      thread->join();
    }
  }
  void join_all() {
    while (auto thread = take(std::nullopt)) {
      thread->join();
    }
  }

 private:
  std::optional<std::thread> take(std::optional<std::size_t> number) {
    const std::scoped_lock lock(mutex_);
    const auto found = number ? threads_.find(*number) : threads_.begin();
    if (found == threads_.end()) {
      return std::nullopt;
    }
    std::thread thread = std::move(found->second);
    threads_.erase(found);
    return thread;
  }

  std::mutex mutex_;  // guards all below
  std::map<std::size_t, std::thread> threads_;
  std::size_t last_ = 0;
};

// Never destroyed: a thread in it may not be over when the process ends.
Threads& threads() {
  static auto& all = *std::make_unique<Threads>().release();
  return all;
}

}  // namespace

void Job::Events::tell(Event event) {
  {
    const std::scoped_lock lock(mutex_);
    waiting_.push_back(std::move(event));
  }
  changed_.notify_all();
}

Job::Job(Work work, std::function<void()> stop)
    : events_(std::make_shared<Events>()), stop_(std::move(stop)) {
  thread_ = threads().start([work = std::move(work), events = events_] {
    auto outcome = work(*events);
    {
      const std::scoped_lock lock(events->mutex_);
      events->outcome_ = std::move(outcome);
      events->is_over_ = true;
    }
    events->changed_.notify_all();
  });
}

Job::~Job() {
  if (wait(std::chrono::milliseconds(0))) {
    threads().join(*thread_);
  } else {
    stop_();
  }
}

std::vector<Event> Job::poll(std::chrono::milliseconds patience) {
  std::unique_lock lock(events_->mutex_);
  events_->changed_.wait_for(
      lock, patience, [this] { return !events_->waiting_.empty() || events_->is_over_; });
  return std::exchange(events_->waiting_, {});
}

bool Job::is_over() const {
  const std::scoped_lock lock(events_->mutex_);
  return events_->is_over_ && events_->waiting_.empty();
}

bool Job::wait(std::chrono::milliseconds patience) {
  std::unique_lock lock(events_->mutex_);
  return events_->changed_.wait_for(lock, patience, [this] { return events_->is_over_; });
}

Result<std::optional<std::string>> Job::outcome() const {
  const std::scoped_lock lock(events_->mutex_);
  return events_->outcome_;
}

void join_abandoned() {
  threads().join_all();
}

}  // namespace genesis::python
