#include "cli/federated_fetch.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <iostream>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <nlohmann/json.hpp>

#include "cli/report.hpp"
#include "common/crypto/digest.hpp"
#include "common/crypto/entropy.hpp"
#include "common/fetch/fetch.hpp"
#include "common/k8s/config.hpp"
#include "common/k8s/exec.hpp"
#include "common/k8s/rest_api.hpp"

namespace genesis::cli {
namespace {

namespace asio = boost::asio;

struct Options {
  fetch::Request request;
  std::string kubeconfig;  // "": KUBECONFIG, the pod's own, ~/.kube/config
  int start_seconds = 180;
};

// "hospitals-fetch-0a1b2c3d": as long as the name of a pod may be, and nobody else's.
std::string pod_name(const std::string& training) {
  constexpr std::size_t kLongest = 40;
  constexpr std::size_t kRandom = 4;
  std::array<std::byte, kRandom> random{};
  crypto::SystemEntropy().fill(random);
  std::string name = training.substr(0, kLongest);
  for (char& c : name) {
    c = c == '.' ? '-' : c;
  }
  return name + "-fetch-" + crypto::to_hex(random);
}

Result<std::vector<fetch::File>> run(Options options) {
  GENESIS_ASSIGN(const auto config, k8s::load_config(options.kubeconfig));
  fetch::Request& request = options.request;
  request.ns = request.ns.empty() ? config.ns : request.ns;
  request.pod = pod_name(request.training);
  request.start_time = std::chrono::seconds(options.start_seconds);
  asio::io_context io;
  GENESIS_ASSIGN(const auto api, k8s::RestApi::create(io.get_executor(), config));

  std::stop_source stop;
  request.stop = stop.get_token();
  asio::signal_set signals(io, SIGINT, SIGTERM, SIGHUP);
  int signal = 0;
  signals.async_wait([&](const boost::system::error_code& error, int number) {
    if (!error) {
      signal = number;
      std::cerr << "genesis fetch: ends; removes its pod\n";
      stop.request_stop();
    }
  });
  fetch::Exec exec = [&](k8s::ExecRequest what, k8s::ExecSink sink) {
    return k8s::exec(io.get_executor(), config, std::move(what), std::move(sink));
  };
  fetch::Report report = [](const std::string& line) { std::cerr << line << std::endl; };
  std::optional<Result<std::vector<fetch::File>>> files;
  asio::co_spawn(io,
                 fetch::fetch(io.get_executor(), *api, std::move(exec), std::move(request), report),
                 [&](std::exception_ptr, Result<std::vector<fetch::File>> result) {
                   files = std::move(result);
                   api->cancel();  // its kept connections would keep the loop running
                   io.stop();
                 });
  io.run();
  if (signal != 0) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  return files ? std::move(*files) : fail(Errc::kInternal, "no answer from the API server");
}

}  // namespace

int federated_fetch(int argc, char** argv) {
  CLI::App app(
      "Copies the model, the model card and the synthetic rows of a finished training in a\n"
      "Kubernetes cluster to a folder, by a pod that it makes and removes. A transfer that was "
      "cut\n"
      "goes on where it was, also when the command is given again.",
      "genesis fetch");
  Options options;
  fetch::Request& request = options.request;
  app.add_option("name", request.training, "Name of the FederatedTraining")->required();
  app.add_option("-n,--namespace",
                 request.ns,
                 "Namespace of the training; defaults to that of the kubeconfig");
  app.add_option("-o,--output-dir", request.folder, "Folder for the files; made if it is missing")
      ->required();
  app.add_option("--image",
                 request.image,
                 "Worker image for the pod; defaults to the one that the training started with");
  app.add_option(
         "--start-seconds", options.start_seconds, "How long the pod may take to start, in seconds")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  app.add_option("--kubeconfig", options.kubeconfig, "Kubeconfig file; defaults to KUBECONFIG");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsageError;
  }
  const auto folder = request.folder;
  const auto files = run(std::move(options));
  if (!files) {
    return complain("fetch", files.error());
  }
  for (const fetch::File& file : *files) {
    std::cout << (folder / file.name).string() << "\n";
  }
  return 0;
}

}  // namespace genesis::cli
