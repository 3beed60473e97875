#include <array>
#include <numeric>

#include <rapidcheck.h>

#include "common/secure/masks.hpp"
#include "common/secure/shamir.hpp"
#include "tests/unit/secure/parties.hpp"

namespace genesis::secure {
namespace {

constexpr std::array kStages{
    SumStage::kKeys, SumStage::kShares, SumStage::kInputs, SumStage::kSurvivors, SumStage::kReveal};

Survivors everybody_but(std::size_t members, const std::set<Place>& gone) {
  Survivors survivors;
  for (std::size_t i = 0; i < members; ++i) {
    if (!gone.contains(static_cast<Place>(i))) {
      survivors.push_back(static_cast<Place>(i));
    }
  }
  return survivors;
}

std::set<Place> subset(unsigned mask, std::size_t members) {
  std::set<Place> chosen;
  for (std::size_t i = 0; i < members; ++i) {
    if ((mask >> i & 1U) != 0) {
      chosen.insert(static_cast<Place>(i));
    }
  }
  return chosen;
}

// Pearson's chi-square of bytes against uniform ones, 255 degrees of freedom.
double chi_square(const std::vector<unsigned>& bytes) {
  std::array<double, 256> counts{};
  for (const unsigned byte : bytes) {
    counts[byte] += 1;
  }
  const double expected = static_cast<double>(bytes.size()) / 256;
  double sum = 0;
  for (const double count : counts) {
    sum += (count - expected) * (count - expected) / expected;
  }
  return sum;
}
// Exceeded by one uniform sample in a million (Wilson and Hilferty's approximation).
constexpr double kChiSquareBound = 377.2;

// Lowest and highest 8 bits of words of `bits` bits.
std::pair<double, double> low_and_high(const Words& words, unsigned bits) {
  std::vector<unsigned> low;
  std::vector<unsigned> high;
  for (const std::uint64_t word : words) {
    low.push_back(static_cast<unsigned>(word & 0xffU));
    high.push_back(static_cast<unsigned>(word >> (bits - 8)));
  }
  return {chi_square(low), chi_square(high)};
}

}  // namespace

TEST_CASE("secure: the sum opens, and is that of the inputs", "[secure]") {
  for (const std::size_t members : {3U, 4U, 7U}) {
    for (const unsigned bits : {1U, 20U, 32U, 33U, 62U}) {
      const SumTask task = a_task(members, 5000, bits);
      Parties parties(task);
      const auto opened = parties.run().value();
      CHECK(opened.sum == sum_of(everybody_but(members, {}), task));
      CHECK(opened.survivors == everybody_but(members, {}));
    }
  }
}

TEST_CASE("secure: any subset of five may go at any stage: the sum opens, or nothing does",
          "[secure]") {
  constexpr std::size_t kMembers = 5;
  const SumTask task = a_task(kMembers);
  REQUIRE(task.threshold == 4);
  for (const SumStage stage : kStages) {
    for (unsigned mask = 0; mask < 32; ++mask) {
      CAPTURE(to_string(stage), mask);
      const auto gone = subset(mask, kMembers);
      Parties parties(task);
      auto opened = parties.run(gone, stage);
      const bool input_sent = stage > SumStage::kInputs;
      const auto survivors = everybody_but(kMembers, input_sent ? std::set<Place>{} : gone);
      if (gone.size() <= kMembers - task.threshold) {
        REQUIRE(opened);
        CHECK(opened->survivors == survivors);
        CHECK(opened->sum == sum_of(survivors, task));
        continue;
      }
      REQUIRE_FALSE(opened);
      CHECK_THAT(opened.error().message, ContainsSubstring("the least is 4"));
      // They are back: the next attempt opens, unless somebody has revealed already.
      const bool revealed = stage == SumStage::kReveal && gone.size() < kMembers;
      const Status retried = parties.retry();
      CHECK(retried.has_value() != revealed);
      if (retried) {
        CHECK(parties.run()->sum == sum_of(everybody_but(kMembers, {}), task));
      }
    }
  }
}

TEST_CASE("secure: once survivors are confirmed, no state holds both shares of a member",
          "[secure]") {
  const std::set<Place> gone{1};
  Parties parties(a_task(5));
  while (parties.server.stage() != SumStage::kSurvivors) {
    REQUIRE(parties.stage(parties.server.stage() == SumStage::kInputs ? gone : std::set<Place>{}));
  }
  const auto before = parties.sites[0].save();
  REQUIRE(parties.stage());
  const auto after = parties.sites[0].save();
  const auto bytes = parties.answer(0).value();
  const auto revealed = decode_reveal(bytes).value();
  REQUIRE(revealed.seeds.size() == 4);
  REQUIRE(revealed.mask_keys.size() == 1);
  // Seed and mask key of a member stand side by side, each after its length.
  constexpr std::size_t kLength = 4;
  const auto holds = [](const crypto::Secret& state, std::string_view share) {
    return state.reveal().find(share) != std::string_view::npos;
  };
  for (const auto& [place, seed] : revealed.seeds) {
    const auto at = before.reveal().find(seed.reveal());
    REQUIRE(at != std::string_view::npos);
    const auto mask_key = before.reveal().substr(at + kSharedBytes + kLength, kSharedBytes);
    CHECK(holds(after, seed.reveal()));
    CHECK(holds(before, mask_key));
    CHECK_FALSE(holds(after, mask_key));
  }
  const auto& kept = revealed.mask_keys.at(1);
  const auto at = before.reveal().find(kept.reveal());
  REQUIRE(at != std::string_view::npos);
  CHECK(holds(after, kept.reveal()));
  CHECK_FALSE(holds(after, before.reveal().substr(at - kLength - kSharedBytes, kSharedBytes)));
}

TEST_CASE("secure: members may go at different stages", "[secure][property]") {
  REQUIRE(rc::check("dropouts", [] {
    constexpr std::size_t kMembers = 5;  // threshold 4
    const SumTask task = a_task(kMembers);
    std::array<unsigned, kMembers> leaves{};  // 5: never
    for (auto& stage : leaves) {
      stage =
          *rc::gen::weightedElement<unsigned>({{30, 5}, {1, 0}, {1, 1}, {1, 2}, {1, 3}, {1, 4}});
    }
    Parties parties(task);
    std::set<Place> gone;
    std::set<Place> gone_before_input;
    Status status;
    for (unsigned stage = 0; stage < kStages.size() && status; ++stage) {
      for (std::size_t i = 0; i < kMembers; ++i) {
        if (leaves[i] <= stage) {
          gone.insert(static_cast<Place>(i));
        }
      }
      if (kStages[stage] == SumStage::kInputs) {
        gone_before_input = gone;
      }
      status = parties.stage(gone);
    }
    RC_ASSERT(status.has_value() == (kMembers - gone.size() >= task.threshold));
    if (status) {
      const auto survivors = everybody_but(kMembers, gone_before_input);
      RC_ASSERT(parties.server.open()->sum == sum_of(survivors, task));
    }
  }));
}

TEST_CASE("secure: a site that restarts before each message sends the same bytes", "[secure]") {
  const SumTask task = a_task(5, 100, 33);
  Parties steady(task);
  Parties restarting(task, Restarts::kBeforeEachMessage);
  while (steady.server.stage() != SumStage::kOpened) {
    const SumStage stage = steady.server.stage();
    CAPTURE(to_string(stage));
    for (const Place member : std::vector<Place>(steady.server.expected())) {
      const auto message = restarting.answer(member).value();
      restarting.restart(member);
      CHECK(restarting.answer(member).value() == message);
      CHECK(restarting.server.receive(member, message).value() == Receipt::kAccepted);
      CHECK(restarting.server.receive(member, message).value() == Receipt::kDuplicate);
      const auto steady_message = steady.answer(member).value();
      CHECK(steady.server.receive(member, steady_message).value() == Receipt::kAccepted);
      // ECDSA draws a random number for each signature; what does not depend on one is the same.
      if (stage == SumStage::kReveal) {
        CHECK(message == steady_message);
      }
    }
    REQUIRE(steady.server.close());
    REQUIRE(restarting.server.close());
  }
  CHECK(restarting.server.open()->sum == steady.server.open()->sum);
}

TEST_CASE("secure: the next attempt has fresh keys and masks, and the same sum", "[secure]") {
  const SumTask task = a_task(4, 50);
  Parties parties(task);
  REQUIRE(parties.stage());
  REQUIRE(parties.stage());
  const std::string first = parties.answer(0).value();
  const Keys keys = parties.sites[0].keys();
  REQUIRE(parties.retry());
  CHECK(parties.sites[0].keys().mask_key != keys.mask_key);
  CHECK(parties.sites[0].keys().cipher_key != keys.cipher_key);
  CHECK(parties.sites[0].keys().seed_commitment != keys.seed_commitment);
  REQUIRE(parties.stage());
  REQUIRE(parties.stage());
  CHECK(parties.answer(0).value() != first);
  CHECK(parties.run()->sum == sum_of(everybody_but(4, {}), task));
}

// 200,000 words each; with 10 statistics the whole test is a false alarm once in 100,000 seeds.
TEST_CASE("secure: each masked input is uniform, whatever is in it", "[secure][statistical]") {
  for (const unsigned bits : {20U, 35U}) {
    const SumTask task = a_task(3, 200000, bits);
    Parties parties(task);
    for (std::size_t i = 0; i < 3; ++i) {
      ScriptedEntropy entropy(200 + i);
      parties.sites[i] =
          Site::begin(member_id(i), signer_of(i), SitePolicy{}, task, Words(task.words), entropy)
              .value();
    }
    REQUIRE(parties.stage());
    REQUIRE(parties.stage());
    for (const Place member : {Place{0}, Place{1}}) {
      const auto masked = unpack(parties.answer(member).value(), task.words, bits).value();
      const auto [low, high] = low_and_high(masked, bits);
      CHECK(low < kChiSquareBound);
      CHECK(high < kChiSquareBound);
    }
    // The test can fail: an input without its mask.
    CHECK(low_and_high(Words(task.words), bits).first > kChiSquareBound);
  }
}

// 100,000 words; four statistics.
TEST_CASE("secure: the server and all but two members learn of those two their sum alone",
          "[secure][statistical]") {
  constexpr unsigned kBits = 24;
  const SumTask task = a_task(5, 100000, kBits);
  Parties parties(task);
  std::map<Place, Words> masked;
  while (parties.server.stage() != SumStage::kOpened) {
    if (parties.server.stage() == SumStage::kInputs) {
      for (Place member = 0; member < 5; ++member) {
        masked[member] = unpack(parties.answer(member).value(), task.words, kBits).value();
      }
    }
    REQUIRE(parties.stage());
  }
  // What the adversary has: all seeds, which are revealed, and the colluders' private keys, which
  // are in their states. It takes off every mask that it can, of the honest members 0 and 1.
  std::map<Place, crypto::Secret> seeds;
  std::vector<std::uint16_t> places;
  std::vector<Reveal> reveals;
  for (const auto& [place, message] : parties.transcript) {
    if (const auto reveal = decode_reveal(message); reveal && !reveal->seeds.empty()) {
      if (places.size() < task.threshold) {
        places.push_back(static_cast<std::uint16_t>(place + 1));
        reveals.push_back(*reveal);
      }
    }
  }
  REQUIRE(places.size() == task.threshold);
  const auto combiner = Combiner::at(places).value();
  const std::string context = context_of(task);
  std::array<Words, 2> left;
  for (const Place honest : {Place{0}, Place{1}}) {
    std::vector<std::string_view> shares;
    for (const Reveal& reveal : reveals) {
      shares.push_back(reveal.seeds.at(honest).reveal());
    }
    left[honest] = masked[honest];
    const auto seed = combiner.combine(shares).value();
    apply_mask(left[honest], kBits, self_mask_key(context, honest, seed), Sign::kMinus);
    for (const Place colluder : {Place{2}, Place{3}, Place{4}}) {
      // The keys of ScriptedEntropy(100 + member): its second draw is the private mask key.
      ScriptedEntropy entropy(100U + colluder);
      static_cast<void>(random_key(entropy));
      const auto mask_key = random_key(entropy);
      REQUIRE(public_key_of(mask_key) == parties.sites[colluder].keys().mask_key);
      const auto key =
          pair_mask_key(context, mask_key, parties.sites[honest].keys().mask_key, honest, colluder);
      apply_mask(left[honest], kBits, key.value(), Sign::kMinus);
    }
    reduce(left[honest], kBits);
    // Still under the mask that the two have with each other.
    const auto [low, high] = low_and_high(left[honest], kBits);
    CHECK(low < kChiSquareBound);
    CHECK(high < kChiSquareBound);
    CHECK(left[honest] != an_input(honest, task));
  }
  add(left[0], left[1]);
  reduce(left[0], kBits);
  CHECK(left[0] == sum_of(Survivors{0, 1}, task));
}

TEST_CASE("secure: the server's whole transcript holds nothing else of a site", "[secure]") {
  const SumTask task = a_task(4, 40, 32);
  Parties parties(task);
  for (std::size_t i = 0; i < 4; ++i) {
    // A pattern that would be seen.
    ScriptedEntropy entropy(300 + i);
    parties.sites[i] =
        Site::begin(
            member_id(i), signer_of(i), SitePolicy{}, task, Words(task.words, 0x41414141U), entropy)
            .value();
  }
  const crypto::Secret saved = parties.sites[0].save();
  REQUIRE(saved.reveal().find("AAAAAAAA") != std::string_view::npos);
  REQUIRE(parties.run());
  for (const auto& [place, message] : parties.transcript) {
    CHECK(message.find("AAAA") == std::string::npos);
    for (std::size_t secret = 0; secret < 4; ++secret) {
      ScriptedEntropy entropy(300U + place);
      crypto::Secret key;
      for (std::size_t draw = 0; draw <= secret; ++draw) {
        key = random_key(entropy);
      }
      CHECK(message.find(key.reveal()) == std::string::npos);
    }
  }
}

TEST_CASE("secure: after the reveal a site has neither its keys nor its input", "[secure]") {
  const SumTask task = a_task(3, 64, 32);
  Parties parties(task);
  const std::string input = pack(an_input(0, task), 32);
  REQUIRE(parties.sites[0].save().reveal().find(input) != std::string_view::npos);
  REQUIRE(parties.run());
  const crypto::Secret saved = parties.sites[0].save();
  CHECK(saved.reveal().find(input) == std::string_view::npos);
  ScriptedEntropy entropy(100);
  for (int draw = 0; draw < 4; ++draw) {
    CHECK(saved.reveal().find(random_key(entropy).reveal()) == std::string_view::npos);
  }
  // It is restored all the same, to answer again.
  parties.restart(0);
  CHECK(parties.sites[0].has_revealed());
}

TEST_CASE("secure: forty members, of whom thirteen go", "[secure]") {
  const SumTask task = a_task(40, 10);
  CHECK(task.threshold == 27);
  Parties parties(task);
  std::set<Place> gone{0, 39};
  for (Place place = 10; place < 21; ++place) {
    gone.insert(place);
  }
  CHECK(parties.run(gone, SumStage::kInputs)->sum == sum_of(everybody_but(40, gone), task));
}

}  // namespace genesis::secure
