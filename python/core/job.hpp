#pragma once
// Work of the engine on a thread of its own: a simulated training, a server, a client. That thread
// never touches Python: what it has to tell waits in a queue until the Python thread that waits for
// the job takes it. So callbacks run where they are waited for, a callback that raises is an
// ordinary exception there, and no lock of the engine is ever held while Python runs.
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "common/base/error.hpp"

namespace genesis::python {

struct Event {
  enum class Kind { kRoundComplete, kTrainComplete, kCheckpoint, kDisclosure };

  Kind kind = Kind::kRoundComplete;
  std::uint32_t round = 0;
  std::uint32_t total_rounds = 0;
  std::uint64_t clients = 0;
  std::uint64_t rows = 0;
  std::string text = {};  // the client, the checkpoint's path, or a line
  std::map<std::string, double> telemetry = {};
};

/// A process that is forked from its own has no thread of it: there a job is over, and its outcome
/// an error.
class Job {
 public:
  /// What runs on the thread tells events here.
  class Events {
   public:
    void tell(Event event);

   private:
    friend class Job;
    std::mutex mutex_;  // guards all below
    std::condition_variable changed_;
    std::vector<Event> waiting_;
    bool is_over_ = false;
    Result<std::optional<std::string>> outcome_ = std::nullopt;
  };

  /// Gives the released model's bytes, or nothing where the work has none.
  using Work = std::function<Result<std::optional<std::string>>(Events&)>;

  /// Runs `work` at once; `stop` makes it end soon, from any thread.
  Job(Work work, std::function<void()> stop);
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  /// Stops the work, and leaves the thread to join_abandoned() where it is not over yet.
  ~Job();

  /// What has been told since the last call; waits for it, or for the end, for so long.
  [[nodiscard]] std::vector<Event> poll(std::chrono::milliseconds patience);
  [[nodiscard]] bool is_over() const;
  /// Waits for the end for so long; whether it has come.
  [[nodiscard]] bool wait(std::chrono::milliseconds patience);
  void stop();
  /// Once it is over.
  [[nodiscard]] Result<std::optional<std::string>> outcome() const;

 private:
  [[nodiscard]] bool is_elsewhere() const;

  pid_t process_;
  std::shared_ptr<Events> events_;  // joined with the thread, which may outlive this
  std::function<void()> stop_;
  std::optional<std::size_t> thread_;
};

/// Waits for the threads of jobs that were given up: before the process's objects are destroyed.
void join_abandoned();

}  // namespace genesis::python
