#include "cli/federated_cluster.hpp"

#include <cstdio>
#include <iostream>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "common/k8s/config.hpp"
#include "common/k8s/rest_api.hpp"

namespace genesis::cli {
namespace {

using k8s::Json;

std::string text(const Json& object, const char* name) {
  const bool is_there = object.is_object() && object.contains(name) && object.at(name).is_string();
  return is_there ? object.at(name).get<std::string>() : std::string();
}

long long number(const Json& object, const char* name) {
  const bool is_there =
      object.is_object() && object.contains(name) && object.at(name).is_number_integer();
  return is_there ? object.at(name).get<long long>() : 0;
}

Json part(const Json& object, const char* name) {
  return object.is_object() && object.contains(name) ? object.at(name) : Json();
}

void print(const ClusterQuestion& question, const Json& status) {
  const Json round = part(status, "round");
  std::printf("%s: %s, round %lld of %lld\n",
              question.name.c_str(),
              text(status, "phase").c_str(),
              number(round, "current"),
              number(round, "total"));
  for (const Json& condition : part(status, "conditions")) {
    std::printf("%-14s %-6s %s: %s\n",
                text(condition, "type").c_str(),
                text(condition, "status").c_str(),
                text(condition, "reason").c_str(),
                text(condition, "message").c_str());
  }
  std::printf("\n%-24s %-10s %10s %6s  %s\n", "participant", "state", "rows", "round", "reason");
  for (const Json& site : part(status, "participants")) {
    std::printf("%-24s %-10s %10lld %6lld  %s\n",
                text(site, "name").c_str(),
                text(site, "state").c_str(),
                number(site, "rows"),
                number(site, "lastRound"),
                text(site, "reason").c_str());
  }
  if (const Json model = part(status, "model"); model.is_object()) {
    std::printf(
        "\nmodel %s sha256 %s\n", text(model, "path").c_str(), text(model, "sha256").c_str());
  }
  std::fflush(stdout);
}

int exit_code(const Json& status) {
  const auto phase = text(status, "phase");
  constexpr int kRunning = 3;
  return phase == "Succeeded" ? 0 : phase == "Failed" ? 1 : kRunning;
}

Result<Json> read(const ClusterQuestion& question, std::string& ns) {
  GENESIS_ASSIGN(auto config, k8s::load_config(question.kubeconfig));
  ns = question.ns.empty() ? config.ns : question.ns;
  boost::asio::io_context io;
  GENESIS_ASSIGN(auto api, k8s::RestApi::create(io.get_executor(), std::move(config)));
  std::optional<Result<Json>> answer;
  k8s::ObjectKey key(ns, question.name);
  boost::asio::co_spawn(io,
                        api->get(k8s::kFederatedTrainings, std::move(key)),
                        [&](std::exception_ptr, Result<Json> object) {
                          answer = std::move(object);
                          api->cancel();  // its kept connections would keep the loop running
                          io.stop();
                        });
  io.run();
  return answer ? std::move(*answer)
                : Result<Json>(fail(Errc::kInternal, "the API server's answer got lost"));
}

}  // namespace

Result<int> cluster_status(const ClusterQuestion& question) {
  std::string ns;
  auto object = read(question, ns);
  if (!object) {
    return tl::unexpected(object.error().within("training " + question.name + " in " + ns));
  }
  const Json status = part(*object, "status");
  if (question.json) {
    std::cout << status.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
  } else {
    print(question, status);
  }
  return exit_code(status);
}

}  // namespace genesis::cli
