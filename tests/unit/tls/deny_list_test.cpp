#include "common/tls/deny_list.hpp"

#include <vector>

#include "tests/unit/tls/folder.hpp"

using namespace genesis;
using namespace genesis::tls;
using namespace std::chrono_literals;

namespace {

const std::string kDigest(64, 'a');

bool is_denied(DenyList& list, const std::string& name, SteadyTime now) {
  return list.denies({name, kDigest}, now);
}

}  // namespace

TEST_CASE("tls: a deny list has names and fingerprints, one a line", "[tls]") {
  std::string colons;
  for (int i = 0; i < 32; ++i) {
    colons += i == 0 ? "AB" : ":AB";
  }
  std::string plain;
  for (int i = 0; i < 32; ++i) {
    plain += "ab";
  }
  const auto entries =
      parse_deny_list(
          "# lost\n\nsite-3   # its laptop was stolen\r\n  sha256:" + colons + "\nsite-4", "deny")
          .value();
  CHECK(entries == std::set<std::string>{"sha256:" + plain, "site-3", "site-4"});
  CHECK(parse_deny_list("", "deny")->empty());
}

TEST_CASE("tls: a line that is no entry is named", "[tls]") {
  CHECK(parse_deny_list("site-1\nsha256:12\n", "deny.txt").error().message ==
        "deny.txt: line 2: \"sha256:12\": expected sha256: and 64 hexadecimal digits");
  CHECK_THAT(parse_deny_list(std::string(65, 'x'), "deny.txt").error().message,
             ContainsSubstring("deny.txt: line 1: "));
  CHECK_FALSE(parse_deny_list("sha256:" + std::string(64, 'g'), "d"));
  CHECK_FALSE(parse_deny_list("sha256:" + std::string(66, 'a'), "d"));
}

TEST_CASE("tls: a deny list is read again when its file changes, at most once a second", "[tls]") {
  const test::Folder folder;
  folder.write("deny", "site-1\n");
  std::vector<Status> reports;
  const auto list = DenyList::open(folder / "deny", [&](const Status& status) {
                      reports.push_back(status);
                    }).value();
  const auto start = std::chrono::steady_clock::now();
  CHECK(is_denied(*list, "site-1", start));
  CHECK_FALSE(is_denied(*list, "site-2", start));
  folder.write("deny", "site-2\nsha256:" + kDigest + "\n");
  CHECK_FALSE(is_denied(*list, "site-2", start));
  CHECK(reports.empty());
  CHECK(is_denied(*list, "site-2", start + 2s));
  CHECK(is_denied(*list, "anybody with that certificate", start + 2s));
  CHECK_FALSE(list->denies({"site-1", std::string(64, 'b')}, start + 2s));
  REQUIRE(reports.size() == 1);
  CHECK(reports[0]);
}

TEST_CASE("tls: a deny list that has gone or broken leaves its entries in force", "[tls]") {
  const test::Folder folder;
  folder.write("deny", "site-1\n");
  std::vector<Status> reports;
  const auto list = DenyList::open(folder / "deny", [&](const Status& status) {
                      reports.push_back(status);
                    }).value();
  auto now = std::chrono::steady_clock::now();
  folder.write("deny", "sha256:broken\n");
  CHECK(is_denied(*list, "site-1", now += 2s));
  std::filesystem::remove(folder / "deny");
  CHECK(is_denied(*list, "site-1", now += 2s));
  CHECK(is_denied(*list, "site-1", now += 2s));
  REQUIRE(reports.size() == 2);
  CHECK_THAT(reports[0].error().message, ContainsSubstring("deny: line 1"));
  CHECK_THAT(reports[1].error().message, ContainsSubstring("cannot be opened"));
  folder.write("deny", "\n");
  CHECK_FALSE(is_denied(*list, "site-1", now += 2s));
}

TEST_CASE("tls: a running process denies by itself", "[tls]") {
  DenyList list;
  const auto now = std::chrono::steady_clock::now();
  CHECK_FALSE(is_denied(list, "site-1", now));
  REQUIRE(list.deny("site-1"));
  CHECK(is_denied(list, "site-1", now));
  REQUIRE(list.deny("sha256:" + kDigest));
  CHECK(is_denied(list, "other", now));
  CHECK_FALSE(list.deny(""));
  CHECK_FALSE(list.deny("sha256:1"));
}

TEST_CASE("tls: a deny list that is not there is said", "[tls]") {
  const auto missing = DenyList::open("/nowhere/deny");
  REQUIRE_FALSE(missing);
  CHECK_THAT(missing.error().message, ContainsSubstring("/nowhere/deny"));
}
