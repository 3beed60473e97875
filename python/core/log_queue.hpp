#pragma once
// The engine's log lines on their way to Python's logging: they wait here until Python takes them,
// so that no engine thread ever waits for the interpreter.
#include <string>
#include <vector>

namespace genesis::python {

struct LogLine {
  int level = 0;  // as Python's logging counts: 10 debug, 20 info, 30 warning, 40 error
  std::string text;
};

/// Makes the queue the sink of the engine's default logger; lines below `level` are dropped.
void start_logging(int level);

/// What has been logged since the last call. Where nobody takes them for long, the oldest are lost.
[[nodiscard]] std::vector<LogLine> take_log_lines();

}  // namespace genesis::python
