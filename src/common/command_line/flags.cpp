#include "common/command_line/flags.hpp"

#include <string_view>

#include <CLI/CLI.hpp>

#include "common/base/text.hpp"

namespace genesis::command_line {
namespace {

void add_own_certificate(CLI::App& app,
                         const char* help,
                         std::filesystem::path& certificate,
                         std::filesystem::path& key) {
  auto* certificate_flag = app.add_option("--ssl-cert", certificate, help);
  auto* key_flag =
      app.add_option("--ssl-key", key, "Private key of the certificate, PEM, not encrypted");
  certificate_flag->needs(key_flag);
  key_flag->needs(certificate_flag);
}

std::string_view flag_of(Setting setting) {
  switch (setting) {
    case Setting::kNone:
      return "";
    case Setting::kServerUrl:
      return "--server";
    case Setting::kServerAuthority:
      return "--ssl-verify";
    case Setting::kClientCertificate:
      return "--ssl-cert";
    case Setting::kAuthToken:
      return "--auth-token-file";
    case Setting::kListenHost:
      return "--host";
    case Setting::kListenPort:
      return "--port";
    case Setting::kMetricsHost:
      return "--metrics-host";
    case Setting::kMetricsPort:
      return "--metrics-port";
  }
  return "";
}

}  // namespace

void add_tls(CLI::App& app, ServerTlsFiles& files) {
  add_own_certificate(app,
                      "Server certificate chain, PEM; without it the server speaks plain HTTP",
                      files.certificate,
                      files.key);
  app.add_option("--ssl-client-ca",
                 files.client_authority,
                 "CA certificate(s) to verify client certificates with, PEM; clients without a "
                 "valid certificate are refused")
      ->needs(app.get_option("--ssl-cert"));
  app.add_option("--deny-file",
                 files.deny_list,
                 "Client certificates to refuse, one a line: a common name or sha256:FINGERPRINT; "
                 "read again when it changes")
      ->needs(app.get_option("--ssl-client-ca"));
}

void add_tls(CLI::App& app, ClientTlsFiles& files) {
  app.add_option("--ssl-verify",
                 files.server_authority,
                 "CA certificate(s) to verify the server's certificate with, PEM");
  add_own_certificate(app, "Client certificate chain, PEM", files.certificate, files.key);
}

void add_auth_token(CLI::App& app, std::filesystem::path& file) {
  app.add_option("--auth-token-file",
                 file,
                 "File with the training's bearer token on its first line (default: the "
                 "environment variable FEDERATED_AUTH_TOKEN)");
}

void add_metrics(CLI::App& app, MetricsListener& listener) {
  app.add_option("--metrics-port",
                 listener.port,
                 "Listen port for the metrics endpoint: /metrics, /healthz and /readyz over plain "
                 "HTTP; 0 picks a free port (default: no metrics endpoint)")
      ->envname("GENESIS_METRICS_PORT");
  app.add_option("--metrics-host", listener.host, "Listen address for the metrics endpoint")
      ->envname("GENESIS_METRICS_HOST")
      ->capture_default_str();
}

void add_override(CLI::App& app, const OverrideFlag& flag, std::vector<spec::Override>& overrides) {
  auto* option = app.add_option_function<std::string>(
      flag.flag,
      [&overrides, path = flag.path](const std::string& value) {
        overrides.push_back({path, value});
      },
      flag.help);
  if (*flag.variable != '\0') {
    option->envname(flag.variable);
  }
}

void add_set(CLI::App& app, std::vector<spec::Override>& overrides) {
  app.add_option_function<std::vector<std::string>>(
         "--set",
         [&overrides](const std::vector<std::string>& pairs) {
           for (const auto& pair : pairs) {
             const auto equals = pair.find('=');
             if (equals == std::string::npos) {
               throw CLI::ValidationError("--set " + pair,
                                          "expected PATH=VALUE, such as rounds.count=3");
             }
             overrides.push_back({pair.substr(0, equals), pair.substr(equals + 1)});
           }
         },
         "Override a field of the spec, such as rounds.count=3; may be repeated")
      ->type_name("PATH=VALUE");
}

std::string describe(const Error& error) {
  const auto flag = flag_of(error.setting);
  const auto message = flag.empty() ? error.message : error.message + "; see " + std::string(flag);
  std::string text;
  std::string_view rest = message;
  while (true) {
    const auto end = rest.find('\n');
    text += printable(rest.substr(0, end));
    if (end == std::string_view::npos) {
      return text;
    }
    rest.remove_prefix(end + 1);
    text += "\n  ";
  }
}

}  // namespace genesis::command_line
