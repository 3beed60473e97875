#include "aggregator/uploads.hpp"

#include <filesystem>
#include <string>

#include <unistd.h>

#include "common/base/file.hpp"
#include "common/crypto/digest.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/aggregator/training.hpp"

namespace genesis::aggregator {
namespace {

const std::string kUpdate = "0123456789";

// Uploads in a folder of the test's own.
class Kept {
 public:
  Kept() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "genesis-uploads-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder = std::filesystem::path(pattern) / "uploads";
    uploads.emplace(folder);
  }
  ~Kept() {
    uploads.reset();
    std::filesystem::remove_all(folder.parent_path());
  }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;

  Result<Uploads::Added> put(std::uint64_t begin,
                             std::uint64_t end,
                             const std::string& upload = kUpdate,
                             std::uint32_t collection = 1,
                             const char* client = "a") {
    const auto bytes = upload.substr(begin, end - begin);
    const wire::Chunk chunk{
        begin, end, upload.size(), crypto::sha256_hex(bytes), crypto::sha256_hex(upload)};
    return uploads->add(id(client), CollectionId{collection}, chunk, bytes);
  }
  [[nodiscard]] std::uint64_t offset(std::uint32_t collection = 1, const char* client = "a") const {
    return uploads->progress(id(client), CollectionId{collection}).offset;
  }
  [[nodiscard]] std::size_t files() const {
    std::error_code none;
    const std::filesystem::directory_iterator all(folder, none);
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  std::filesystem::path folder;
  std::optional<Uploads> uploads;
};

}  // namespace

TEST_CASE("aggregator: an update arrives in chunks and is whole after the last", "[aggregator]") {
  Kept kept;
  CHECK(kept.offset() == 0);
  REQUIRE(kept.put(0, 4));
  CHECK(kept.offset() == 4);
  CHECK(kept.files() == 1);
  const auto gap = kept.put(8, 10);
  REQUIRE(gap);
  CHECK(gap->is_gap);
  CHECK(kept.offset() == 4);
  REQUIRE(kept.put(4, 8));
  const auto last = kept.put(8, 10);
  REQUIRE(last);
  CHECK(last->whole->read() == kUpdate);
  kept.uploads->take(id("a"));
  CHECK(kept.files() == 0);
  CHECK(kept.offset() == 10);
}

TEST_CASE("aggregator: the same chunk again changes nothing, other bytes in its place are refused",
          "[aggregator]") {
  Kept kept;
  REQUIRE(kept.put(0, 4));
  REQUIRE(kept.put(0, 4));
  CHECK(kept.offset() == 4);
  REQUIRE(kept.put(2, 6));
  CHECK(kept.offset() == 6);
  const std::string other = "01x3456789";
  const wire::Chunk lie{
      0, 4, kUpdate.size(), crypto::sha256_hex("01x3"), crypto::sha256_hex(kUpdate)};
  const auto refused = kept.uploads->add(id("a"), CollectionId{1}, lie, other.substr(0, 4));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kConflict);
  CHECK(kept.offset() == 6);
  CHECK(kept.put(6, 10)->whole->read() == kUpdate);
}

TEST_CASE("aggregator: chunks that are not what they say are refused", "[aggregator]") {
  Kept kept;
  const wire::Chunk chunk{0, 4, 10, crypto::sha256_hex("0123"), crypto::sha256_hex(kUpdate)};
  CHECK(kept.uploads->add(id("a"), CollectionId{1}, chunk, "012").error().code ==
        Errc::kInvalidArgument);
  CHECK(kept.uploads->add(id("a"), CollectionId{1}, chunk, "0124").error().code == Errc::kDataLoss);
  CHECK(kept.offset() == 0);
  // The whole is not what its digest says: it is forgotten, and may come anew.
  const wire::Chunk lie{0, 10, 10, crypto::sha256_hex(kUpdate), std::string(64, '0')};
  const auto altered = kept.uploads->add(id("a"), CollectionId{1}, lie, kUpdate);
  REQUIRE(altered);
  CHECK(altered->whole->read().error().code == Errc::kDataLoss);
  kept.uploads->forget(id("a"));
  CHECK(kept.offset() == 0);
  CHECK(kept.put(0, 10)->whole->read() == kUpdate);
}

TEST_CASE("aggregator: another update of the client takes the place of an unfinished one",
          "[aggregator]") {
  Kept kept;
  REQUIRE(kept.put(0, 8));
  const std::string other = "abcdef";
  CHECK(kept.put(4, 6, other)->is_gap);
  REQUIRE(kept.put(0, 3, other));
  CHECK(kept.offset() == 3);
  CHECK(kept.put(3, 6, other)->whole->read() == other);
  // Of another round too; nobody asks for the earlier one any more.
  REQUIRE(kept.put(0, 4, kUpdate, 2));
  CHECK(kept.offset(1) == 0);
  CHECK(kept.offset(2) == 4);
}

TEST_CASE("aggregator: clients do not meet in each other's uploads", "[aggregator]") {
  Kept kept;
  REQUIRE(kept.put(0, 4));
  REQUIRE(kept.put(0, 6, "abcdefgh", 1, "b"));
  CHECK(kept.put(4, 10)->whole->read() == kUpdate);
  CHECK(kept.put(6, 8, "abcdefgh", 1, "b")->whole->read() == "abcdefgh");
}

TEST_CASE("aggregator: what is left of earlier rounds and processes goes", "[aggregator]") {
  Kept kept;
  REQUIRE(kept.put(0, 4));
  REQUIRE(kept.put(0, 4, kUpdate, 2, "b"));
  kept.uploads->forget_before(CollectionId{2});
  CHECK(kept.offset(1) == 0);
  CHECK(kept.offset(2, "b") == 4);
  CHECK(kept.files() == 1);
  const Uploads next_process(kept.folder);
  CHECK(kept.files() == 0);
}

TEST_CASE("aggregator: a disk that takes no chunk is told as something that may pass",
          "[aggregator]") {
  Kept kept;
  REQUIRE(kept.put(0, 4));
  std::filesystem::remove_all(kept.folder);
  REQUIRE(write_file_atomic(kept.folder, "a file where the folder was"));
  const auto refused = kept.put(4, 8);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kUnavailable);
  CHECK(kept.offset() == 0);
}

}  // namespace genesis::aggregator
