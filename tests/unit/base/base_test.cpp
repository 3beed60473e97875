#include <array>
#include <filesystem>
#include <fstream>

#include <rapidcheck.h>

#include "common/base/base64.hpp"
#include "common/base/exit_code.hpp"
#include "common/base/file.hpp"
#include "common/base/ids.hpp"
#include "common/base/rng.hpp"
#include "common/base/text.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace genesis;

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
  REQUIRE(write_file_atomic(path, "second", FileAccess::kOwnerOnly));
  CHECK(*read_file(path, 6) == "second");
  CHECK(read_file(path, 5).error().code == Errc::kResourceExhausted);
  CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::others_read) ==
        std::filesystem::perms::none);
  CHECK_FALSE(std::filesystem::exists(folder / "file.partial"));
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
  CHECK(printable("\xa9\xa9\xa9\xa9\xa9", 4) == "...");
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
