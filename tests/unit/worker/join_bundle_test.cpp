#include "worker/join_bundle.hpp"

#include "common/base/file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace genesis;

namespace {

constexpr const char* kBundle =
    "server: https://fed.example.org:8443\n"
    "serverName: hospitals-aggregator\n"
    "clientId: site-1\n"
    "authority: CA\n"
    "certificate: CERTIFICATE\n"
    "key: KEY\n"
    "token: a-token\n";

// What the worker makes of a bundle.yaml with that text.
struct Read {
  explicit Read(const std::string& text) {
    const TemporaryFolder folder;
    REQUIRE(write_file_atomic(folder / "bundle.yaml", text));
    done = worker::read_join_bundle(folder / "bundle.yaml", options);
  }
  [[nodiscard]] std::string message() const { return done ? "" : done.error().message; }

  ClientOptions options;
  Status done;
};

}  // namespace

TEST_CASE("worker: a join bundle gives all that a site needs to join", "[worker]") {
  const Read read(kBundle);
  REQUIRE(read.done);
  CHECK(read.options.server == "https://fed.example.org:8443");
  CHECK(read.options.server_name == "hospitals-aggregator");
  CHECK(read.options.client_id == "site-1");
  REQUIRE(read.options.pem);
  CHECK(read.options.pem->server_authority == "CA");
  CHECK(read.options.pem->certificate == "CERTIFICATE");
  CHECK(read.options.pem->key.reveal() == "KEY");
  REQUIRE(read.options.auth_token);
  CHECK(read.options.auth_token->reveal() == "a-token");
}

TEST_CASE("worker: a join bundle brings the key of encrypted sums where there is one", "[worker]") {
  CHECK_FALSE(Read(kBundle).options.paillier_key_text);
  const Read read(std::string(kBundle) + "paillierKey: |\n  genesis-paillier-key v1\n  0a\n  0b\n");
  REQUIRE(read.done);
  REQUIRE(read.options.paillier_key_text);
  CHECK(read.options.paillier_key_text->reveal() == "genesis-paillier-key v1\n0a\n0b\n");
  const Read number(std::string(kBundle) + "paillierKey: 7\n");
  CHECK_THAT(number.message(), ContainsSubstring("bundle.yaml.paillierKey: expected a text"));
}

TEST_CASE("worker: a join bundle that was cut or altered names the field", "[worker]") {
  const std::string bundle(kBundle);
  const Read cut(bundle.substr(0, bundle.find("token:")));
  REQUIRE_FALSE(cut.done);
  CHECK(cut.done.error().code == Errc::kInvalidArgument);
  CHECK_THAT(cut.message(), ContainsSubstring("bundle.yaml.token: missing; take bundle.yaml out"));
  const Read number("server: 8443\n");
  CHECK_THAT(number.message(), ContainsSubstring("bundle.yaml.server: expected a text, got 8443"));
  const Read list("- server\n");
  CHECK_THAT(list.message(), ContainsSubstring("expected an object"));
}
