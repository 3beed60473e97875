#include "core/job.hpp"

#include <thread>
#include <tuple>
#include <utility>

#include <pthread.h>
#include <unistd.h>

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
  void before_fork() { mutex_.lock(); }
  void after_fork_in_parent() { mutex_.unlock(); }
  // None of them runs there, so that none can be joined.
  void after_fork_in_child() {
    std::ignore = std::make_unique<Numbered>(std::exchange(threads_, {})).release();
    mutex_.unlock();
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

  using Numbered = std::map<std::size_t, std::thread>;
  std::mutex mutex_;  // guards all below
  Numbered threads_;
  std::size_t last_ = 0;
};

// Never destroyed: a thread in it may not be over when the process ends.
Threads& threads() {
  static auto& all = *[] {
    pthread_atfork([] { threads().before_fork(); },
                   [] { threads().after_fork_in_parent(); },
                   [] { threads().after_fork_in_child(); });
    return std::make_unique<Threads>().release();
  }();
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
    : process_(getpid()), events_(std::make_shared<Events>()), stop_(std::move(stop)) {
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

bool Job::is_elsewhere() const {
  return process_ != getpid();
}

void Job::stop() {
  if (!is_elsewhere()) {
    stop_();
  }
}

Job::~Job() {
  if (is_elsewhere()) {
    return;
  }
  if (wait(std::chrono::milliseconds(0))) {
    threads().join(*thread_);
  } else {
    stop_();
  }
}

std::vector<Event> Job::poll(std::chrono::milliseconds patience) {
  if (is_elsewhere()) {
    return {};
  }
  std::unique_lock lock(events_->mutex_);
  events_->changed_.wait_for(
      lock, patience, [this] { return !events_->waiting_.empty() || events_->is_over_; });
  return std::exchange(events_->waiting_, {});
}

bool Job::is_over() const {
  if (is_elsewhere()) {
    return true;
  }
  const std::scoped_lock lock(events_->mutex_);
  return events_->is_over_ && events_->waiting_.empty();
}

bool Job::wait(std::chrono::milliseconds patience) {
  if (is_elsewhere()) {
    return true;
  }
  std::unique_lock lock(events_->mutex_);
  return events_->changed_.wait_for(lock, patience, [this] { return events_->is_over_; });
}

Result<std::optional<std::string>> Job::outcome() const {
  if (is_elsewhere()) {
    return fail(Errc::kFailedPrecondition,
                "the training runs in the process that this one was forked from; begin another");
  }
  const std::scoped_lock lock(events_->mutex_);
  return events_->outcome_;
}

void join_abandoned() {
  threads().join_all();
}

}  // namespace genesis::python
