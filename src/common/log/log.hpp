#pragma once
// The log of a program: one line an event on stderr, key=value, with time
// and level. Called by mains, before the first line.
#include <string>

namespace genesis::log {

/// Names the process's logger and lays its lines out. Events quote what peers and files say; the
/// sink makes each printable() (base/text.hpp), so that no call site can forget it.
void start(const std::string& program);

}  // namespace genesis::log
