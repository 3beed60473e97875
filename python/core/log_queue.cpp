#include "core/log_queue.hpp"

#include <deque>
#include <memory>
#include <mutex>

#include <pthread.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include "common/base/text.hpp"

namespace genesis::python {
namespace {

constexpr std::size_t kMostLines = 10'000;

class Queue {
 public:
  void push(LogLine line) {
    const std::scoped_lock lock(mutex_);
    if (lines_.size() == kMostLines) {
      lines_.pop_front();
    }
    lines_.push_back(std::move(line));
  }
  std::vector<LogLine> take() {
    const std::scoped_lock lock(mutex_);
    std::vector<LogLine> taken(std::make_move_iterator(lines_.begin()),
                               std::make_move_iterator(lines_.end()));
    lines_.clear();
    return taken;
  }

  // Whoever forks has the lock meanwhile, so that no other thread has it in the child for ever.
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  std::mutex mutex_;  // guards lines_
  std::deque<LogLine> lines_;
};

// Never destroyed: threads may log until the process is gone.
Queue& queue() {
  static auto& all = *[] {
    pthread_atfork([] { queue().lock(); }, [] { queue().unlock(); }, [] { queue().unlock(); });
    return std::make_unique<Queue>().release();
  }();
  return all;
}

int python_level(spdlog::level::level_enum level) {
  constexpr int kStep = 10;
  return level <= spdlog::level::debug ? kStep : static_cast<int>(level) * kStep;
}

// The queue has a lock of its own.
class QueueSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    queue().push({python_level(message.level),
                  printable(std::string_view(message.payload.data(), message.payload.size()))});
  }
  void flush_() override {}
};

}  // namespace

void start_logging(int level) {
  constexpr int kStep = 10;
  static const auto logger =
      std::make_shared<spdlog::logger>("genesis", std::make_shared<QueueSink>());
  logger->set_level(static_cast<spdlog::level::level_enum>(level / kStep));
  spdlog::set_default_logger(logger);
}

std::vector<LogLine> take_log_lines() {
  return queue().take();
}

}  // namespace genesis::python
