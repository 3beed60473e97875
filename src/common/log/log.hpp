#pragma once
// The log of a program: one line an event on stderr, with time and level. Called by mains, before
// the first line.
#include <string>

namespace genesis::log {

/// kText: "TIME LEVEL MESSAGE". kJson: an object with time, level, program and message, for
/// collectors of logs that index fields.
enum class Format { kText, kJson };

/// Names the process's logger and lays its lines out. Events quote what peers and files say; the
/// sink makes each printable() (base/text.hpp), so that no call site can forget it.
void start(const std::string& program, Format format = Format::kText);

}  // namespace genesis::log
