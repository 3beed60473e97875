#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <thread>

#include <unistd.h>

#include "aggregator/service.hpp"
#include "cli/interrupt.hpp"
#include "cli/process.hpp"
#include "cli/run.hpp"
#include "cli/training_status.hpp"
#include "common/base/clock.hpp"
#include "common/base/file.hpp"
#include "common/base/folder.hpp"
#include "common/crypto/entropy.hpp"
#include "common/spec/parse.hpp"
#include "common/tls/files.hpp"
#include "genesis/certificates.hpp"

namespace genesis::cli {
namespace {

constexpr std::string_view kLogs = "logs";
constexpr std::string_view kStates = "state";
constexpr std::string_view kCheckpoints = "checkpoints";  // the aggregator's name for it
constexpr const char* kMetricsVariable = "GENESIS_METRICS_PORT";
constexpr Milliseconds kPoll{200};
constexpr std::chrono::seconds kServerStart{30};

// Keys and token of one run, in a folder that only the user may read and that goes with the run.
class Credentials {
 public:
  static Result<Credentials> make(const spec::FederatedTraining& training) {
    GENESIS_ASSIGN(const auto temporary, temporary_folder());
    std::string pattern = (temporary / "genesis-run-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      return fail(Errc::kIo, pattern + ": cannot be created: " + std::strerror(errno));
    }
    Credentials made(pattern);
    CertificateFolder pki;
    pki.folder = made.folder_;
    pki.authority = "genesis run " + training.name;
    pki.server_names = {"127.0.0.1", "localhost"};
    pki.client_ids = {std::string(aggregator::kObserverName)};
    for (const auto& participant : training.participants) {
      pki.client_ids.push_back(participant.name);
    }
    pki.days = 30;
    GENESIS_RETURN_IF_ERROR(make_certificates(pki));
    crypto::SystemEntropy entropy;
    made.token_ = crypto::random_token(entropy);
    GENESIS_RETURN_IF_ERROR(write_file_atomic(made.file("token"), made.token_.reveal()));
    GENESIS_RETURN_IF_ERROR(
        write_file_atomic(made.file("training.json"), spec::print_json(training)));
    return made;
  }
  Credentials(Credentials&& other) noexcept
      : folder_(std::exchange(other.folder_, "")), token_(std::move(other.token_)) {}
  Credentials& operator=(Credentials&&) = delete;
  ~Credentials() {
    if (!folder_.empty()) {
      std::error_code ignored;
      std::filesystem::remove_all(folder_, ignored);
    }
  }

  [[nodiscard]] std::string file(const std::string& name) const {
    return (folder_ / name).string();
  }
  [[nodiscard]] const crypto::Secret& token() const { return token_; }

 private:
  explicit Credentials(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
  crypto::Secret token_;
};

Status go_on() {
  const int number = Interrupt::signal();
  return number == 0 ? Status()
                     : fail(Errc::kFailedPrecondition,
                            std::string("ended by signal ") + ::strsignal(number) +
                                "; --resume goes on with what is in the output folder");
}

// The address that the server announces on its first lines.
Result<std::string> server_url(Process& server) {
  constexpr std::string_view kAnnouncement = "listening ";
  const SteadyClock clock;
  const Instant deadline = clock.now() + kServerStart;
  while (clock.now() < deadline) {
    auto text = read_file(server.log(), 1 << 20);
    if (text) {
      const auto at = text->find(kAnnouncement);
      const auto end = at == std::string::npos ? at : text->find('\n', at);
      if (end != std::string::npos) {
        return text->substr(at + kAnnouncement.size(), end - at - kAnnouncement.size());
      }
    }
    if (server.poll()) {
      return fail(Errc::kFailedPrecondition, "aggregator: " + last_line(server.log()));
    }
    GENESIS_RETURN_IF_ERROR(go_on());
    std::this_thread::sleep_for(Milliseconds(5));
  }
  return fail(Errc::kDeadlineExceeded, "aggregator: did not start listening within 30 s");
}

Result<http::Client> observer(const std::string& url, const Credentials& credentials) {
  const std::string name(aggregator::kObserverName);
  const ClientTlsFiles files{.server_authority = credentials.file("ca.crt"),
                             .certificate = credentials.file(name + ".crt"),
                             .key = credentials.file(name + ".key")};
  GENESIS_ASSIGN(auto context, tls::load_context(files));
  return http::Client::create(url, std::move(context));
}

Result<Process> start_worker(const spec::Participant& participant,
                             const std::string& url,
                             const Credentials& credentials,
                             const std::filesystem::path& output,
                             const SiteFiles& files) {
  std::vector<std::string> arguments{sibling_program("genesis-worker").string(),
                                     "--server",
                                     url,
                                     "--data",
                                     participant.data_path.value_or(""),
                                     "--client-id",
                                     participant.name,
                                     "--ssl-verify",
                                     credentials.file("ca.crt"),
                                     "--ssl-cert",
                                     credentials.file(participant.name + ".crt"),
                                     "--ssl-key",
                                     credentials.file(participant.name + ".key"),
                                     "--auth-token-file",
                                     credentials.file("token"),
                                     "--state",
                                     (output / kStates / participant.name).string()};
  if (!files.ledger.empty()) {
    arguments.insert(arguments.end(),
                     {"--ledger", std::filesystem::absolute(files.ledger).string()});
  }
  if (!files.paillier_key.empty()) {
    arguments.insert(arguments.end(),
                     {"--paillier-key", std::filesystem::absolute(files.paillier_key).string()});
  }
  return Process::start(arguments, output / kLogs / (participant.name + ".log"));
}

// Those that have failed, each with its name and why.
std::vector<std::string> failed_workers(std::map<std::string, Process>& workers) {
  std::vector<std::string> failed;
  for (auto& [name, process] : workers) {
    if (const auto code = process.poll(); code && *code != 0) {
      failed.push_back(name + ": " + last_line(process.log()));
    }
  }
  return failed;
}

}  // namespace

Status run_processes(const spec::FederatedTraining& training,
                     const std::filesystem::path& output,
                     Start start,
                     MetricsPort metrics_port,
                     const SiteFiles& files,
                     const Progress& progress) {
  const Interrupt interrupt;
  GENESIS_ASSIGN(auto credentials, Credentials::make(training));
  GENESIS_RETURN_IF_ERROR(make_private_folder(output / kLogs));
  std::error_code failed;
  if (start == Start::kAnew) {
    std::filesystem::remove_all(output / kStates, failed);
    std::filesystem::remove_all(output / kCheckpoints, failed);
  }
  std::vector<std::string> server_arguments{sibling_program("genesis-aggregator").string(),
                                            "-f",
                                            credentials.file("training.json"),
                                            "--host",
                                            "127.0.0.1",
                                            "--port",
                                            "0",
                                            "--ssl-cert",
                                            credentials.file("server.crt"),
                                            "--ssl-key",
                                            credentials.file("server.key"),
                                            "--ssl-client-ca",
                                            credentials.file("ca.crt"),
                                            "--auth-token-file",
                                            credentials.file("token"),
                                            "--output",
                                            output.string()};
  if (metrics_port) {
    server_arguments.insert(server_arguments.end(),
                            {"--metrics-port", std::to_string(*metrics_port)});
  }
  ::unsetenv(kMetricsVariable);          // the port is the aggregator's alone
  ::setenv("no_proxy", "127.0.0.1", 1);  // the workers' way does not leave this machine
  GENESIS_ASSIGN(auto server, Process::start(server_arguments, output / kLogs / "aggregator.log"));
  GENESIS_ASSIGN(auto url, server_url(server));
  std::map<std::string, Process> workers;
  for (const auto& participant : training.participants) {
    GENESIS_ASSIGN(auto process, start_worker(participant, url, credentials, output, files));
    workers.emplace(participant.name, std::move(process));
  }
  GENESIS_ASSIGN(auto client, observer(url, credentials));
  bool has_started = false;  // nobody is waited for any more
  while (!server.poll()) {
    GENESIS_RETURN_IF_ERROR(go_on());
    const auto failed_before = failed_workers(workers);
    if (const auto report = ask_status(client, credentials.token())) {
      has_started = has_started || report->phase == wire::Phase::kTraining ||
                    report->phase == wire::Phase::kComplete;
      progress(*report);
    }
    const auto alive = workers.size() - failed_before.size();
    const bool is_quorum = alive >= static_cast<std::size_t>(spec::min_clients_of(training));
    if (!failed_before.empty() && (!has_started || !is_quorum)) {
      return fail(Errc::kFailedPrecondition, failed_before.front());
    }
    std::this_thread::sleep_for(kPoll);
  }
  GENESIS_RETURN_IF_ERROR(go_on());
  if (*server.poll() != 0) {
    return fail(Errc::kFailedPrecondition, "aggregator: " + last_line(server.log()));
  }
  for (const auto& failed_worker : failed_workers(workers)) {
    std::cerr << "\nnote: took no part to the end: " << failed_worker << "\n";
  }
  return {};
}

}  // namespace genesis::cli
