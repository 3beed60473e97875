#include "common/privacy/ledger.hpp"

#include <string>
#include <vector>

#include <rapidcheck.h>

#include "tests/support/catch.hpp"
#include "tests/unit/privacy/costs.hpp"

namespace genesis::privacy {
namespace {

const std::string kId(32, '5');

void write(Ledger& ledger, Event event) {
  REQUIRE(ledger.append(ledger.next(std::move(event), kNow)));
}

Ledger a_ledger() {
  Ledger ledger = Ledger::empty();
  write(ledger, Opened{"patients", kId, a_signing_key().public_key()});
  return ledger;
}

Ledger with_charges(std::uint32_t count) {
  Ledger ledger = a_ledger();
  for (std::uint32_t i = 1; i <= count; ++i) {
    write(ledger, Charged{a_question(i), a_cost(10 * i, 200)});
    write(ledger, Released{ledger.head().sequence, a_digest('b')});
  }
  return ledger;
}

}  // namespace

TEST_CASE("privacy: a ledger is read back as it was written", "[privacy]") {
  Ledger ledger = with_charges(3);
  write(ledger, Exported{"t1"});
  write(ledger, Imported{"t1"});
  const auto read = Ledger::read(ledger.text());
  REQUIRE(read);
  CHECK(read->ledger.entries() == ledger.entries());
  CHECK(read->complete_bytes == ledger.text().size());
  CHECK(read->ledger.data_set() == "patients");
  CHECK(read->ledger.id() == kId);
}

TEST_CASE("privacy: a line of the ledger is what the documentation shows", "[privacy][golden]") {
  // python3: hashlib.sha256(b'{"dataSet":"patients","format":1,…}').hexdigest()
  CHECK(a_ledger().text() ==
        R"({"entry":{"dataSet":"patients","format":1,"id":"55555555555555555555555555555555",)"
        R"("kind":"opened","previous":"",)"
        R"("publicKey":"c853ad0f0cd2b619aea92ceec4fd56a24d6499d584ce79257e45cfd8139b60a7",)"
        R"("sequence":0,"time":"2026-03-01T12:00:00Z"},"hash":")"
        "854088c4ef422313754c9c6761930421fdf47d2a431e1fd63d73a6cbb6efae25\"}\n");
}

TEST_CASE("privacy: every altered byte and every removed line of a ledger is seen", "[privacy]") {
  const Ledger ledger = with_charges(2);
  const std::string text = ledger.text();
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const char change : {'\x01', '\x20'}) {
      std::string altered = text;
      altered[i] = static_cast<char>(altered[i] ^ change);
      const auto read = Ledger::read(altered);
      // A last line that is no line any more is one that was never finished; the head tells.
      const bool last_break = i + 1 == text.size();
      if (read && !last_break) {
        CAPTURE(i, altered);
        FAIL_CHECK("was read");
      }
    }
  }
  std::vector<std::string> lines;
  for (const auto& entry : ledger.entries()) {
    lines.push_back(to_line(entry) + "\n");
  }
  for (std::size_t without = 0; without + 1 < lines.size(); ++without) {
    std::string rest;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      rest += i == without ? "" : lines[i];
    }
    const auto read = Ledger::read(rest);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::kDataLoss);
    CHECK_THAT(read.error().message, ContainsSubstring("line " + std::to_string(without + 1)));
  }
}

TEST_CASE("privacy: a ledger that is cut anywhere is read up to its last whole line", "[privacy]") {
  const Ledger ledger = with_charges(2);
  const std::string text = ledger.text();
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const auto read = Ledger::read(std::string_view(text).substr(0, size));
    REQUIRE(read);
    CHECK(read->complete_bytes <= size);
    if (!read->ledger.entries().empty()) {
      const auto contained = read->ledger.check_contains(ledger.head());
      CHECK(contained.has_value() == (size == text.size()));
    }
  }
}

TEST_CASE("privacy: the same question is charged once", "[privacy]") {
  Ledger ledger = a_ledger();
  const auto question = a_question(1);
  const auto cost = a_cost(15, 500);
  REQUIRE(ledger.consider(question, cost, {})->has_value() == false);
  write(ledger, Charged{question, cost});

  auto again = ledger.consider(question, cost, {});
  REQUIRE((again && *again));
  CHECK((*again)->sequence == 1);
  CHECK((*again)->state == ChargeState::kNew);

  REQUIRE(*ledger.consider_release(1, a_digest('c')));
  write(ledger, Released{1, a_digest('c')});
  again = ledger.consider(question, cost, {});
  REQUIRE((again && *again));
  CHECK((*again)->state == ChargeState::kReleased);
  CHECK((*again)->released_sha256 == a_digest('c'));
  CHECK(*ledger.consider_release(1, a_digest('c')) == false);

  // Another run, another collection and another attempt are charged again.
  CHECK(ledger.consider(a_question(1, "run-2"), cost, {})->has_value() == false);
  CHECK(ledger.consider(a_question(2), cost, {})->has_value() == false);
  auto retry = question;
  retry.attempt = 1;
  CHECK(ledger.consider(retry, cost, {})->has_value() == false);
}

TEST_CASE("privacy: a server that asks twice, or for less noise, is refused", "[privacy]") {
  Ledger ledger = a_ledger();
  const auto question = a_question(1);
  write(ledger, Charged{question, a_cost(15, 500)});
  auto other = question;
  other.query_sha256 = a_digest('d');
  for (const auto& result : {ledger.consider(other, a_cost(15, 500), {}),
                             ledger.consider(question, a_cost(15, 499), {}),
                             ledger.consider(question, a_cost(16, 500), {})}) {
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Errc::kConflict);
    CHECK_THAT(result.error().message, ContainsSubstring("collection 1 of run run-1"));
  }
  REQUIRE(*ledger.consider_release(1, a_digest('c')));
  write(ledger, Released{1, a_digest('c')});
  CHECK(ledger.consider_release(1, a_digest('e')).error().code == Errc::kConflict);
  CHECK(ledger.consider_release(0, a_digest('e')).error().code == Errc::kNotFound);
  CHECK(ledger.consider_release(9, a_digest('e')).error().code == Errc::kNotFound);
  auto skips = question;
  skips.attempt = 2;
  CHECK(ledger.consider(skips, a_cost(15, 500), {}).error().code == Errc::kInvalidArgument);
}

TEST_CASE("privacy: the budget holds over all runs, and is refused before it is passed",
          "[privacy]") {
  Ledger ledger = a_ledger();
  const auto total = a_guarantee(3);
  std::uint32_t accepted = 0;
  for (std::uint32_t i = 1; i <= 10; ++i) {
    const auto question = a_question(1, "run-" + std::to_string(i));
    const auto cost = a_cost(20, 200);  // epsilon 1.2 alone, 3.0 at five of them
    const auto result = ledger.consider(question, cost, total);
    if (!result) {
      CHECK(result.error().code == Errc::kResourceExhausted);
      CHECK_THAT(result.error().message, ContainsSubstring("budget of data set patients"));
      CHECK(ledger.spent(Delta{1e-5})->epsilon <= Epsilon{3});
      auto more = ledger.costs();
      more.push_back(cost);
      CHECK(*epsilon_of(more, Delta{1e-5}, Adversary::kClaimed) > Epsilon{3});
      continue;
    }
    ++accepted;
    write(ledger, Charged{question, cost});
  }
  CHECK(accepted == 5);
  CHECK(ledger.spent(Delta{1e-5})->charges == 5);
  CHECK(ledger.spent(Delta{1e-5})->squared_mu ==
        5 * squared_mu(a_cost(20, 200), Adversary::kClaimed));
  // What has been charged is answered again, whatever is left.
  CHECK(ledger.consider(a_question(1, "run-1"), a_cost(20, 200), total)->has_value());
}

TEST_CASE("privacy: heads tell a cut, a restored and a foreign ledger", "[privacy]") {
  const Ledger old = with_charges(2);
  Ledger now = old;
  write(now, Charged{a_question(9), a_cost(1, 100)});
  Ledger other_history = old;
  write(other_history, Charged{a_question(8), a_cost(1, 100)});
  CHECK(now.check_contains(old.head()));
  CHECK(now.check_contains(now.head()));
  CHECK_THAT(old.check_contains(now.head()).error().message, ContainsSubstring("cut or restored"));
  CHECK_THAT(other_history.check_contains(now.head()).error().message,
             ContainsSubstring("restored from an older copy and then went on"));
  LedgerHead foreign = now.head();
  foreign.id = std::string(32, '6');
  CHECK_THAT(now.check_contains(foreign).error().message, ContainsSubstring("other data"));

  CHECK(parse_head(to_text(now.head())).value() == now.head());
  CHECK_FALSE(parse_head(kId + ":01:" + now.head().hash));
  for (const char* text : {"", ":", "::", "a:1:b", "55555555555555555555555555555555:x:00"}) {
    CHECK_FALSE(parse_head(text));
  }
}

TEST_CASE("privacy: a head that others hand back binds only where the ledger's key has signed it",
          "[privacy]") {
  const Ledger old = with_charges(2);
  Ledger now = old;
  write(now, Charged{a_question(9), a_cost(1, 100)});
  const auto newest = sign(now.head(), "run-1", a_signing_key());
  CHECK(now.check_told(to_text(newest)).value() == std::nullopt);
  CHECK(now.check_told(to_text(sign(old.head(), "run-1", a_signing_key()))).value() ==
        std::nullopt);
  const auto rolled_back = old.check_told(to_text(newest));
  REQUIRE_FALSE(rolled_back);
  CHECK(rolled_back.error().code == Errc::kDataLoss);
  CHECK_THAT(rolled_back.error().message, ContainsSubstring("cut or restored"));

  // What a server can make up for a ledger that is in order: all of it is ignored.
  const auto ignored = [&](const std::string& text, const std::string& why) {
    const auto told = old.check_told(text);
    INFO(text);
    REQUIRE(told);
    REQUIRE(*told);
    CHECK_THAT(**told, ContainsSubstring(why));
  };
  const auto other_key = *crypto::SigningKey::parse(std::string(64, '8'));
  ignored(to_text(sign(now.head(), "run-1", other_key)), "has not signed it");
  auto later = newest;
  later.head.sequence = 900;
  ignored(to_text(later), "has not signed it");
  auto other_run = newest;
  other_run.run_sha256 = a_digest('c');
  ignored(to_text(other_run), "has not signed it");
  auto foreign = newest;
  foreign.head.id = std::string(32, '6');
  ignored(to_text(foreign), "another one begun");
  ignored(to_text(now.head()), "is no head");
  ignored("", "is no head");
  ignored(std::string(1000, ':'), "is no head");

  CHECK(parse_signed_head(to_text(newest)).value() == newest);
  const auto text = to_text(newest);
  for (std::size_t size = 0; size < text.size(); ++size) {
    CHECK_FALSE(parse_signed_head(text.substr(0, size)));
  }
  CHECK_FALSE(parse_signed_head(text + "0"));
}

TEST_CASE("privacy: an exported ledger refuses charges until it is imported", "[privacy]") {
  Ledger ledger = with_charges(1);
  write(ledger, Exported{"t1"});
  const auto refused = ledger.consider(a_question(5), a_cost(1, 100), {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kFailedPrecondition);
  CHECK_FALSE(ledger.append(ledger.next(Charged{a_question(5), a_cost(1, 100)}, kNow)));
  CHECK_FALSE(ledger.append(ledger.next(Imported{"t2"}, kNow)));
  write(ledger, Imported{"t1"});
  CHECK(ledger.consider(a_question(5), a_cost(1, 100), {}));
  CHECK_FALSE(ledger.append(ledger.next(Imported{"t1"}, kNow)));
}

TEST_CASE("privacy: names of data sets are names of files", "[privacy]") {
  for (const char* name : {"patients", "Patients-2026.v1_a", "7"}) {
    CHECK(check_data_set_name(name));
  }
  for (const std::string& name : {std::string(),
                                  std::string("a/b"),
                                  std::string(".."),
                                  std::string("-a"),
                                  std::string("a b"),
                                  std::string(64, 'a'),
                                  std::string("a\0b", 3)}) {
    CHECK_FALSE(check_data_set_name(name));
  }
}

TEST_CASE("privacy: what is spent never falls, whatever is charged", "[privacy][property]") {
  REQUIRE(rc::check("monotone", [] {
    Ledger ledger = a_ledger();
    double before = 0;
    std::uint64_t squares = 0;
    const auto count = static_cast<std::uint32_t>(*rc::gen::inRange(1, 5));
    for (std::uint32_t i = 1; i <= count; ++i) {
      const auto tables = static_cast<std::uint64_t>(*rc::gen::inRange(1, 120));
      const auto variance = static_cast<double>(*rc::gen::inRange(4, 4000));
      write(ledger, Charged{a_question(i), a_cost(tables, variance)});
      const auto spent = ledger.spent(Delta{1e-5});
      RC_ASSERT(spent.has_value());
      RC_ASSERT(spent->epsilon.value >= before * (1 - 1e-6));
      RC_ASSERT(spent->squared_mu > squares);
      before = spent->epsilon.value;
      squares = spent->squared_mu;
    }
  }));
}

TEST_CASE("privacy: lines that no ledger has written are refused", "[privacy]") {
  for (const char* line :
       {"",
        "{}",
        "null",
        "[]",
        R"({"entry":{},"hash":""})",
        R"({"entry":7,"hash":"x"})",
        R"({"entry":{"kind":"spent","previous":"","sequence":0,"time":""},"hash":"x"})"}) {
    const auto entry = parse_line(line);
    REQUIRE_FALSE(entry);
    CHECK(entry.error().code == Errc::kDataLoss);
  }
  CHECK_FALSE(parse_line(std::string(1 << 20U, '[')));
}

}  // namespace genesis::privacy
