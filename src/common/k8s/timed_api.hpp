#pragma once
// A decorator of Api that takes the time of each call off a stopwatch: what the stopwatch shows is
// the processor time of the caller alone.
#include "common/k8s/api.hpp"
#include "common/k8s/stopwatch.hpp"

namespace genesis::k8s {

class TimedApi final : public Api {
 public:
  /// Both outlive it.
  TimedApi(Api& inner, Stopwatch& watch) : inner_(inner), watch_(watch) {}

  boost::asio::awaitable<Result<Json>> get(Resource resource,
                                           ObjectKey key,
                                           Milliseconds deadline = kRequestDeadline) override;
  boost::asio::awaitable<Result<ListPage>> list(Resource resource, ListOptions options) override;
  boost::asio::awaitable<Status> watch(Resource resource,
                                       WatchOptions options,
                                       WatchHandler handler) override;
  boost::asio::awaitable<Result<Json>> create(Resource resource,
                                              Json object,
                                              WriteOptions options) override;
  boost::asio::awaitable<Result<Json>> replace(Resource resource,
                                               Json object,
                                               WriteOptions options) override;
  boost::asio::awaitable<Result<Json>> patch(Resource resource,
                                             ObjectKey key,
                                             Json body,
                                             PatchOptions options) override;
  boost::asio::awaitable<Status> remove(Resource resource,
                                        ObjectKey key,
                                        DeleteOptions options) override;

 private:
  Api& inner_;
  Stopwatch& watch_;
};

}  // namespace genesis::k8s
