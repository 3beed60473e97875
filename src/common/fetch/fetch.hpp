#pragma once
// `genesis fetch`: brings model, model card and synthetic rows of a finished training out of its
// claim, through a pod that it makes and removes. The pod runs genesis-federated from the image
// with which the training started: the images have no shell.
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "common/fetch/plan.hpp"
#include "common/fetch/volume.hpp"
#include "common/k8s/api.hpp"
#include "common/k8s/exec.hpp"

namespace genesis::fetch {

struct Request {
  std::string ns;
  std::string training;
  std::string image;                 // "": that of the training's status
  std::string pod;                   // name of the pod that is made, which nobody else uses
  std::filesystem::path folder;      // where the files go; made if it is missing
  Milliseconds start_time{180'000};  // for the pod to run: a volume is attached, an image pulled
  Milliseconds poll{500};
  Milliseconds pause{1'000};  // before a transfer that was cut goes on
  std::stop_token stop;       // ends it; the pod is removed. On the executor
};

/// k8s::exec, with the credentials of this user.
using Exec = std::function<boost::asio::awaitable<Result<k8s::ExecResult>>(k8s::ExecRequest request,
                                                                           k8s::ExecSink sink)>;
/// Hears what happens, line by line.
using Report = std::function<void(const std::string& line)>;

/// The files that are in `folder` afterwards, each whole and with the digest that it has in the
/// cluster. Errors say what is missing: no such training (kNotFound), not finished
/// (kFailedPrecondition), its claim gone (kNotFound), what the user may not do
/// (kPermissionDenied), why the pod does not start (kUnavailable), what differs (kDataLoss).
[[nodiscard]] boost::asio::awaitable<Result<std::vector<File>>> fetch(
    boost::asio::any_io_executor executor,
    k8s::Api& api,
    Exec exec,
    Request request,
    Report report);

}  // namespace genesis::fetch
