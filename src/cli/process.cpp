#include "cli/process.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.hpp"
#include "common/base/exit_code.hpp"
#include "common/base/file.hpp"

namespace genesis::cli {

std::filesystem::path sibling_program(const std::string& name) {
  std::error_code failed;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
  return failed ? std::filesystem::path(name) : self.parent_path() / name;
}

int become_sibling(const std::string& name, int argc, char** argv) {
  const auto program = sibling_program(name);
  std::vector<char*> arguments(argv + 1, argv + argc);
  arguments.push_back(nullptr);
  ::execv(program.c_str(), arguments.data());
  std::cerr << program.string() << ": cannot be started: " << std::strerror(errno) << "\n";
  return kExitFailure;
}

Result<Process> Process::start(const std::vector<std::string>& arguments,
                               const std::filesystem::path& log) {
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (out < 0) {
    return fail(Errc::kIo, log.string() + ": cannot be created: " + std::strerror(errno));
  }
  std::vector<char*> argv;
  for (const auto& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    // A run that is killed takes its processes with it.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(out);
  if (pid < 0) {
    return fail(Errc::kIo, arguments[0] + ": cannot be started: " + std::strerror(errno));
  }
  return Process(pid, log);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      log_(std::move(other.log_)),
      exit_code_(other.exit_code_) {}

Process& Process::operator=(Process&& other) noexcept {
  stop();
  pid_ = std::exchange(other.pid_, -1);
  log_ = std::move(other.log_);
  exit_code_ = other.exit_code_;
  return *this;
}

Process::~Process() {
  stop();
}

std::optional<int> Process::poll() {
  if (!exit_code_ && pid_ > 0) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
  }
  return exit_code_;
}

void Process::stop() {
  if (pid_ <= 0 || poll()) {
    return;
  }
  ::kill(pid_, SIGTERM);
  const SteadyClock clock;
  const Instant deadline = clock.now() + std::chrono::seconds(2);
  while (!poll()) {
    if (clock.now() > deadline) {
      ::kill(pid_, SIGKILL);
    }
    std::this_thread::sleep_for(Milliseconds(10));
  }
}

std::string last_line(const std::filesystem::path& log) {
  constexpr std::uint64_t kMaxLog = std::uint64_t{64} << 20;
  auto text = read_file(log, kMaxLog);
  if (!text) {
    return text.error().message;
  }
  while (!text->empty() && text->back() == '\n') {
    text->pop_back();
  }
  const auto start = text->rfind('\n');
  return start == std::string::npos ? *text : text->substr(start + 1);
}

}  // namespace genesis::cli
