#include "common/federation/tls_reload.hpp"

#include <spdlog/spdlog.h>

namespace genesis::federation {

void log_tls_reload(const Status& reloaded) {
  if (reloaded) {
    spdlog::info("tls files read again: they hold for connections from now on");
  } else {
    spdlog::warn("tls files have changed but are not used: {}", reloaded.error().message);
  }
}

}  // namespace genesis::federation
