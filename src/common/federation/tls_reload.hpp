#pragma once
// What server and client log of TLS files that were read again while they run (tls::ReloadReport).
#include "common/base/error.hpp"

namespace genesis::federation {

void log_tls_reload(const Status& reloaded);

}  // namespace genesis::federation
