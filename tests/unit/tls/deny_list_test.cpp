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

// A deny list of a file, which says site-1, and what it has reported.
struct Listed {
  Listed() {
    write("site-1\n");
    list = DenyList::open(folder / "deny", [this](const Status& status) {
             reports.push_back(status);
           }).value();
  }
  void write(const std::string& text) const { folder.write("deny", text); }
  [[nodiscard]] bool denies(const std::string& name, SteadyTime now) const {
    return is_denied(*list, name, now);
  }

  const test::Folder folder;
  std::vector<Status> reports;
  std::shared_ptr<DenyList> list;
};

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
  Listed listed;
  const auto start = std::chrono::steady_clock::now();
  CHECK(listed.denies("site-1", start));
  CHECK_FALSE(listed.denies("site-2", start));
  listed.write("site-2\nsha256:" + kDigest + "\n");
  CHECK_FALSE(listed.denies("site-2", start));
  CHECK(listed.reports.empty());
  CHECK(listed.denies("site-2", start + 2s));
  CHECK(listed.denies("anybody with that certificate", start + 2s));
  CHECK_FALSE(listed.list->denies({"site-1", std::string(64, 'b')}, start + 2s));
  REQUIRE(listed.reports.size() == 1);
  CHECK(listed.reports[0]);
}

TEST_CASE("tls: a deny list that has gone or broken leaves its entries in force", "[tls]") {
  Listed listed;
  auto now = std::chrono::steady_clock::now();
  listed.write("sha256:broken\n");
  CHECK(listed.denies("site-1", now += 2s));
  std::filesystem::remove(listed.folder / "deny");
  CHECK(listed.denies("site-1", now += 2s));
  CHECK(listed.denies("site-1", now += 2s));
  REQUIRE(listed.reports.size() == 2);
  CHECK_THAT(listed.reports[0].error().message, ContainsSubstring("deny: line 1"));
  CHECK_THAT(listed.reports[1].error().message, ContainsSubstring("cannot be opened"));
  listed.write("\n");
  CHECK_FALSE(listed.denies("site-1", now += 2s));
}

TEST_CASE("tls: the names of a deny list are those of its file and of the process", "[tls]") {
  Listed listed;
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(listed.list->deny("site-9"));
  REQUIRE(listed.list->deny("sha256:" + kDigest));
  CHECK(listed.list->names(start) == std::set<std::string>{"site-1", "site-9"});
  listed.write("site-2\n");
  CHECK(listed.list->names(start + 2s) == std::set<std::string>{"site-2", "site-9"});
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
