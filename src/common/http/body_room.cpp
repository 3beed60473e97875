#include "common/http/body_room.hpp"

#include <algorithm>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace genesis::http {
namespace {

// A body counts for so much of what is read at once, however long it is.
constexpr std::uint64_t kMostCounted = std::uint64_t{256} * 1024;

// A place in the queue of bodies: its timer ends the wait, by time or by whoever leaves.
struct Queued {
  Queued(ServerShared& server, const asio::any_io_executor& executor)
      : shared(server), timer(executor, server.limits.body_patience) {
    shared.body_queue.push_back(&timer);
  }
  ~Queued() { std::erase(shared.body_queue, &timer); }
  Queued(const Queued&) = delete;
  Queued& operator=(const Queued&) = delete;

  ServerShared& shared;
  asio::steady_timer timer;
};

}  // namespace

BodyRoom::BodyRoom(ServerShared& shared, std::uint64_t expected)
    : shared_(shared), size_(std::min(expected, kMostCounted)) {}

BodyRoom::~BodyRoom() {
  if (!is_taken_) {
    return;
  }
  shared_.body_bytes -= size_;
  if (!shared_.body_queue.empty()) {
    shared_.body_queue.front()->cancel();
  }
}

asio::awaitable<void> BodyRoom::take(asio::any_io_executor executor) {
  const bool has_room = shared_.body_bytes + size_ <= shared_.limits.body_bytes_at_once;
  if (!has_room || !shared_.body_queue.empty()) {
    Queued place(shared_, executor);
    co_await place.timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  shared_.body_bytes += size_;
  is_taken_ = true;
}

}  // namespace genesis::http
