#pragma once
// Command-line flags that several programs have, declared once: same name, same text, same rules.
// Used by the mains of server and client, and by `genesis`.
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/spec/parse.hpp"
#include "genesis/metrics_listener.hpp"
#include "genesis/tls_files.hpp"

namespace CLI {
class App;
}

namespace genesis::command_line {

/// Each adds its flags to `app`, which write what is given into the last argument; that outlives
/// the parsing.

/// --ssl-cert, --ssl-key, --ssl-client-ca
void add_tls(CLI::App& app, ServerTlsFiles& files);
/// --ssl-verify, --ssl-cert, --ssl-key
void add_tls(CLI::App& app, ClientTlsFiles& files);
/// --auth-token-file; what it means is federation::load_auth_token's.
void add_auth_token(CLI::App& app, std::filesystem::path& file);
/// --metrics-port and --metrics-host, or GENESIS_METRICS_PORT and GENESIS_METRICS_HOST.
void add_metrics(CLI::App& app, MetricsListener& listener);

/// A flag for one field of the spec.
struct OverrideFlag {
  const char* flag;
  const char* path;  // of the field, such as "rounds.count"
  const char* help;
  const char* variable = "";  // of the environment, which the flag overrides; "": none
};
void add_override(CLI::App& app, const OverrideFlag& flag, std::vector<spec::Override>& overrides);
/// --set PATH=VALUE for any field, once or more.
void add_set(CLI::App& app, std::vector<spec::Override>& overrides);

/// What a program prints of `error`: the message and, where a setting has to change, its flag.
/// Lines of the message, such as those of several fields, are each printable, and indented after
/// the first: so that none can pass for a line of the program's own.
[[nodiscard]] std::string describe(const Error& error);

}  // namespace genesis::command_line
