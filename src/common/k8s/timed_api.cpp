#include "common/k8s/timed_api.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/k8s/watch_parser.hpp"

namespace genesis::k8s {

namespace asio = boost::asio;

asio::awaitable<Result<Json>> TimedApi::get(Resource resource,
                                            ObjectKey key,
                                            Milliseconds deadline) {
  return watch_.excluding(inner_.get(resource, std::move(key), deadline));
}

asio::awaitable<Result<ListPage>> TimedApi::list(Resource resource, ListOptions options) {
  return watch_.excluding(inner_.list(resource, std::move(options)));
}

asio::awaitable<Status> TimedApi::watch(Resource resource,
                                        WatchOptions options,
                                        WatchHandler handler) {
  return watch_.excluding(inner_.watch(resource, std::move(options), std::move(handler)));
}

asio::awaitable<Result<Json>> TimedApi::create(Resource resource,
                                               Json object,
                                               WriteOptions options) {
  return watch_.excluding(inner_.create(resource, std::move(object), std::move(options)));
}

asio::awaitable<Result<Json>> TimedApi::replace(Resource resource,
                                                Json object,
                                                WriteOptions options) {
  return watch_.excluding(inner_.replace(resource, std::move(object), std::move(options)));
}

asio::awaitable<Result<Json>> TimedApi::patch(Resource resource,
                                              ObjectKey key,
                                              Json body,
                                              PatchOptions options) {
  return watch_.excluding(
      inner_.patch(resource, std::move(key), std::move(body), std::move(options)));
}

asio::awaitable<Status> TimedApi::remove(Resource resource, ObjectKey key, DeleteOptions options) {
  return watch_.excluding(inner_.remove(resource, std::move(key), std::move(options)));
}

}  // namespace genesis::k8s
