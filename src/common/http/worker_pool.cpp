#include "common/http/worker_pool.hpp"

#include <algorithm>
#include <csignal>

#include <boost/asio/thread_pool.hpp>
#include <pthread.h>

namespace genesis::http {

struct WorkerPool::Threads {
  explicit Threads(std::size_t count) : pool(count) {}
  boost::asio::thread_pool pool;
};

WorkerPool::WorkerPool(std::size_t threads) : count_(std::max<std::size_t>(1, threads)) {}

WorkerPool::~WorkerPool() {
  join();
}

boost::asio::any_io_executor WorkerPool::executor() {
  if (!threads_) {
    // Signals are for the process's own threads; those that are started now inherit the mask.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    threads_ = std::make_unique<Threads>(count_);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  return threads_->pool.get_executor();
}

void WorkerPool::join() {
  if (threads_) {
    threads_->pool.stop();
    threads_->pool.join();
  }
}

}  // namespace genesis::http
