#include "worker/instance.hpp"

#include <optional>

#include <unistd.h>

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::worker;

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "genesis-instance-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path path;
};

}  // namespace

TEST_CASE("worker: a state folder belongs to one process, and keeps its instance", "[worker]") {
  const Folder folder;
  std::optional<Instance> first = *Instance::claim(folder.path);
  const auto id = first->id();
  CHECK(id.size() == 32);
  const auto second = Instance::claim(folder.path);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::kAlreadyExists);
  CHECK_THAT(second.error().message, ContainsSubstring("is in use by another process"));
  first.reset();
  const auto restarted = Instance::claim(folder.path);
  REQUIRE(restarted);
  CHECK(restarted->id() == id);
}

TEST_CASE("worker: without a state folder each process is its own", "[worker]") {
  CHECK(Instance::claim("")->id() != Instance::claim("")->id());
}

TEST_CASE("worker: a state folder that cannot be written is named", "[worker]") {
  const auto claimed = Instance::claim("/nonexistent/folder");
  REQUIRE_FALSE(claimed);
  CHECK(claimed.error().code == Errc::kIo);
  CHECK_THAT(claimed.error().message, ContainsSubstring("/nonexistent/folder/lock"));
}
