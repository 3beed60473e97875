#pragma once
// Child processes of `genesis run`: started with their output in a file, ended with their parent.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "common/base/error.hpp"

namespace genesis::cli {

/// Program `name` from the folder of the running program.
[[nodiscard]] std::filesystem::path sibling_program(const std::string& name);

/// Goes on as the sibling program `name` with argv[1] and what follows as its argv. Returns, with
/// an exit code, only where that cannot be started.
[[nodiscard]] int become_sibling(const std::string& name, int argc, char** argv);

class Process {
 public:
  /// Starts `arguments[0]`; its stdout and stderr go to `log`.
  [[nodiscard]] static Result<Process> start(const std::vector<std::string>& arguments,
                                             const std::filesystem::path& log);
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  /// Ends the process if it still runs: SIGTERM, then SIGKILL after two seconds.
  ~Process();

  /// Its exit code once it has ended (128 + signal when killed), nullopt while it runs.
  [[nodiscard]] std::optional<int> poll();
  [[nodiscard]] const std::filesystem::path& log() const { return log_; }

 private:
  Process(pid_t pid, std::filesystem::path log) : pid_(pid), log_(std::move(log)) {}
  void stop();
  pid_t pid_ = -1;
  std::filesystem::path log_;
  std::optional<int> exit_code_;
};

/// The last lines of a log that say what went wrong.
[[nodiscard]] std::string last_line(const std::filesystem::path& log);

}  // namespace genesis::cli
