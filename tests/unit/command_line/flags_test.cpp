#include "common/command_line/flags.hpp"

#include <algorithm>
#include <array>

#include <CLI/CLI.hpp>
#include <stdlib.h>

#include "tests/support/catch.hpp"

using namespace genesis;
using command_line::describe;

namespace {

// Whether `app` takes the arguments; what they mean is in the values that its flags write.
bool parses(CLI::App& app, std::vector<std::string> arguments) {
  std::ranges::reverse(arguments);  // as CLI11 wants them
  try {
    app.parse(std::move(arguments));
    return true;
  } catch (const CLI::ParseError&) {
    return false;
  }
}

// An environment variable for as long as the object lives.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

template <typename Files>
bool takes(Files& files, std::vector<std::string> arguments) {
  CLI::App app;
  command_line::add_tls(app, files);
  return parses(app, std::move(arguments));
}

}  // namespace

TEST_CASE("command_line: the TLS flags of a server fill its files", "[command_line]") {
  ServerTlsFiles files;
  CHECK(takes(files, {"--ssl-cert", "s.crt", "--ssl-key", "s.key", "--ssl-client-ca", "ca.crt"}));
  CHECK(files.certificate == "s.crt");
  CHECK(files.key == "s.key");
  CHECK(files.client_authority == "ca.crt");
  CHECK(takes(files, {"--ssl-cert", "s.crt", "--ssl-key", "s.key"}));
  CHECK(takes(files, {}));
}

TEST_CASE("command_line: the TLS flags of a client fill its files", "[command_line]") {
  ClientTlsFiles files;
  CHECK(takes(files, {"--ssl-verify", "ca.crt", "--ssl-cert", "c.crt", "--ssl-key", "c.key"}));
  CHECK(files.server_authority == "ca.crt");
  CHECK(files.certificate == "c.crt");
  CHECK(files.key == "c.key");
  CHECK(takes(files, {"--ssl-verify", "ca.crt"}));
}

TEST_CASE("command_line: a certificate without its key is wrong use", "[command_line]") {
  ServerTlsFiles server;
  CHECK_FALSE(takes(server, {"--ssl-cert", "s.crt"}));
  CHECK_FALSE(takes(server, {"--ssl-key", "s.key"}));
  CHECK_FALSE(takes(server, {"--ssl-client-ca", "ca.crt"}));
  ClientTlsFiles client;
  CHECK_FALSE(takes(client, {"--ssl-verify", "ca.crt", "--ssl-cert", "c.crt"}));
  CHECK_FALSE(takes(client, {"--ssl-verify", "ca.crt", "--ssl-key", "c.key"}));
}

TEST_CASE("command_line: the metrics flags win over their variables", "[command_line]") {
  MetricsListener none;
  CLI::App plain;
  command_line::add_metrics(plain, none);
  REQUIRE(parses(plain, {}));
  CHECK_FALSE(none.port);
  CHECK(none.host == "127.0.0.1");

  const Variable port("GENESIS_METRICS_PORT", "9464");
  const Variable host("GENESIS_METRICS_HOST", "0.0.0.0");
  MetricsListener listener;
  CLI::App app;
  command_line::add_metrics(app, listener);
  REQUIRE(parses(app, {"--metrics-host", "127.0.0.2"}));
  CHECK(listener.port == 9464);
  CHECK(listener.host == "127.0.0.2");
  CHECK_FALSE(parses(app, {"--metrics-port", "65536"}));
}

TEST_CASE("command_line: overrides name a field, by a flag of their own or by --set",
          "[command_line]") {
  std::vector<spec::Override> overrides;
  const auto parse = [&](std::vector<std::string> arguments) {
    overrides.clear();
    CLI::App app;
    command_line::add_override(
        app, {"--rounds", "rounds.count", "Number of rounds", "GENESIS_ROUNDS"}, overrides);
    command_line::add_override(app, {"--local-epochs", "local.epochs", "Epochs"}, overrides);
    command_line::add_set(app, overrides);
    return parses(app, std::move(arguments));
  };
  REQUIRE(parse({"--set", "seed=1", "--rounds", "3", "--set", "output.rows=a=b"}));
  REQUIRE(overrides.size() == 3);
  CHECK(overrides[0].path == "rounds.count");
  CHECK(overrides[0].value == "3");
  CHECK(overrides[1].path == "seed");
  CHECK(overrides[2].path == "output.rows");
  CHECK(overrides[2].value == "a=b");
  CHECK_FALSE(parse({"--set", "seed"}));

  const Variable rounds("GENESIS_ROUNDS", "7");
  REQUIRE(parse({}));
  REQUIRE(overrides.size() == 1);
  CHECK(overrides[0].value == "7");
  REQUIRE(parse({"--rounds", "5"}));
  REQUIRE(overrides.size() == 1);
  CHECK(overrides[0].value == "5");
}

TEST_CASE("command_line: an error is told with the flag of the setting to change",
          "[command_line]") {
  CHECK(describe(Error{Errc::kIo, "disk full"}) == "disk full");
  CHECK(describe(Error{Errc::kAlreadyExists, "port in use", Setting::kListenPort}) ==
        "port in use; see --port");
  CHECK(describe(Error{Errc::kAlreadyExists, "port in use", Setting::kMetricsPort}) ==
        "port in use; see --metrics-port");
  CHECK(describe(Error{Errc::kInvalidArgument, "a: is 1\nb: is 2\x1b\nc\n"}) ==
        "a: is 1\n  b: is 2 \n  c\n  ");
}

TEST_CASE("command_line: every setting is a flag of the programs", "[command_line]") {
  CLI::App app;
  ServerTlsFiles server;
  ClientTlsFiles client;
  std::filesystem::path token;
  MetricsListener metrics;
  CLI::App client_app;
  command_line::add_tls(client_app, client);
  command_line::add_tls(app, server);
  command_line::add_auth_token(app, token);
  command_line::add_metrics(app, metrics);
  const auto flag_of = [](Setting setting) {
    const auto text = describe(Error{Errc::kInternal, "", setting});
    return text.substr(text.rfind(' ') + 1);
  };
  CHECK(client_app.get_option_no_throw(flag_of(Setting::kServerAuthority)) != nullptr);
  CHECK(client_app.get_option_no_throw(flag_of(Setting::kClientCertificate)) != nullptr);
  CHECK(app.get_option_no_throw(flag_of(Setting::kAuthToken)) != nullptr);
  CHECK(app.get_option_no_throw(flag_of(Setting::kMetricsHost)) != nullptr);
  CHECK(app.get_option_no_throw(flag_of(Setting::kMetricsPort)) != nullptr);
}
