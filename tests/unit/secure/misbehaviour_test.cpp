// What a server, or another member, may try; and what a site says.
#include "common/secure/history.hpp"
#include "tests/unit/secure/parties.hpp"

namespace genesis::secure {
namespace {

// The messages of an honest run, up to a stage of which nobody has answered.
Parties at_stage(SumStage stage, std::size_t members = 5) {
  Parties parties(a_task(members));
  while (parties.server.stage() != stage) {
    REQUIRE(parties.stage());
  }
  return parties;
}

template <typename T>
void check_refused(const Result<T>& result, Errc code, const char* why) {
  REQUIRE_FALSE(result);
  CHECK(result.error().code == code);
  CHECK_THAT(result.error().message, ContainsSubstring(why));
}

Result<Site> begin(const SumTask& task, const SitePolicy& policy, std::size_t self = 0) {
  ScriptedEntropy entropy(1);
  return Site::begin(member_id(self), signer_of(self), policy, task, an_input(self, task), entropy);
}

std::map<std::string, std::string> peers_of(const SumTask& task) {
  std::map<std::string, std::string> peers;
  for (const Member& member : task.roster) {
    peers.emplace(member.id.str(), digest(member.public_key));
  }
  return peers;
}

}  // namespace

TEST_CASE("secure: a site's own floor holds whatever the server asks", "[secure]") {
  SumTask task = a_task(10);
  CHECK(begin(task, {.min_survivors = 7, .max_colluding = 1}));
  check_refused(begin(task, {.min_survivors = 8, .max_colluding = 1}),
                Errc::kPermissionDenied,
                "the threshold 7 is below 8");
  check_refused(
      begin(task, {.min_survivors = 3, .max_colluding = 9}), Errc::kPermissionDenied, "below 10");
  task.threshold = 6;
  check_refused(begin(task, {}), Errc::kInvalidArgument, "above two thirds");
}

TEST_CASE("secure: members whom the site does not know, or with other keys, are refused",
          "[secure]") {
  const SumTask task = a_task(4);
  SitePolicy policy{.peers = peers_of(task)};
  CHECK(begin(task, policy));
  SumTask more = a_task(5);
  check_refused(begin(more, policy), Errc::kPermissionDenied, "site-004 is not among the peers");
  SumTask swapped = task;  // as who holds the CA's key could do it
  swapped.roster[2].public_key = signer_of(9).public_key();
  check_refused(begin(swapped, policy), Errc::kPermissionDenied, "site-002");
  SumTask without = task;
  without.roster[0].public_key = signer_of(9).public_key();
  check_refused(begin(without, {}), Errc::kInvalidArgument, "lacks site-000");
}

TEST_CASE("secure: the input must be the task's words", "[secure]") {
  const SumTask task = a_task(3, 2, 4);
  ScriptedEntropy entropy(1);
  for (const Words& input : {Words{1}, Words{1, 2, 3}, Words{1, 16}}) {
    check_refused(Site::begin(member_id(0), signer_of(0), {}, task, input, entropy),
                  Errc::kInvalidArgument,
                  "2 words of 4 bits");
  }
}

TEST_CASE("secure: a list of keys that was tampered with is refused", "[secure]") {
  Parties parties = at_stage(SumStage::kShares);
  const KeyList honest = decode_key_list(parties.server.message_for(0)).value();
  const auto refused = [&](auto change, Errc code, const char* why) {
    KeyList list = honest;
    change(list);
    Site site = a_site(0, parties.server.task());
    list[0] = list.contains(0) && list[0] == honest.at(0) ? site.keys() : list[0];
    check_refused(site.share(list), code, why);
  };
  refused([](KeyList& l) { l.at(1).mask_key[3] ^= 1; }, Errc::kUnauthenticated, "site-001");
  refused([](KeyList& l) { l.at(1).cipher_key[3] ^= 1; }, Errc::kUnauthenticated, "site-001");
  refused([](KeyList& l) { l.at(1).seed_commitment[3] ^= 1; }, Errc::kUnauthenticated, "site-001");
  refused([](KeyList& l) { l.at(1).signature[9] ^= 1; }, Errc::kUnauthenticated, "site-001");
  refused([](KeyList& l) { l.at(2) = l.at(1); }, Errc::kInvalidArgument, "a key of another member");
  refused([](KeyList& l) { std::swap(l.at(2), l.at(1)); }, Errc::kUnauthenticated, "site-001");
  refused([](KeyList& l) { l.at(0).mask_key[0] ^= 1; }, Errc::kInvalidArgument, "this site's own");
  refused([](KeyList& l) { l.erase(4), l.erase(3); }, Errc::kPermissionDenied, "the least is 4");
  refused([](KeyList& l) { l.emplace(9, l.at(1)); }, Errc::kInvalidArgument, "stranger");
}

TEST_CASE("secure: keys of another attempt, run, query or model are refused", "[secure]") {
  const auto keys_for = [](auto change) {
    SumTask task = a_task(5);
    change(task);
    return a_site(1, task).keys();
  };
  const std::vector<Keys> foreign{keys_for([](SumTask& t) { t.attempt = 2; }),
                                  keys_for([](SumTask& t) { t.sum = 9; }),
                                  keys_for([](SumTask& t) { t.run[0] = 'f'; }),
                                  keys_for([](SumTask& t) { t.query[0] = 'x'; }),
                                  keys_for([](SumTask& t) { t.parameters[0] = 'x'; })};
  for (const Keys& keys : foreign) {
    Server server = Server::begin(a_task(5)).value();
    check_refused(server.receive(1, encode(keys)), Errc::kUnauthenticated, "site-001");
    Parties parties = at_stage(SumStage::kShares);
    KeyList list = decode_key_list(parties.server.message_for(0)).value();
    list.at(1) = keys;
    check_refused(parties.sites[0].share(list), Errc::kUnauthenticated, "site-001");
  }
}

TEST_CASE("secure: equal keys and points of low order are refused by server and site", "[secure]") {
  const SumTask task = a_task(5);
  const std::string context = context_of(task);
  const auto signed_keys = [&](auto change) {
    Keys keys = a_site(1, task).keys();
    change(keys);
    keys.signature = signer_of(1).sign(keys_to_sign(context, 1, keys));
    return keys;
  };
  const Keys low_mask = signed_keys([](Keys& k) { k.mask_key = std::string(32, '\0'); });
  const Keys low_cipher = signed_keys([](Keys& k) { k.cipher_key = std::string(32, '\0'); });
  const Keys equal = signed_keys([](Keys& k) { k.mask_key = k.cipher_key; });
  const Keys copied = signed_keys([&](Keys& k) { k.mask_key = a_site(2, task).keys().mask_key; });
  for (const Keys& keys : {low_mask, low_cipher, equal, copied}) {
    Parties parties(task);
    REQUIRE(parties.server.receive(2, encode(parties.sites[2].keys())));
    CHECK_FALSE(parties.server.receive(1, encode(keys)));
    KeyList list;
    for (Place place = 0; place < 5; ++place) {
      list.emplace(place, place == 1 ? keys : parties.sites[place].keys());
    }
    CHECK_FALSE(parties.sites[0].share(list));
    // Nothing is kept of the list: the honest one is taken.
    list.at(1) = parties.sites[1].keys();
    CHECK(parties.sites[0].share(list));
  }
}

TEST_CASE("secure: shares that were altered, replayed or swapped do not open", "[secure]") {
  Parties parties = at_stage(SumStage::kInputs);
  const auto honest = decode_sealed_shares(parties.server.message_for(0)).value();
  const auto refused = [&](auto change, Errc code, const char* why) {
    SealedShares shares = honest;
    change(shares);
    check_refused(parties.sites[0].mask(shares), code, why);
  };
  refused([](SealedShares& s) { s.at(1)[5] ^= 1; }, Errc::kDataLoss, "site-001");
  refused([](SealedShares& s) { std::swap(s.at(1), s.at(2)); }, Errc::kDataLoss, "site-001");
  refused([](SealedShares& s) { s.erase(4), s.erase(3); }, Errc::kPermissionDenied, "least is 4");
  refused([](SealedShares& s) { s.emplace(0, s.at(1)); }, Errc::kInvalidArgument, "sent no keys");
  // Of the attempt before.
  Parties later(a_task(5));
  REQUIRE(later.retry());
  while (later.server.stage() != SumStage::kInputs) {
    REQUIRE(later.stage());
  }
  check_refused(later.sites[0].mask(honest), Errc::kDataLoss, "site-001");
  // One set for each attempt: a subset now would show what the others' masks are.
  REQUIRE(parties.sites[0].mask(honest));
  refused([](SealedShares& s) { s.erase(4); }, Errc::kConflict, "other shares");
}

TEST_CASE("secure: a site confirms one set of survivors, with itself, of enough members",
          "[secure]") {
  Parties parties = at_stage(SumStage::kSurvivors);
  Site& site = parties.sites[0];
  check_refused(site.confirm({0, 1, 2}), Errc::kPermissionDenied, "least is 4");
  check_refused(site.confirm({1, 2, 3, 4}), Errc::kPermissionDenied, "lack site-000");
  check_refused(site.confirm({0, 1, 2, 9}), Errc::kPermissionDenied, "sent no shares");
  check_refused(site.confirm({0, 0, 0, 0}), Errc::kPermissionDenied, "sent no shares");
  check_refused(site.confirm({1, 0, 2, 3}), Errc::kInvalidArgument, "ascending order");
  const std::string signature = site.confirm({0, 1, 2, 3}).value();
  CHECK(site.confirm({0, 1, 2, 3}).value() == signature);
  check_refused(site.confirm({0, 1, 2, 3, 4}), Errc::kConflict, "other survivors");
  // Nor in a later attempt, under fresh keys.
  REQUIRE(parties.retry());
  while (parties.server.stage() != SumStage::kSurvivors) {
    REQUIRE(parties.stage());
  }
  check_refused(site.confirm({0, 1, 2, 3, 4}), Errc::kConflict, "earlier attempt");
  CHECK(site.confirm({0, 1, 2, 3}));
}

TEST_CASE("secure: a site reveals for enough valid signatures on what it has confirmed",
          "[secure]") {
  Parties parties = at_stage(SumStage::kReveal);
  Site& site = parties.sites[0];
  const auto honest = decode_confirmations(parties.server.message_for(0)).value();
  const auto refused = [&](auto change, Errc code, const char* why) {
    Confirmations confirmations = honest;
    change(confirmations.signatures);
    check_refused(site.reveal(confirmations), code, why);
    CHECK_FALSE(site.has_revealed());
  };
  using Signatures = std::map<Place, std::string>;
  refused([](Signatures& s) { s.at(1)[9] ^= 1; }, Errc::kUnauthenticated, "site-001");
  refused([](Signatures& s) { s.at(1) = s.at(2); }, Errc::kUnauthenticated, "site-001");
  refused([](Signatures& s) { s.erase(4), s.erase(3); }, Errc::kPermissionDenied, "least is 4");
  refused([](Signatures& s) { s.emplace(9, s.at(2)); }, Errc::kPermissionDenied, "no survivor");
  // Of members who have seen other keys, or other survivors: a server that shows each of them
  // something else.
  const std::string context = context_of(parties.server.task());
  refused(
      [&](Signatures& s) {
        s.at(1) =
            signer_of(1).sign(survivors_to_sign(context, digest("other keys"), {0, 1, 2, 3, 4}));
      },
      Errc::kUnauthenticated,
      "site-001");
  const auto reveal = site.reveal(honest).value();
  CHECK(reveal.seeds.size() == 5);
  CHECK(reveal.mask_keys.empty());
  CHECK(site.has_revealed());
  CHECK(encode(site.reveal(honest).value()) == encode(reveal));
}

TEST_CASE("secure: never both kinds of share for one member", "[secure]") {
  Parties parties = at_stage(SumStage::kInputs);
  REQUIRE(parties.stage({2}));
  REQUIRE(parties.stage());
  const auto confirmations = decode_confirmations(parties.server.message_for(0)).value();
  const auto reveal = parties.sites[0].reveal(confirmations).value();
  CHECK(reveal.seeds.size() == 4);
  CHECK(reveal.mask_keys.size() == 1);
  CHECK(reveal.mask_keys.contains(2));
  CHECK_FALSE(reveal.seeds.contains(2));
}

TEST_CASE("secure: messages out of their order are refused", "[secure]") {
  Site site = a_site(0, a_task(5));
  check_refused(site.mask({}), Errc::kFailedPrecondition, "after shares");
  check_refused(site.confirm({0, 1, 2, 3}), Errc::kFailedPrecondition, "after masked inputs");
  check_refused(site.reveal({}), Errc::kFailedPrecondition, "after confirmations");
}

TEST_CASE("secure: after the reveal there is no other attempt", "[secure]") {
  Parties parties = at_stage(SumStage::kReveal);
  const auto confirmations = decode_confirmations(parties.server.message_for(0)).value();
  REQUIRE(parties.sites[0].reveal(confirmations));
  SumTask next = parties.server.task();
  next.attempt = 2;
  ScriptedEntropy entropy(1);
  check_refused(parties.sites[0].retry(next, entropy), Errc::kFailedPrecondition, "has revealed");
  parties.restart(0);
  check_refused(parties.sites[0].retry(next, entropy), Errc::kFailedPrecondition, "has revealed");
  CHECK_FALSE(parties.sites[0].mask({}));
}

TEST_CASE("secure: later attempts are of the same sum, among the first members", "[secure]") {
  ScriptedEntropy entropy(1);
  const auto refused = [&](auto change, Errc code, const char* why) {
    Site site = a_site(0, a_task(5));
    SumTask next = a_task(5);
    next.attempt = 2;
    change(next);
    check_refused(site.retry(next, entropy), code, why);
    CHECK(site.task() == a_task(5));
  };
  refused([](SumTask& t) { t.attempt = 1; }, Errc::kConflict, "not a later attempt");
  refused([](SumTask& t) { t.sum = 4; }, Errc::kConflict, "not a later attempt");
  refused([](SumTask& t) { t.query[0] = 'x'; }, Errc::kConflict, "not a later attempt");
  refused([](SumTask& t) { t.parameters[0] = 'x'; }, Errc::kConflict, "not a later attempt");
  refused([](SumTask& t) { t.words += 1; }, Errc::kConflict, "not a later attempt");
  refused(
      [](SumTask& t) {
        t = a_task(6);
        t.attempt = 2;
      },
      Errc::kPermissionDenied,
      "not in the first attempt");
  refused(
      [](SumTask& t) {
        t.roster.pop_back();
        t.threshold = 3;
      },
      Errc::kPermissionDenied,
      "below the first attempt's");
  Site site = a_site(0, a_task(5));
  SumTask next = a_task(5);
  next.attempt = 7;
  next.roster.pop_back();
  CHECK(site.retry(next, entropy));
}

TEST_CASE("secure: no two sums have one input", "[secure]") {
  SumHistory history;
  SumTask task = a_task(4);
  REQUIRE(history.begin(task));
  check_refused(history.begin(task), Errc::kConflict, "goes on as an attempt");
  task.sum = 4;
  check_refused(history.begin(task), Errc::kConflict, "asks what sum 3 has asked");
  task.parameters[0] = 'x';
  REQUIRE(history.begin(task));
  task.sum = 5;
  task.query[0] = 'x';
  SumTask other = task;
  other.run[0] = 'x';
  check_refused(history.begin(other), Errc::kConflict, "another run");
  other = a_task(5);
  other.sum = 9;
  other.query[0] = 'y';
  check_refused(history.begin(other), Errc::kPermissionDenied, "site-004 was not among");
  other = task;
  other.roster[1].public_key = signer_of(9).public_key();
  check_refused(history.begin(other), Errc::kPermissionDenied, "site-001");
  CHECK(history.peers() == peers_of(task));
  // Another run asks anew, of the same members, and what was answered is summed over the same.
  SumTask answered = a_task(4);
  REQUIRE(history.settle(answered, {0, 1, 2}));
  REQUIRE(history.settle(answered, {0, 1, 2}));
  check_refused(history.settle(answered, {0, 1, 2, 3}), Errc::kConflict, "other members");
  answered.query[0] = 'z';  // nor with parameters that change nothing
  check_refused(history.settle(answered, {0, 1, 2, 3}), Errc::kConflict, "other members");
  check_refused(history.settle(answered, {4}), Errc::kInvalidArgument, "stranger");
  SumHistory renewed = history;
  renewed.renew();
  CHECK(renewed.run().empty());
  other.run[0] = 'x';
  other.sum = 1;
  check_refused(renewed.begin(other), Errc::kPermissionDenied, "site-001");
  other = a_task(4);
  other.run[0] = 'x';
  other.sum = 1;
  REQUIRE(renewed.begin(other));
  CHECK(renewed.run() == other.run);
  CHECK(renewed.peers() == history.peers());
  check_refused(renewed.settle(other, {0, 1, 3}), Errc::kConflict, "other members");
  REQUIRE(renewed.settle(other, {0, 1, 2}));
  // Kept over a restart, whole or not at all.
  const std::string saved = history.save();
  CHECK(SumHistory::restore(saved).value() == history);
  for (std::size_t size = 0; size < saved.size(); ++size) {
    CHECK_FALSE(SumHistory::restore(std::string_view(saved).substr(0, size)));
  }
}

TEST_CASE("secure: a state that was cut or altered is refused or at least sound", "[secure]") {
  Parties parties = at_stage(SumStage::kReveal, 3);
  const crypto::Secret saved = parties.sites[0].save();
  const auto restore = [](std::string_view bytes) {
    return Site::restore(member_id(0), signer_of(0), SitePolicy{}, bytes);
  };
  CHECK(restore(saved.reveal())->save() == saved);
  for (std::size_t i = 0; i < saved.reveal().size(); ++i) {
    CHECK_FALSE(restore(saved.reveal().substr(0, i)));
    if (i % 5 != 0) {
      continue;
    }
    std::string altered(saved.reveal());
    altered[i] = static_cast<char>(altered[i] ^ 4);
    if (auto site = restore(altered)) {
      const auto confirmations = decode_confirmations(parties.server.message_for(0)).value();
      static_cast<void>(site->reveal(confirmations));
    }
  }
  // Nor does it serve another member.
  CHECK_FALSE(Site::restore(member_id(1), signer_of(1), SitePolicy{}, saved.reveal()));
}

TEST_CASE("secure: the server keeps nothing of what it refuses", "[secure]") {
  Parties parties(a_task(5));
  Server& server = parties.server;
  CHECK_FALSE(server.receive(9, "x"));
  CHECK_FALSE(server.receive(0, "x"));
  CHECK(server.answered() == 0);
  const std::string keys = parties.answer(0).value();
  CHECK_FALSE(server.receive(1, keys));  // the signature is another member's
  REQUIRE(server.receive(0, keys));
  check_refused(server.receive(0, keys + "x"), Errc::kConflict, "another message");
  check_refused(server.close(), Errc::kFailedPrecondition, "1 members have answered");
  REQUIRE(parties.stage());
  CHECK(server.receive(0, keys).value() == Receipt::kDuplicate);

  SealedShares shares = decode_sealed_shares(parties.answer(0).value()).value();
  shares.erase(1);
  check_refused(server.receive(0, encode(shares)), Errc::kInvalidArgument, "each other member");
  REQUIRE(parties.stage({3}));
  check_refused(
      server.receive(3, "x"), Errc::kFailedPrecondition, "is not asked in the stage inputs");

  const std::string input = parties.answer(0).value();
  CHECK_FALSE(server.receive(0, input + "x"));
  CHECK_FALSE(server.receive(0, ""));
  REQUIRE(parties.stage());
  CHECK_FALSE(server.receive(0, signer_of(0).sign("something else")));
  REQUIRE(parties.stage());
  CHECK_FALSE(server.receive(0, std::string_view("\0\0\0\0", 4)));
  REQUIRE(parties.stage());
  CHECK(server.open()->sum == sum_of({0, 1, 2, 4}, server.task()));
}

TEST_CASE("secure: a wrong share is worked around, or named by whose secret it spoils",
          "[secure]") {
  const auto with_wrong_shares = [](const std::set<Place>& liars) {
    Parties parties = at_stage(SumStage::kReveal);
    for (Place member = 0; member < 5; ++member) {
      Reveal reveal = decode_reveal(parties.answer(member).value()).value();
      if (liars.contains(member)) {
        reveal.seeds.at(2) = crypto::Secret(std::string(32, 'x'));
      }
      REQUIRE(parties.server.receive(member, encode(reveal).reveal()));
    }
    REQUIRE(parties.server.close());
    return parties.server.open();
  };
  // Five have revealed, four are enough: one at either end is left out.
  CHECK(with_wrong_shares({0})->sum == sum_of({0, 1, 2, 3, 4}, a_task(5)));
  CHECK(with_wrong_shares({4})->sum == sum_of({0, 1, 2, 3, 4}, a_task(5)));
  check_refused(with_wrong_shares({0, 4}), Errc::kDataLoss, "the shares of site-002");
}

}  // namespace genesis::secure
