#pragma once
// SIGINT, SIGTERM and SIGHUP while `genesis run` has keys and processes of its own: they end the
// run by its usual way out, so that both go with it.

namespace genesis::cli {

/// From its construction to its destruction the signals are noted instead of ending the process.
/// One at a time; not for several threads.
class Interrupt {
 public:
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  /// The first signal that came, or 0.
  [[nodiscard]] static int signal();
};

/// Ends the process as the noted signal would have; returns where none was.
void end_as_interrupted();

}  // namespace genesis::cli
