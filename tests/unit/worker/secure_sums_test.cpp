#include "worker/secure_sums.hpp"

#include "common/base/file.hpp"
#include "common/secure/words.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/secure/golden_key.hpp"
#include "tests/unit/secure/parties.hpp"

namespace genesis::worker {
namespace {

// The first of four members, with its state in a folder.
struct Member {
  Member(const TemporaryFolder& folder, std::optional<secure::PaillierKey> key)
      : sums(secure::member_id(0), secure::signer_of(0), {}, std::move(key)) {
    REQUIRE(sums.keep(folder.path() / "sums.bin"));
    REQUIRE(sums.joined(task.run));
  }
  Result<std::string> begin(const secure::SumTask& sum) {
    return sums.begin(sum, [this]() -> Result<secure::Words> {
      ++asked;
      return secure::an_input(0, task);
    });
  }

  secure::SumTask task = secure::a_task(4, 40, 24);
  SecureSums sums;
  int asked = 0;
};

}  // namespace

TEST_CASE("worker: a message of a secure sum is sent again as it was, also after a restart",
          "[worker]") {
  for (const auto& key :
       {std::optional<secure::PaillierKey>(), std::optional(secure::golden_key())}) {
    const TemporaryFolder folder;
    std::string first;
    {
      Member member(folder, key);
      first = member.begin(member.task).value();
      CHECK(member.begin(member.task).value() == first);
      CHECK(member.asked == 1);
    }
    Member again(folder, key);
    CHECK(again.begin(again.task).value() == first);
    CHECK(again.asked == 0);
    CHECK(again.sums.place(CollectionId{again.task.sum}, 1).value() == 0);
    CHECK(again.sums.place(CollectionId{again.task.sum}, 2).error().code == Errc::kConflict);
  }
}

TEST_CASE("worker: after a training its file has nothing of its sums but who was in them",
          "[worker]") {
  for (const auto& key :
       {std::optional<secure::PaillierKey>(), std::optional(secure::golden_key())}) {
    for (const bool is_over : {true, false}) {  // or another run begins
      const TemporaryFolder folder;
      const auto file = folder.path() / "sums.bin";
      Member member(folder, key);
      const auto message = member.begin(member.task).value();
      // Another name for the same bytes on disk, which a replaced file would leave there.
      const auto before = folder.path() / "before";
      std::filesystem::create_hard_link(file, before);
      const auto kept = read_file(file, 1U << 20).value();
      CHECK(kept.find(message) != std::string::npos);
      if (!key) {
        const auto input = secure::pack(secure::an_input(0, member.task), member.task.word_bits);
        CHECK(kept.find(input) != std::string::npos);
      }
      const Status wiped = is_over ? member.sums.finish() : member.sums.joined("another run");
      REQUIRE(wiped);
      CHECK(read_file(before, 1U << 20).value() == std::string(kept.size(), '\0'));
      CHECK(read_file(file, 1U << 20)->size() < 1024);

      Member again(folder, key);
      CHECK(again.sums.place(CollectionId{member.task.sum}, 1).error().code == Errc::kConflict);
      if (is_over) {
        CHECK(again.begin(member.task).error().code == Errc::kConflict);  // once is enough
      }
    }
  }
}

TEST_CASE("worker: a later attempt of an encrypted sum has the same ciphertexts and members",
          "[worker]") {
  const TemporaryFolder folder;
  const auto key = secure::golden_key();
  Member member(folder, key);
  const auto ciphertexts = [&](const std::string& message) {
    const auto count = secure::ciphertexts_of(member.task, key.public_key());
    return secure::decode_upload(message, key.public_key(), count).value().ciphertexts;
  };
  const auto first = member.begin(member.task).value();
  auto later = member.task;
  later.attempt = 2;
  const auto second = member.begin(later).value();
  CHECK(second != first);  // signed for the attempt
  CHECK(ciphertexts(second) == ciphertexts(first));
  CHECK(member.asked == 1);

  auto stranger = later;
  stranger.attempt = 3;
  stranger.roster[3] = {secure::member_id(7), secure::signer_of(7).public_key()};
  const auto refused = member.begin(stranger);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kConflict);
  CHECK_THAT(refused.error().message, ContainsSubstring("other members"));
  CHECK(member.begin(member.task).error().code == Errc::kConflict);  // the attempt before
}

}  // namespace genesis::worker
