#include "common/privacy/ledger_file.hpp"

#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/privacy/costs.hpp"

namespace genesis::privacy {
namespace {

namespace fs = std::filesystem;

LedgerFile opened(const fs::path& folder) {
  auto file = LedgerFile::open(folder, "patients", LedgerFile::Missing::kCreate, kNow);
  if (!file) {
    FAIL(file.error().message);
  }
  return *std::move(file);
}

std::string bytes_of(const fs::path& path) {
  const auto bytes = read_file(path, 1 << 20U);
  return bytes ? *bytes : "";
}

void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

ChargeReceipt charge(LedgerFile& file, std::uint32_t collection) {
  const auto receipt = file.charge(a_question(collection), a_cost(10, 200), {}, kNow);
  if (!receipt) {
    FAIL(receipt.error().message);
  }
  return *receipt;
}

// The folder's two files, as a crash may leave them.
struct OnDisk {
  std::string ledger;
  std::string head;
};

OnDisk on_disk(const fs::path& folder) {
  return {bytes_of(folder / "patients.ledger"), bytes_of(folder / "patients.head")};
}

void restore(const fs::path& folder, const OnDisk& state) {
  fs::create_directories(folder);
  write(folder / "patients.ledger", state.ledger);
  write(folder / "patients.head", state.head);
}

}  // namespace

TEST_CASE("privacy: a ledger keeps what was charged over restarts", "[privacy]") {
  const TemporaryFolder folder;
  const auto place = folder / "state/ledger";
  {
    auto file = opened(place);
    CHECK(charge(file, 1).state == ChargeState::kNew);
    CHECK(charge(file, 1).sequence == 1);  // once
    REQUIRE(file.record_release(1, a_digest('b'), kNow));
    REQUIRE(file.record_release(1, a_digest('b'), kNow));
  }
  auto file = opened(place);
  CHECK(file.ledger().entries().size() == 3);
  CHECK(charge(file, 1).state == ChargeState::kReleased);
  CHECK(charge(file, 1).released_sha256 == a_digest('b'));
  CHECK(charge(file, 2).sequence == 3);
  CHECK(read_ledger(place, "patients")->entries() == file.ledger().entries());
  // Nobody else's business.
  CHECK((fs::status(file.path()).permissions() & fs::perms::others_all) == fs::perms::none);
}

TEST_CASE("privacy: one process at a time holds a ledger", "[privacy]") {
  const TemporaryFolder folder;
  auto file = std::make_optional(opened(folder.path()));
  const auto second =
      LedgerFile::open(folder.path(), "patients", LedgerFile::Missing::kCreate, kNow);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::kFailedPrecondition);
  CHECK_THAT(second.error().message, ContainsSubstring("another process holds the ledger"));
  CHECK(LedgerFile::open(folder.path(), "others", LedgerFile::Missing::kCreate, kNow));
  CHECK(read_ledger(folder.path(), "patients"));
  file.reset();
  CHECK(LedgerFile::open(folder.path(), "patients", LedgerFile::Missing::kRefuse, kNow));
}

TEST_CASE("privacy: a crash at any byte of a charge never forgets an earlier one", "[privacy]") {
  // All states that a kill or a power cut can leave while a charge is written: any part of the
  // line, then the head old or new. The charge counts once its call has returned, which it does
  // with the new head.
  const TemporaryFolder folder;
  OnDisk before;
  OnDisk after;
  {
    auto file = opened(folder / "original");
    charge(file, 1);
    before = on_disk(folder / "original");
    charge(file, 2);
    after = on_disk(folder / "original");
  }
  REQUIRE(after.ledger.starts_with(before.ledger));
  REQUIRE(after.head != before.head);
  std::size_t number = 0;
  for (std::size_t size = before.ledger.size(); size <= after.ledger.size(); ++size) {
    const auto place = folder / std::to_string(number++);
    restore(place, {after.ledger.substr(0, size), before.head});
    const bool whole = size == after.ledger.size();
    {
      auto file = opened(place);
      CHECK(file.ledger().costs().size() == (whole ? 2 : 1));
      CHECK(
          file.ledger().check_contains(*parse_head(before.head.substr(0, before.head.size() - 1))));
      CHECK(charge(file, 2).sequence == 2);  // the site asks again: charged once in all
      CHECK(file.ledger().costs().size() == 2);
    }
    CHECK(on_disk(place).ledger == after.ledger);
    CHECK(on_disk(place).head == after.head);
  }
}

TEST_CASE("privacy: a ledger that is cut at any byte behind its head is refused", "[privacy]") {
  const TemporaryFolder folder;
  OnDisk whole;
  {
    auto file = opened(folder / "original");
    charge(file, 1);
    charge(file, 2);
    whole = on_disk(folder / "original");
  }
  for (std::size_t size = 0; size < whole.ledger.size(); ++size) {
    const auto place = folder / std::to_string(size);
    restore(place, {whole.ledger.substr(0, size), whole.head});
    const auto file = LedgerFile::open(place, "patients", LedgerFile::Missing::kCreate, kNow);
    REQUIRE_FALSE(file);
    CHECK(file.error().code == Errc::kDataLoss);
    CHECK(on_disk(place).ledger == whole.ledger.substr(0, size));  // untouched, for whoever repairs
    CHECK_FALSE(read_ledger(place, "patients"));
  }
}

TEST_CASE("privacy: a crash while a ledger is made leaves one that can be opened", "[privacy]") {
  const TemporaryFolder folder;
  OnDisk whole;
  {
    auto file = opened(folder / "original");
    whole = on_disk(folder / "original");
  }
  const auto place = folder / "crashed";
  restore(place, whole);
  fs::remove(place / "patients.head");
  CHECK(opened(place).ledger().entries().size() == 1);
  CHECK(on_disk(place).head == whole.head);
}

TEST_CASE("privacy: a missing ledger, a missing head and another data set's ledger are refused",
          "[privacy]") {
  const TemporaryFolder folder;
  const auto nothing =
      LedgerFile::open(folder.path(), "patients", LedgerFile::Missing::kRefuse, kNow);
  CHECK(nothing.error().code == Errc::kNotFound);
  {
    auto file = opened(folder.path());
    charge(file, 1);
  }
  const auto whole = on_disk(folder.path());
  const auto error_of = [&] {
    return LedgerFile::open(folder.path(), "patients", LedgerFile::Missing::kCreate, kNow).error();
  };
  fs::remove(folder / "patients.ledger");
  CHECK_THAT(error_of().message, ContainsSubstring("the ledger is missing"));
  restore(folder.path(), whole);
  fs::remove(folder / "patients.head");
  CHECK_THAT(error_of().message, ContainsSubstring("is missing, so it can't be told"));
  restore(folder.path(), {whole.ledger, "nonsense\n"});
  CHECK_THAT(error_of().message, ContainsSubstring("no head of a ledger"));
  write(folder / "visits.ledger", whole.ledger);
  write(folder / "visits.head", whole.head);
  CHECK_THAT(
      LedgerFile::open(folder.path(), "visits", LedgerFile::Missing::kCreate, kNow).error().message,
      ContainsSubstring("is the ledger of data set patients, not of visits"));
  CHECK_FALSE(LedgerFile::open(folder.path(), "../x", LedgerFile::Missing::kCreate, kNow));
}

TEST_CASE("privacy: a copy that is restored with its head shows against a newer head",
          "[privacy]") {
  const TemporaryFolder folder;
  auto file = std::make_optional(opened(folder.path()));
  charge(*file, 1);
  const auto backup = on_disk(folder.path());
  charge(*file, 2);
  const auto newest = file->ledger().head();
  file.reset();
  restore(folder.path(), backup);
  const auto restored = opened(folder.path());  // by itself it can't tell
  CHECK(restored.ledger().check_contains(newest).error().code == Errc::kDataLoss);
}

TEST_CASE("privacy: after a failed write nothing more is charged", "[privacy]") {
  const TemporaryFolder folder;
  auto file = opened(folder.path());
  charge(file, 1);
  const auto ledger = file.path();
  fs::rename(ledger, folder / "away");
  CHECK_FALSE(file.charge(a_question(2), a_cost(10, 200), {}, kNow));
  fs::rename(folder / "away", ledger);
  const auto refused = file.charge(a_question(2), a_cost(10, 200), {}, kNow);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, ContainsSubstring("an earlier write failed"));
}

TEST_CASE("privacy: a site that is killed at any moment has spent all that it was told",
          "[privacy][slow]") {
  // A child charges as fast as it can and writes a byte for each charge that returned; it is killed
  // after some bytes, wherever it is by then.
  const TemporaryFolder folder;
  for (std::uint32_t round = 0; round < 12; ++round) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto file = LedgerFile::open(folder.path(), "patients", LedgerFile::Missing::kCreate, kNow);
      const auto variance = NoiseVariance::at_least(200);
      if (!file || !variance) {
        ::_exit(1);
      }
      for (std::uint32_t i = 1; i < 100'000; ++i) {
        const Question question{"run-" + std::to_string(round), i, 0, std::string(64, 'a')};
        const Cost cost{.tables = 1, .cells = 1, .variance = *variance};
        if (!file->charge(question, cost, {}, kNow) || ::write(ends[1], "x", 1) != 1) {
          ::_exit(1);
        }
      }
      ::_exit(0);
    }
    ::close(ends[1]);
    std::size_t acknowledged = 0;
    char byte = 0;
    while (acknowledged < 3 + 5 * round && ::read(ends[0], &byte, 1) == 1) {
      ++acknowledged;
    }
    REQUIRE(acknowledged == 3 + 5 * round);
    ::kill(child, SIGKILL);
    while (::read(ends[0], &byte, 1) == 1) {
      ++acknowledged;
    }
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    const auto file = opened(folder.path());
    std::size_t charged = 0;
    for (const auto& entry : file.ledger().entries()) {
      const auto* charge = std::get_if<Charged>(&entry.event);
      charged +=
          charge != nullptr && charge->question.run == "run-" + std::to_string(round) ? 1 : 0;
    }
    CHECK(charged >= acknowledged);
    CHECK(charged <= acknowledged + 1);
  }
}

TEST_CASE("privacy: a ledger moves, and only one copy can be charged", "[privacy]") {
  const TemporaryFolder folder;
  std::string text;
  {
    auto file = opened(folder / "old");
    charge(file, 1);
    const auto answered = charge(file, 4);
    REQUIRE(file.record_release(answered.sequence, a_digest('b'), kNow));
    text = file.export_to(kNow).value();
    CHECK(file.export_to(kNow).value() == text);  // again: the same transfer
    CHECK_FALSE(file.charge(a_question(2), a_cost(10, 200), {}, kNow));
    CHECK(file.charge(a_question(4), a_cost(10, 200), {}, kNow));  // answered long ago
    // Charged and never answered: the other copy may draw its noise, so this one may not.
    CHECK_FALSE(file.charge(a_question(1), a_cost(10, 200), {}, kNow));
    CHECK_FALSE(file.record_release(1, a_digest('c'), kNow));
  }
  CHECK_FALSE(opened(folder / "old").charge(a_question(2), a_cost(10, 200), {}, kNow));
  {
    auto moved = import_ledger(folder / "new", "patients", text, kNow);
    REQUIRE(moved);
    CHECK(charge(*moved, 2).state == ChargeState::kNew);
    CHECK(moved->ledger().costs().size() == 3);
  }
  // Twice into the same place, back to where it came from, and over a ledger in use: refused.
  CHECK(import_ledger(folder / "new", "patients", text, kNow).error().code == Errc::kAlreadyExists);
  CHECK(import_ledger(folder / "old", "patients", text, kNow).error().code == Errc::kAlreadyExists);
  { auto other = opened(folder / "other"); }
  CHECK(import_ledger(folder / "other", "patients", text, kNow).error().code ==
        Errc::kAlreadyExists);
  // It comes back once the new place has given it away.
  const auto back = opened(folder / "new").export_to(kNow).value();
  auto returned = import_ledger(folder / "old", "patients", back, kNow);
  REQUIRE(returned);
  CHECK(returned->ledger().costs().size() == 3);
  CHECK(charge(*returned, 3).state == ChargeState::kNew);
}

TEST_CASE("privacy: heads are signed with a key that is the ledger's owner's and moves with it",
          "[privacy]") {
  const TemporaryFolder folder;
  std::string told;
  std::string text;
  {
    auto file = opened(folder / "old");
    charge(file, 1);
    told = file.told_head("run-1");
    text = file.export_to(kNow).value();
    CHECK((fs::status(folder / "old/patients.key").permissions() & fs::perms::mask) ==
          (fs::perms::owner_read | fs::perms::owner_write));
  }
  {
    auto moved = import_ledger(folder / "new", "patients", text, kNow);
    REQUIRE(moved);
    CHECK(moved->ledger().check_told(told).value() == std::nullopt);
    CHECK(moved->ledger().check_told(moved->told_head("run-2")).value() == std::nullopt);
  }
  const auto reopened = opened(folder / "new");
  CHECK(reopened.ledger().check_told(reopened.told_head("run-2")).value() == std::nullopt);
}

TEST_CASE("privacy: a ledger without its key goes on unsigned, and with another one it does not",
          "[privacy]") {
  const TemporaryFolder folder;
  {
    auto file = opened(folder.path());
    charge(file, 1);
    CHECK(file.has_key());
  }
  const auto key = folder / "patients.key";
  const auto text = bytes_of(key);
  write(key, std::string(64, 'a') + "\n");
  const auto refused =
      LedgerFile::open(folder.path(), "patients", LedgerFile::Missing::kRefuse, kNow);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, ContainsSubstring("is not the key of the ledger beside it"));
  fs::remove(key);
  {
    auto file = opened(folder.path());
    CHECK_FALSE(file.has_key());
    CHECK(charge(file, 2).state == ChargeState::kNew);
    CHECK(file.told_head("run-1") == to_text(file.ledger().head()));
    const auto export_text = file.export_to(kNow).value();
    CHECK_FALSE(import_ledger(folder / "new", "patients", export_text, kNow)->has_key());
  }
  write(key, text);
  CHECK(opened(folder.path()).has_key());
}

TEST_CASE("privacy: copies, cut exports and exports of other data are not imported", "[privacy]") {
  const TemporaryFolder folder;
  auto file = opened(folder / "old");
  charge(file, 1);
  const auto copy = bytes_of(file.path());
  const auto refused = import_ledger(folder / "new", "patients", copy, kNow);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, ContainsSubstring("copied can still be charged"));
  const auto text = file.export_to(kNow).value();
  const auto last_line = text.substr(text.rfind('\n', text.size() - 2) + 1);
  CHECK_THAT(import_ledger(folder / "new", "patients", copy + last_line, kNow).error().message,
             ContainsSubstring("copied, not exported"));
  CHECK_FALSE(import_ledger(folder / "new", "visits", text, kNow));
  for (std::size_t size = 0; size < text.size(); ++size) {
    CHECK_FALSE(import_ledger(folder / "new", "patients", text.substr(0, size), kNow));
  }
  CHECK_FALSE(fs::exists(folder / "new/patients.ledger"));
  std::string other_key = text;
  other_key[text.rfind('"') - 1] = other_key[text.rfind('"') - 1] == '0' ? '1' : '0';
  CHECK_THAT(import_ledger(folder / "new", "patients", other_key, kNow).error().message,
             ContainsSubstring("not the key of the ledger"));
  // A crash between ledger and head of an import.
  REQUIRE(import_ledger(folder / "new", "patients", text, kNow));
  fs::remove(folder / "new/patients.head");
  CHECK(opened(folder / "new").ledger().costs().size() == 1);
}

}  // namespace genesis::privacy
