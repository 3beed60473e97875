#include "common/k8s/exec_channel.hpp"

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::k8s;

namespace {

std::string on(char channel, const std::string& bytes) {
  return std::string(1, channel) + bytes;
}

Result<ExecResult> after(std::initializer_list<std::string> messages) {
  ExecStream stream;
  for (const std::string& message : messages) {
    const auto part = stream.feed(message);
    if (!part) {
      return tl::unexpected(part.error());
    }
  }
  return stream.result();
}

}  // namespace

TEST_CASE("k8s: stdout of a command is what its channel carries, byte for byte", "[k8s]") {
  ExecStream stream;
  const std::string bytes("a\0\x01\xff", 4);
  const std::string message = on(1, bytes);
  CHECK(*stream.feed(message) == bytes);
  CHECK(stream.feed(on(1, ""))->empty());
  CHECK(stream.feed(on(2, "not rows"))->empty());
  CHECK(stream.feed(on(3, ""))->empty());
  CHECK_FALSE(stream.is_over());
  CHECK(stream.feed(on(3, R"({"status":"Success"})"))->empty());
  CHECK(stream.is_over());
  CHECK(stream.result()->exit_code == 0);
  CHECK(stream.result()->error_text == "not rows");
}

TEST_CASE("k8s: a command that fails gives its exit code and the end of its stderr", "[k8s]") {
  const auto failed =
      after({on(2, std::string(5000, 'x') + "the cause"),
             on(3,
                R"({"status":"Failure","reason":"NonZeroExitCode","message":"command terminated",)"
                R"("details":{"causes":[{"reason":"ExitCode","message":"17"}]}})")});
  REQUIRE(failed);
  CHECK(failed->exit_code == 17);
  CHECK(failed->error_text.size() == kMaxErrorText);
  CHECK(failed->error_text.ends_with("the cause"));
}

TEST_CASE("k8s: a command that the server could not run is an error with its words", "[k8s]") {
  const auto failed = after({on(
      3, R"({"status":"Failure","reason":"InternalError","code":500,"message":"no such file"})")});
  CHECK(failed.error().code == Errc::kUnavailable);
  CHECK_THAT(failed.error().message, ContainsSubstring("no such file"));
}

TEST_CASE("k8s: a connection that ends without a word is never a success", "[k8s]") {
  CHECK(after({on(1, "half a file")}).error().code == Errc::kUnavailable);
  CHECK(after({}).error().code == Errc::kUnavailable);
}

TEST_CASE("k8s: messages that no server sends are refused", "[k8s]") {
  CHECK(after({""}).error().code == Errc::kDataLoss);
  CHECK(after({on(9, "x")}).error().code == Errc::kDataLoss);
  CHECK(after({on(3, "no JSON")}).error().code == Errc::kDataLoss);
  CHECK(after({on(3, std::string(70000, ' '))}).error().code == Errc::kDataLoss);
  CHECK(after({on(3, R"({"status":"Success"})"), on(1, "more")}).error().code == Errc::kDataLoss);
  CHECK(after({on(3, R"({"status":"Failure","reason":"NonZeroExitCode"})")}).error().code ==
        Errc::kDataLoss);
  CHECK(after({on(3,
                  R"({"status":"Failure","reason":"NonZeroExitCode",)"
                  R"("details":{"causes":[{"reason":"ExitCode","message":"1x"}]}})")})
            .error()
            .code == Errc::kDataLoss);
}

TEST_CASE("k8s: words of a command cannot leave their place in the path", "[k8s]") {
  CHECK(exec_path("a", "b", "c", {"x y", "--z=1&command=w", "\xc3\xa9"}) ==
        "/api/v1/namespaces/a/pods/b/exec?stdout=true&stderr=true&container=c"
        "&command=x%20y&command=--z%3D1%26command%3Dw&command=%C3%A9");
}
