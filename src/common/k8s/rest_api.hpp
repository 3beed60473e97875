#pragma once
// The seam Api against a real API server: each request as method, path and body.
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "common/base/error.hpp"
#include "common/k8s/api.hpp"
#include "common/k8s/config.hpp"
#include "common/k8s/rest_transport.hpp"

namespace genesis::k8s {

class RestApi final : public Api {
 public:
  using Observer = RestTransport::Observer;

  /// Errors: kInvalidArgument for certificates that do not parse, have expired or do not belong
  /// together, named as in `config`.
  [[nodiscard]] static Result<std::unique_ptr<RestApi>> create(
      boost::asio::any_io_executor executor, Config config);
  ~RestApi() override;

  void on_request(Observer observer);
  /// Ends calls under way and all later calls with kFailedPrecondition.
  void cancel();

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

  /// "v1.34.4", from /version. Checks that the server answers and accepts our credentials.
  [[nodiscard]] boost::asio::awaitable<Result<std::string>> server_version(
      Milliseconds deadline = kRequestDeadline);

 private:
  explicit RestApi(std::unique_ptr<RestTransport> transport);
  std::unique_ptr<RestTransport> transport_;
};

}  // namespace genesis::k8s
