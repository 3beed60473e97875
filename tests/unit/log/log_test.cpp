#include "common/log/log.hpp"

#include <algorithm>
#include <cstdio>
#include <string>

#include <spdlog/spdlog.h>
#include <unistd.h>

#include "tests/support/catch.hpp"

using namespace genesis;

namespace {

// What is written to stderr while it lives, through a file.
class Stderr {
 public:
  Stderr() : file_(std::tmpfile()), before_(::dup(STDERR_FILENO)) {
    REQUIRE(file_ != nullptr);
    ::dup2(::fileno(file_), STDERR_FILENO);
  }
  Stderr(const Stderr&) = delete;
  Stderr& operator=(const Stderr&) = delete;
  ~Stderr() {
    restore();
    std::fclose(file_);
  }
  std::string text() {
    restore();
    std::string text(4096, '\0');
    std::rewind(file_);
    text.resize(std::fread(text.data(), 1, text.size(), file_));
    return text;
  }

 private:
  void restore() {
    if (before_ >= 0) {
      std::fflush(stderr);
      ::dup2(before_, STDERR_FILENO);
      ::close(before_);
      before_ = -1;
    }
  }
  std::FILE* file_;
  int before_;
};

}  // namespace

TEST_CASE("log: an event is one line that steers no terminal, whatever it quotes", "[log]") {
  Stderr captured;
  log::start("test");
  const std::string quoted =
      "a\nforged\r\x1b[2J\xc2\x9b"
      "2J\xe2\x80\xae"
      "olleh\xe2\x80\xa8"
      "forged\x9b!";
  spdlog::warn("update refused reason={}", quoted);
  spdlog::default_logger()->flush();
  const std::string line = captured.text();
  INFO(line);
  CHECK(line.ends_with(" warning update refused reason=a forged  [2J 2J olleh forged?!\n"));
  CHECK(std::count(line.begin(), line.end(), '\n') == 1);
}

TEST_CASE("log: as JSON, an event is one object whatever it quotes", "[log]") {
  Stderr captured;
  log::start("test", log::Format::kJson);
  spdlog::warn("refused name={} path={}", "a\"b\n", R"(C:\d)");
  spdlog::default_logger()->flush();
  const std::string line = captured.text();
  log::start("test");
  INFO(line);
  CHECK(line.starts_with(R"({"time":"2)"));
  CHECK(line.find(R"(Z","level":"warning","program":"test","message":)") != std::string::npos);
  CHECK(line.ends_with(R"("message":"refused name=a\"b  path=C:\\d"})"
                       "\n"));
}
