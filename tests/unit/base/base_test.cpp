#include <array>
#include <filesystem>
#include <fstream>

#include <rapidcheck.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/base64.hpp"
#include "common/base/exit_code.hpp"
#include "common/base/file.hpp"
#include "common/base/ids.hpp"
#include "common/base/rng.hpp"
#include "common/base/text.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace genesis;

namespace {

mode_t mode_of(const std::filesystem::path& path) {
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  return found.st_mode & 0777U;
}

// So that modes are those that the code asks for.
struct UsualMask {
  mode_t before = ::umask(022);
  UsualMask() = default;
  UsualMask(const UsualMask&) = delete;
  UsualMask& operator=(const UsualMask&) = delete;
  ~UsualMask() { ::umask(before); }
};

std::size_t count_files(const TemporaryFolder& folder) {
  const std::filesystem::directory_iterator files(folder / ".");
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

}  // namespace

TEST_CASE("base: a client id is safe in paths and certificates", "[base]") {
  for (const char* good : {"a", "site-1", "Hospital_9.b", "0"}) {
    CHECK(ClientId::parse(good)->str() == good);
  }
  for (const auto& bad : {std::string(),
                          std::string("../x"),
                          std::string("a/b"),
                          std::string(".a"),
                          std::string("-a"),
                          std::string("a b"),
                          std::string("\xc3\xa9"),
                          std::string(64, 'a'),
                          std::string("a\0b", 3)}) {
    const auto parsed = ClientId::parse(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == Errc::kInvalidArgument);
  }
}

TEST_CASE("base: every error code has a name of its own", "[base]") {
  for (const Errc code : kErrcs) {
    CHECK(errc_of(to_string(code)) == code);
  }
  CHECK(errc_of("") == std::nullopt);
  CHECK(errc_of("invalidargument") == std::nullopt);
}

TEST_CASE("base: no error is both retryable and permanent", "[base]") {
  for (const Errc code : kErrcs) {
    CAPTURE(to_string(code));
    CHECK_FALSE((is_retryable(code) && is_permanent(code)));
  }
  for (const Errc code : {Errc::kInvalidArgument, Errc::kNotFound, Errc::kPermissionDenied}) {
    CHECK(exit_code_of(code) == kExitPermanentError);
  }
  // A restart may cure these: a full disk, a token that is being replaced, a port that gets free.
  for (const Errc code : {Errc::kIo, Errc::kUnauthenticated, Errc::kAlreadyExists}) {
    CHECK(exit_code_of(code) == kExitFailure);
  }
  CHECK(exit_code_of(Errc::kUnavailable) == kExitFailure);
}

TEST_CASE("base: an error within a context keeps its code and setting", "[base]") {
  const Error error{Errc::kAlreadyExists, "port in use", Setting::kListenPort};
  const Error within = error.within("server");
  CHECK(within.code == Errc::kAlreadyExists);
  CHECK(within.message == "server: port in use");
  CHECK(within.setting == Setting::kListenPort);
}

TEST_CASE("base: a random stream is named by seed, round, client and purpose", "[base]") {
  const auto first =
      [](std::uint64_t seed, std::uint32_t round, const char* client, const char* purpose) {
        return Rng(seed, RoundId{round}, client, purpose).next();
      };
  const auto reference = first(7, 1, "ab", "c");
  CHECK(reference == first(7, 1, "ab", "c"));
  CHECK(reference != first(8, 1, "ab", "c"));
  CHECK(reference != first(7, 2, "ab", "c"));
  CHECK(reference != first(7, 1, "a", "bc"));
  CHECK(reference != first(7, 1, "ab", "d"));
}

TEST_CASE("base: a restored stream goes on where it was", "[base]") {
  Rng rng(1, RoundId{2}, "c", "p");
  rng.next();
  auto copy = Rng::restore(rng.state());
  CHECK(copy.next() == rng.next());
}

TEST_CASE("base: draws below a bound are uniform, normal draws have unit variance", "[base]") {
  // 60,000 draws: a count's standard deviation is 91, so 5 of them are exceeded once in a million.
  Rng rng(3, RoundId{0}, "", "test");
  std::array<int, 6> counts{};
  double sum = 0.0, squares = 0.0;
  constexpr int kDraws = 60'000;
  for (int i = 0; i < kDraws; ++i) {
    ++counts.at(rng.below(6));
    const double x = rng.normal();
    sum += x;
    squares += x * x;
  }
  for (const int count : counts) {
    CHECK(std::abs(count - kDraws / 6) < 460);
  }
  CHECK_THAT(sum / kDraws, WithinAbs(0.0, 0.02));
  CHECK_THAT(squares / kDraws, WithinAbs(1.0, 0.03));
}

TEST_CASE("base: a file is replaced whole and read back within its bound", "[base]") {
  const TemporaryFolder folder;
  const auto path = folder / "file";
  REQUIRE(write_file_atomic(path, "first"));
  REQUIRE(write_file_atomic(path, "second"));
  CHECK(*read_file(path, 6) == "second");
  CHECK(read_file(path, 5).error().code == Errc::kResourceExhausted);
  CHECK(count_files(folder) == 1);
}

TEST_CASE("base: files are their owner's alone unless the caller says otherwise", "[base]") {
  const TemporaryFolder folder;
  const UsualMask mask;
  REQUIRE(write_file_atomic(folder / "rows", "1,2"));
  CHECK(mode_of(folder / "rows") == 0600);
  REQUIRE(write_file_atomic(folder / "ca.crt", "PEM", FileAccess::kEveryone));
  CHECK(mode_of(folder / "ca.crt") == 0644);
  auto writer = FileWriter::create(folder / "streamed");
  REQUIRE(writer);
  REQUIRE(writer->write("a,b\n"));
  REQUIRE(writer->write("1,2\n"));
  REQUIRE(writer->finish());
  CHECK(mode_of(folder / "streamed") == 0600);
  CHECK(*read_file(folder / "streamed", 100) == "a,b\n1,2\n");
  REQUIRE(write_at(folder / "part", 2, "xy"));
  CHECK(mode_of(folder / "part") == 0600);
  REQUIRE(make_private_folder(folder / "a/b/"));
  CHECK(mode_of(folder / "a") == 0700);
  CHECK(mode_of(folder / "a/b") == 0700);
  REQUIRE(make_private_folder(folder / "a/b"));
  CHECK(make_private_folder(folder / "rows/x").error().code == Errc::kIo);
}

TEST_CASE("base: nothing is written through a link that somebody put there", "[base]") {
  const TemporaryFolder folder;
  const auto victim = folder / "victim";
  REQUIRE(write_file_atomic(victim, "whole"));
  std::filesystem::create_symlink(victim, folder / "model");
  std::filesystem::create_symlink(victim, folder / "model.partial");  // a name that can be guessed
  REQUIRE(write_file_atomic(folder / "model", "model"));
  CHECK(*read_file(victim, 100) == "whole");
  CHECK(*read_file(folder / "model", 100) == "model");
  CHECK_FALSE(std::filesystem::is_symlink(folder / "model"));
  std::filesystem::create_symlink(victim, folder / "part");
  CHECK(write_at(folder / "part", 0, "x").error().code == Errc::kIo);
  CHECK(*read_file(victim, 100) == "whole");
}

TEST_CASE("base: a write that fails leaves nothing, and what a killed one left can be removed",
          "[base]") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "taken");
  CHECK(write_file_atomic(folder / "taken", "x").error().code == Errc::kIo);
  CHECK(count_files(folder) == 1);
  REQUIRE(write_file_atomic(folder / "model.0123456789abcdef.partial", "half"));
  REQUIRE(write_file_atomic(folder / "kept", "whole"));
  REQUIRE(write_file_atomic(folder / "download.partial", "somebody else's"));
  remove_partial_files(folder / ".");
  CHECK(count_files(folder) == 3);
  CHECK(*read_file(folder / "kept", 10) == "whole");
}

TEST_CASE("base: file errors name the file", "[base]") {
  const TemporaryFolder folder;
  const auto missing = read_file(folder / "none", 10);
  CHECK(missing.error().code == Errc::kNotFound);
  CHECK_THAT(missing.error().message, ContainsSubstring("none"));
  const auto unwritable = write_file_atomic(folder / "no/file", "x");
  CHECK(unwritable.error().code == Errc::kIo);
  CHECK_THAT(unwritable.error().message, ContainsSubstring("no/file"));
}

TEST_CASE("base: the nearest name is one that may have been meant", "[base]") {
  const std::array<std::string, 3> names = {"minClients", "maxClients", "count"};
  CHECK(nearest("minClient", names) == "minClients");
  CHECK(nearest("MAXCLIENTS", names) == "maxClients");
  CHECK(nearest("zzzzzz", names).empty());
}

TEST_CASE("base: what others wrote becomes one short line without control characters", "[base]") {
  CHECK(printable("plain", 5) == "plain");
  CHECK(printable("a\nb\x1b[2J\x7f", 100) == "a b [2J ");
  CHECK(printable("0123456789", 8) == "01234...");
  CHECK(printable("0123456789", 2) == "..");
  // U+00E9 has two bytes: the cut after its first would leave no character.
  CHECK(printable("abc\xc3\xa9xyz", 7) == "abc...");
  CHECK(printable("\xc3\xa9\xc3\xa9", 4) == "\xc3\xa9\xc3\xa9");
  CHECK(printable("\xa9\xa9\xa9\xa9\xa9", 4) == "?...");
}

TEST_CASE("base: nothing that steers a terminal or turns a line around is printable", "[base]") {
  CHECK(printable("a\xc2\x9b"
                  "2Jb\xc2\x85"
                  "c") == "a 2Jb c");  // C1: CSI, NEL
  CHECK(printable("a\xe2\x80\xa8"
                  "b\xe2\x80\xa9"
                  "c") == "a b c");  // line, paragraph
  CHECK(printable("a\xe2\x80\xae"
                  "b\xe2\x81\xa6"
                  "c\xd8\x9c") == "a b c ");  // RLO, LRI, ALM
  CHECK(printable("a\x9b"
                  "2J") == "a?2J");  // CSI of a terminal that takes bytes for characters
  CHECK(printable(std::string_view("a\0b", 3)) == "a b");
  const std::string kept = "Zürich Ελλάδα 東京 \xf0\x9f\x8f\xa5 ’–…";
  CHECK(printable(kept) == kept);
}

TEST_CASE("base: what is no UTF-8 is replaced byte by byte", "[base]") {
  CHECK(printable("\xc0\xaf") == "??");            // overlong
  CHECK(printable("\xe0\x80\x8a") == "???");       // overlong line feed
  CHECK(printable("\xed\xa0\x80") == "???");       // surrogate
  CHECK(printable("\xf5\x80\x80\x80") == "????");  // above U+10FFFF
  CHECK(printable("\xc3") == "?");                 // cut
  CHECK(printable("\xe2\x80") == "??");
  CHECK(printable("\xc3z") == "?z");
  CHECK(printable("\xff\xfe") == "??");
}

TEST_CASE("base: what stands in quotes is left out of what others read", "[base]") {
  CHECK(without_quoted("a.csv:5: column 'x': \"Miller\" is no number; nearest \"1\"") ==
        "a.csv:5: column 'x': (a text) is no number; nearest (a text)");
  CHECK(without_quoted("cut \"off") == "cut (a text)");
  CHECK(without_quoted("plain").size() == 5);
}

TEST_CASE("base: amounts read well", "[base]") {
  CHECK(human_bytes(512) == "512 B");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(human_bytes(4.0 * 1024 * 1024) == "4.0 MiB");
}

TEST_CASE("base: base64 as RFC 4648 has it", "[base]") {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    CHECK(base64_encode(bytes) == text);
    CHECK(base64_decode(text) == bytes);
  }
  CHECK(base64_decode("Zm9v\nYg==\n") == "foob");
  for (const char* bad : {"Zg", "Zg=", "Z===", "====", "Zm9v!", "Zg==Zg==", "=Zg="}) {
    INFO(bad);
    CHECK_FALSE(base64_decode(bad));
  }
}

TEST_CASE("base: base64 gives any bytes back", "[base][property]") {
  REQUIRE(rc::check("round trip", [](const std::string& bytes) {
    RC_ASSERT(base64_decode(base64_encode(bytes)) == bytes);
  }));
}
