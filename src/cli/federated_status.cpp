#include "cli/federated_status.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>

#include <CLI/CLI.hpp>

#include "cli/federated_cluster.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "cli/status_page.hpp"
#include "cli/training_status.hpp"
#include "common/base/text.hpp"
#include "common/federation/auth_token.hpp"
#include "common/tls/files.hpp"

namespace genesis::cli {
namespace {

constexpr std::size_t kLongestReason = 500;
constexpr std::chrono::seconds kLastLook{3};  // for the page to ask once more
constexpr std::chrono::milliseconds kShortestWatchInterval{100};
constexpr std::chrono::seconds kServerGone{5};  // --watch waits for a server that is started again

struct Options {
  std::string server;
  ClientTlsFiles tls;
  std::filesystem::path token_file;
  bool watch = false;
  bool json = false;
  std::optional<std::uint16_t> web;
};

void print(const wire::StatusReport& report) {
  std::printf("%s: %s, round %u of %u\n",
              printable(report.name, kLongestReason).c_str(),
              std::string(to_string(report.phase)).c_str(),
              report.current_round.value,
              report.total_rounds);
  if (!report.reason.empty()) {
    std::printf("%s\n", printable(report.reason, kLongestReason).c_str());
  }
  if (report.privacy) {
    std::printf("differential privacy: epsilon %g (%g if all others collude), delta %g\n",
                report.privacy->epsilon,
                report.privacy->worst_epsilon,
                report.privacy->delta);
  }
  for (const auto& warning : report.warnings) {
    std::printf("warning: %s\n", printable(warning, kLongestReason).c_str());
  }
  std::printf("\n%-24s %-12s %10s %6s  %-32s  %s\n",
              "client",
              "state",
              "rows",
              "round",
              "losses",
              "reason");
  for (const auto& client : report.clients) {
    std::printf("%-24s %-12s %10s %6u  %-32s  %s\n",
                printable(client.id, kLongestReason).c_str(),
                printable(client.state, kLongestReason).c_str(),
                client.rows ? std::to_string(*client.rows).c_str() : "-",
                client.last_round.value,
                losses_text(client.telemetry).c_str(),
                printable(client.reason, kLongestReason).c_str());
  }
  std::printf("\nreceived %s, sent %s, running for %.0f s",
              human_bytes(static_cast<double>(report.bytes_received)).c_str(),
              human_bytes(static_cast<double>(report.bytes_sent)).c_str(),
              report.elapsed_seconds);
  if (report.estimated_remaining_seconds) {
    std::printf(", about %.0f s left", *report.estimated_remaining_seconds);
  }
  std::printf("\n");
  std::fflush(stdout);
}

int exit_code(wire::Phase phase) {
  switch (phase) {
    case wire::Phase::kComplete:
      return 0;
    case wire::Phase::kFailed:
      return 1;
    case wire::Phase::kJoining:
    case wire::Phase::kSummarizing:
    case wire::Phase::kTraining:
      return kStillRunning;
  }
  return 1;
}

// The server ends soon after its training: near the end it is asked more often, to hear of it.
std::chrono::milliseconds until_next_question(const wire::StatusReport& report) {
  std::chrono::milliseconds wait = kWatchInterval;
  if (report.estimated_remaining_seconds) {
    const std::chrono::duration<double> half(*report.estimated_remaining_seconds / 2);
    if (half < wait) {
      wait = std::chrono::duration_cast<std::chrono::milliseconds>(half);
    }
  }
  return std::max(wait, kShortestWatchInterval);
}

// A server that was there and does not answer any more.
Error gone(const Error& error, const wire::StatusReport& last) {
  return {error.code,
          error.message + "\nThe last answer was: " + printable(last.name, kLongestReason) + ": " +
              std::string(to_string(last.phase)) + ", round " +
              std::to_string(last.current_round.value) + " of " +
              std::to_string(last.total_rounds) +
              ". A server ends with its training: if it is complete, the server has exited with 0 "
              "and model.safetensors is in its --output. If not, start the server again with the "
              "same command; it goes on after the last round."};
}

Result<int> report(const Options& options) {
  GENESIS_ASSIGN(auto tls, tls::load_context(options.tls));
  GENESIS_ASSIGN(auto token, federation::load_auth_token(options.token_file));
  GENESIS_ASSIGN(auto proxy, http::proxy_for(options.server));
  GENESIS_ASSIGN(auto client,
                 http::Client::create(options.server, std::move(tls), std::move(proxy)));
  ProgressPrinter live;
  std::unique_ptr<StatusPage> page;
  if (options.web) {
    GENESIS_ASSIGN(page, StatusPage::start(*options.web));
    if (auto rounds = ask_rounds(client, token)) {  // else the curves begin now
      page->begin(std::move(*rounds));
    }
    std::cerr << "page: " << page->url() << "\n";
  }
  std::optional<wire::StatusReport> last;
  auto answered = std::chrono::steady_clock::now();
  while (true) {
    auto answer = ask_status(client, token);
    if (!answer && last && is_retryable(answer.error().code)) {
      if (std::chrono::steady_clock::now() - answered < kServerGone) {
        std::this_thread::sleep_for(kWatchInterval);
        continue;
      }
      live.finish();
      return tl::unexpected(gone(answer.error(), *last));
    }
    GENESIS_ASSIGN(auto status, std::move(answer));
    answered = std::chrono::steady_clock::now();
    if (page) {
      page->show(status);
    }
    const int code = exit_code(status.phase);
    if (!options.watch || code != kStillRunning) {
      live.finish();
      if (page) {
        std::this_thread::sleep_for(kLastLook);
      }
      if (options.json) {
        std::cout << wire::encode(status) << "\n";
      } else {
        print(status);
      }
      return code;
    }
    live(status);
    std::this_thread::sleep_for(until_next_question(status));
    last = std::move(status);
  }
}

}  // namespace

int federated_status(int argc, char** argv) {
  CLI::App app(
      "Shows the status of a training.\n"
      "Exit code: 0 complete, 1 failed or not reachable, 2 wrong usage, 3 still running.",
      "genesis federated status");
  Options options;
  ClusterQuestion question;
  auto* name =
      app.add_option("name", question.name, "Name of a FederatedTraining in a Kubernetes cluster");
  app.add_option("-n,--namespace",
                 question.ns,
                 "Namespace of the training; defaults to that of the kubeconfig")
      ->needs(name);
  app.add_option("--kubeconfig", question.kubeconfig, "Kubeconfig file; defaults to KUBECONFIG")
      ->needs(name);
  app.add_option("--server", options.server, "URL of a server outside a cluster, https://host:port")
      ->excludes(name);
  command_line::add_tls(app, options.tls);
  command_line::add_auth_token(app, options.token_file);
  app.add_flag("--watch", options.watch, "Follow the training until it ends");
  app.add_option_function<std::uint16_t>(
         "--web",
         [&options](std::uint16_t port) {
           options.web = port;
           options.watch = true;
         },
         "Follow the training on a page in a browser on this machine, too; with a port of "
         "127.0.0.1, "
         "or 0 or nothing for a free one")
      ->expected(0, 1)
      ->default_str("0")
      ->excludes(name);
  app.add_flag("--json", options.json, "Print the status as one line of JSON on stdout");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsageError;
  }
  if (question.name.empty() && options.server.empty()) {
    std::cerr
        << "genesis federated status: pass --server URL, or the NAME of a training in a cluster\n";
    return kExitUsageError;
  }
  question.json = options.json;
  question.watch = options.watch;
  const auto done = question.name.empty() ? report(options) : cluster_status(question);
  return done ? *done : complain("federated status", done.error());
}

}  // namespace genesis::cli
