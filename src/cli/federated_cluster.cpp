#include "cli/federated_cluster.hpp"

#include <cinttypes>
#include <cstdio>
#include <iostream>
#include <optional>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "cli/federated_status.hpp"
#include "common/base/base64.hpp"
#include "common/base/json.hpp"
#include "common/base/text.hpp"
#include "common/k8s/config.hpp"
#include "common/k8s/rest_api.hpp"

namespace genesis::cli {
namespace {

using k8s::Json;

// What the cluster holds was written by others.
std::string text(const Json& object, std::string_view name) {
  return printable(text_field(object, name));
}

// "hospitals: Training, round 3 of 10, 3 sites"
std::string headline(const ClusterQuestion& question, const Json& status) {
  const std::string phase = text(status, "phase");
  if (phase.empty()) {
    return question.name +
           ": not seen by an operator yet; is the operator running in this cluster?";
  }
  std::string line = question.name + ": " + phase;
  if (const Json& round = member(status, "round"); round.is_object()) {
    line += ", round " + std::to_string(integer_field(round, "current")) + " of " +
            std::to_string(integer_field(round, "total"));
  }
  if (const std::int64_t clients = integer_field(status, "clients"); clients > 0) {
    line += ", " + std::to_string(clients) + (clients == 1 ? " site" : " sites");
  }
  return line;
}

void print(const ClusterQuestion& question, const Json& status) {
  std::printf("%s\n", headline(question, status).c_str());
  for (const Json& condition : member(status, "conditions")) {
    std::printf("%-14s %-6s %s: %s\n",
                text(condition, "type").c_str(),
                text(condition, "status").c_str(),
                text(condition, "reason").c_str(),
                text(condition, "message").c_str());
  }
  std::printf("\n%-24s %-10s %10s %6s  %s\n", "participant", "state", "rows", "round", "reason");
  for (const Json& site : member(status, "participants")) {
    std::printf("%-24s %-10s %10" PRId64 " %6" PRId64 "  %s\n",
                text(site, "name").c_str(),
                text(site, "state").c_str(),
                integer_field(site, "rows"),
                integer_field(site, "lastRound"),
                text(site, "reason").c_str());
  }
  if (const Json& model = member(status, "model"); model.is_object()) {
    std::printf(
        "\nmodel %s sha256 %s\n", text(model, "path").c_str(), text(model, "sha256").c_str());
  }
  std::fflush(stdout);
}

int exit_code(const Json& status) {
  const auto phase = text(status, "phase");
  return phase == "Succeeded" ? 0 : phase == "Failed" ? 1 : kStillRunning;
}

Result<Json> read(const ClusterQuestion& question,
                  const k8s::Resource& resource,
                  const std::string& name,
                  std::string& ns) {
  GENESIS_ASSIGN(auto config, k8s::load_config(question.kubeconfig));
  ns = question.ns.empty() ? config.ns : question.ns;
  boost::asio::io_context io;
  GENESIS_ASSIGN(auto api, k8s::RestApi::create(io.get_executor(), std::move(config)));
  std::optional<Result<Json>> answer;
  k8s::ObjectKey key(ns, name);
  boost::asio::co_spawn(
      io, api->get(resource, std::move(key)), [&](std::exception_ptr, Result<Json> object) {
        answer = std::move(object);
        api->cancel();  // its kept connections would keep the loop running
        io.stop();
      });
  io.run();
  return answer ? std::move(*answer)
                : Result<Json>(fail(Errc::kInternal, "no answer from the API server"));
}

}  // namespace

Result<int> cluster_status(const ClusterQuestion& question) {
  std::string last;
  while (true) {
    std::string ns;
    auto object = read(question, k8s::kFederatedTrainings, question.name, ns);
    if (!object && question.watch && !last.empty() && is_retryable(object.error().code)) {
      std::this_thread::sleep_for(kWatchInterval);  // it was there: the API server may come back
      continue;
    }
    if (!object) {
      return tl::unexpected(object.error().within("training " + question.name + " in " + ns));
    }
    const Json& status = member(*object, "status");
    const int code = exit_code(status);
    if (!question.watch || code != kStillRunning) {
      if (question.json) {
        std::cout << dump_json(status) << std::endl;
      } else {
        print(question, status);
      }
      return code;
    }
    if (std::string line = headline(question, status); line != last) {
      std::cerr << line << std::endl;
      last = std::move(line);
    }
    std::this_thread::sleep_for(kWatchInterval);
  }
}

Result<std::string> cluster_bundle(const ClusterQuestion& question, const std::string& site) {
  const std::string name = question.name + "-join-" + site;
  std::string ns;
  auto secret = read(question, k8s::kSecrets, name, ns);
  const auto where = "Secret " + name + " in " + ns;
  if (!secret) {
    return tl::unexpected(secret.error().within(where));
  }
  auto text = base64_decode(text_field(member(*secret, "data"), "bundle.yaml"));
  if (!text || text->empty()) {
    return fail(Errc::kInvalidArgument,
                where + ": has no key bundle.yaml; is " + site + " an external participant?");
  }
  return std::move(*text);
}

}  // namespace genesis::cli
