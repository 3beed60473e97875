#include "common/base/folder.hpp"

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/catch.hpp"

namespace genesis {
namespace {

// TMPDIR for the length of a test.
class TemporaryVariable {
 public:
  explicit TemporaryVariable(const std::string& value) {
    if (const char* before = std::getenv("TMPDIR")) {
      before_ = before;
    }
    ::setenv("TMPDIR", value.c_str(), 1);
  }
  TemporaryVariable(const TemporaryVariable&) = delete;
  TemporaryVariable& operator=(const TemporaryVariable&) = delete;
  ~TemporaryVariable() {
    if (before_) {
      ::setenv("TMPDIR", before_->c_str(), 1);
    } else {
      ::unsetenv("TMPDIR");
    }
  }

 private:
  std::optional<std::string> before_;
};

std::filesystem::path a_folder() {
  const auto folder =
      std::filesystem::temp_directory_path() / ("genesis-folder-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  return folder;
}

TEST_CASE("base: a temporary folder that is missing is named", "[base]") {
  CHECK(temporary_folder().has_value());
  const TemporaryVariable missing("/nonexistent/tmp");
  const auto folder = temporary_folder();
  REQUIRE_FALSE(folder.has_value());
  CHECK(folder.error().code == Errc::kNotFound);
  CHECK_THAT(folder.error().message,
             ContainsSubstring("/nonexistent/tmp") && ContainsSubstring("set TMPDIR"));
}

TEST_CASE("base: a folder is one process's at a time", "[base]") {
  const auto folder = a_folder();
  {
    const auto lock = FolderLock::take(folder);
    REQUIRE(lock.has_value());
    CHECK(std::filesystem::is_empty(folder));
    const auto second = FolderLock::take(folder);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == Errc::kFailedPrecondition);
    CHECK_THAT(second.error().message, ContainsSubstring("another process"));
  }
  CHECK(FolderLock::take(folder).has_value());
  // A process that ends without a word leaves no lock.
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = FolderLock::take(folder);
    ::_exit(lock.has_value() ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(FolderLock::take(folder).has_value());
  CHECK_FALSE(FolderLock::take(folder / "missing").has_value());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace genesis
