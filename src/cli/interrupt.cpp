#include "cli/interrupt.hpp"

#include <array>
#include <csignal>
#include <cstddef>

namespace genesis::cli {
namespace {

constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};

volatile std::sig_atomic_t noted = 0;
std::array<struct sigaction, kSignals.size()> before = {};

void note(int number) {
  if (noted == 0) {
    noted = number;
  }
}

}  // namespace

Interrupt::Interrupt() {
  struct sigaction action = {};
  action.sa_handler = note;
  ::sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &before[i]);
    if (before[i].sa_handler != SIG_IGN) {  // as under nohup
      ::sigaction(kSignals[i], &action, nullptr);
    }
  }
}

Interrupt::~Interrupt() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], &before[i], nullptr);
  }
}

int Interrupt::signal() {
  return noted;
}

void end_as_interrupted() {
  if (noted != 0) {
    std::signal(noted, SIG_DFL);
    std::raise(noted);
  }
}

}  // namespace genesis::cli
