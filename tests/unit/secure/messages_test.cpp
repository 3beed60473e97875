#include "common/secure/messages.hpp"

#include "tests/unit/secure/parties.hpp"

namespace genesis::secure {
namespace {

// Whatever is cut off or altered, a message is read into what has these bytes, or refused.
template <typename Decode>
void check_bytes(const std::string& bytes, const Decode& decode) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_FALSE(decode(bytes.substr(0, size)));
  }
  CHECK_FALSE(decode(bytes + "x"));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string altered = bytes;
    altered[i] = static_cast<char>(altered[i] ^ 0x10);
    const auto value = decode(altered);
    if (value) {
      CHECK(encode(*value) == altered);
    }
  }
}

SealedShares some_shares() {
  return {{0, std::string(kSealedBytes, 'a')}, {2, std::string(kSealedBytes, 'b')}};
}

}  // namespace

TEST_CASE("secure: messages have one form, and no other bytes are taken", "[secure]") {
  const SumTask task = a_task(3);
  CHECK(decode_task(encode(task)).value() == task);
  check_bytes(encode(task), decode_task);

  const Keys keys = a_site(0, task).keys();
  CHECK(decode_keys(encode(keys)).value() == keys);
  check_bytes(encode(keys), decode_keys);

  const KeyList list{{0, keys}, {7, keys}};
  CHECK(decode_key_list(encode(list)).value() == list);
  check_bytes(encode(list), decode_key_list);

  CHECK(decode_sealed_shares(encode(some_shares())).value() == some_shares());
  check_bytes(encode(some_shares()), decode_sealed_shares);

  const Survivors survivors{0, 3, 4};
  CHECK(decode_survivors(encode(survivors)).value() == survivors);
  check_bytes(encode(survivors), decode_survivors);

  const Confirmations confirmations{.signatures = {{1, "one"}, {2, ""}}};
  CHECK(decode_confirmations(encode(confirmations)).value() == confirmations);
  check_bytes(encode(confirmations), decode_confirmations);

  Reveal reveal;
  reveal.seeds.emplace(1, crypto::Secret(std::string(32, 's')));
  reveal.mask_keys.emplace(2, crypto::Secret(std::string(32, 'm')));
  const std::string bytes(encode(reveal).reveal());
  const auto back = decode_reveal(bytes).value();
  CHECK(back.seeds == reveal.seeds);
  CHECK(back.mask_keys == reveal.mask_keys);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_FALSE(decode_reveal(std::string_view(bytes).substr(0, size)));
  }
}

TEST_CASE("secure: members must be in order, each once", "[secure]") {
  CHECK_FALSE(decode_survivors(encode(Survivors{1, 1})));
  CHECK_FALSE(decode_survivors(encode(Survivors{2, 1})));
  CHECK_FALSE(decode_survivors(encode(Survivors{static_cast<Place>(kMaxMembers)})));
  SumTask task = a_task(4);
  std::swap(task.roster[0], task.roster[1]);
  CHECK_FALSE(check(task));
  task = a_task(4);
  task.roster[3] = task.roster[2];
  CHECK_FALSE(check(task));
}

TEST_CASE("secure: both kinds of share for one member are refused", "[secure]") {
  Reveal reveal;
  reveal.seeds.emplace(1, crypto::Secret(std::string(32, 's')));
  reveal.mask_keys.emplace(1, crypto::Secret(std::string(32, 'm')));
  const auto back = decode_reveal(encode(reveal).reveal());
  REQUIRE_FALSE(back);
  CHECK_THAT(back.error().message, ContainsSubstring("both kinds of share"));
}

TEST_CASE("secure: a task that can't be kept is refused, and says which field", "[secure]") {
  const auto refused = [](auto change) {
    SumTask task = a_task(5);
    REQUIRE(check(task));
    change(task);
    const Status status = check(task);
    REQUIRE_FALSE(status);
    CHECK_FALSE(decode_task(encode(task)));
    return status.error().message;
  };
  CHECK_THAT(refused([](SumTask& t) { t.run = ""; }), ContainsSubstring("SumTask.run"));
  CHECK_THAT(refused([](SumTask& t) { t.purpose = ""; }), ContainsSubstring("purpose"));
  CHECK_THAT(refused([](SumTask& t) { t.sum = 0; }), ContainsSubstring("SumTask.sum"));
  CHECK_THAT(refused([](SumTask& t) { t.attempt = 0; }), ContainsSubstring("attempt"));
  CHECK_THAT(refused([](SumTask& t) { t.query = "q"; }), ContainsSubstring("SumTask.query"));
  CHECK_THAT(refused([](SumTask& t) { t.words = 0; }), ContainsSubstring("SumTask.words"));
  CHECK_THAT(refused([](SumTask& t) { t.word_bits = 63; }), ContainsSubstring("62 bits"));
  CHECK_THAT(refused([](SumTask& t) { t.threshold = 3; }), ContainsSubstring("two thirds"));
  CHECK_THAT(refused([](SumTask& t) { t.threshold = 6; }), ContainsSubstring("6 of 5"));
  CHECK_THAT(refused([](SumTask& t) { t.roster.erase(t.roster.begin() + 2, t.roster.end()); }),
             ContainsSubstring("2 members"));
  CHECK_THAT(refused([](SumTask& t) { t.roster[1].public_key = t.roster[0].public_key; }),
             ContainsSubstring("site-001"));
}

TEST_CASE("secure: the context is of everything in the task", "[secure]") {
  const SumTask task = a_task(5);
  std::set<std::string> contexts{context_of(task)};
  const auto differs = [&](auto change) {
    SumTask other = task;
    change(other);
    CHECK(contexts.insert(context_of(other)).second);
  };
  differs([](SumTask& t) { t.run += "0"; });
  differs([](SumTask& t) { t.sum = 4; });
  differs([](SumTask& t) { t.attempt = 2; });
  differs([](SumTask& t) { t.purpose = "fine"; });
  differs([](SumTask& t) { t.query[0] = 'x'; });
  differs([](SumTask& t) { t.parameters[0] = 'x'; });
  differs([](SumTask& t) { t.words += 1; });
  differs([](SumTask& t) { t.word_bits += 1; });
  differs([](SumTask& t) { t.threshold = 5; });
  differs([](SumTask& t) { t.roster.pop_back(); });
}

TEST_CASE("secure: thresholds hold two thirds, the colluding and the survivors", "[secure]") {
  CHECK(least_threshold(3, 3, 1) == 3);
  CHECK(least_threshold(4, 3, 1) == 3);
  CHECK(least_threshold(5, 3, 1) == 4);
  CHECK(least_threshold(10, 3, 1) == 7);
  CHECK(least_threshold(10, 8, 1) == 8);
  CHECK(least_threshold(10, 3, 9) == 10);
  for (std::size_t members = 3; members <= 100; ++members) {
    for (std::size_t colluding = 0; colluding < members; ++colluding) {
      const std::size_t threshold = least_threshold(members, 3, colluding);
      CHECK(threshold <= members);
      // Two sets of signers share more members than may collude.
      CHECK(2 * threshold > members + colluding);
      CHECK(3 * threshold > 2 * members);
    }
  }
}

}  // namespace genesis::secure
