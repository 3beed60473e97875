#pragma once
// TLS contexts from the PEM files that a program is given. Used by server, client and CLI.
#include <optional>
#include <string>

#include "common/base/error.hpp"
#include "common/tls/context.hpp"
#include "genesis/tls_files.hpp"

namespace genesis::tls {

/// nullopt where no file is given: plain HTTP. `report` hears of files that were read again.
/// Errors: kInvalidArgument where some of the files are given and one that they need is not, so
/// that a forgotten path never means plain HTTP; those of `open`.
[[nodiscard]] Result<std::optional<ServerContext>> load_context(const ServerTlsFiles& files,
                                                                ReloadReport report = nullptr);

/// The same for a client. `server_name` as in ClientTls.
[[nodiscard]] Result<std::optional<ClientContext>> load_context(const ClientTlsFiles& files,
                                                                const std::string& server_name = {},
                                                                ReloadReport report = nullptr);

}  // namespace genesis::tls
