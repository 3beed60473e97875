#pragma once
// The log of a program: one line an event on stderr, key=value, with time
// and level. Called by mains, before the first line.
#include <string>

namespace genesis::log {

/// Names the process's logger and lays its lines out. Events quote what peers and files say;
/// control characters in them become spaces, so that nobody else can begin a line or steer a
/// terminal.
void start(const std::string& program);

}  // namespace genesis::log
