#pragma once
// Members of a masked sum for tests: with keys, a task, and a run of the protocol in memory in
// which whoever is told to goes away before a stage.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "common/base/rng.hpp"
#include "common/secure/server.hpp"
#include "common/secure/site.hpp"
#include "tests/support/catch.hpp"

namespace genesis::secure {

// Reproducible, for tests alone.
class ScriptedEntropy final : public crypto::Entropy {
 public:
  explicit ScriptedEntropy(std::uint64_t seed) : rng_(seed, RoundId{0}, "", "entropy of a test") {}
  void fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) {
      byte = static_cast<std::byte>(rng_.below(256));
    }
  }

 private:
  Rng rng_;
};

inline ClientId member_id(std::size_t index) {
  const std::string digits = std::to_string(1000 + index);
  return ClientId::parse("site-" + digits.substr(1)).value();
}

// A key of a certificate, P-256, made once for each member.
inline const Signer& signer_of(std::size_t index) {
  static std::map<std::size_t, Signer> made;
  const auto known = made.find(index);
  if (known != made.end()) {
    return known->second;
  }
  EVP_PKEY* key = EVP_EC_gen("P-256");
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  const crypto::Secret pem(std::string_view(text, static_cast<std::size_t>(size)));
  BIO_free(bio);
  EVP_PKEY_free(key);
  return made.emplace(index, Signer::from_pem(pem).value()).first->second;
}

inline SumTask a_task(std::size_t members, std::size_t words = 7, unsigned bits = 20) {
  SumTask task{.run = "0123456789abcdef0123456789abcdef",
               .sum = 3,
               .attempt = 1,
               .purpose = "tables",
               .query = std::string(32, 'q'),
               .parameters = std::string(32, 'p'),
               .words = words,
               .word_bits = bits,
               .threshold = least_threshold(members, 3, 1),
               .roster = {}};
  for (std::size_t i = 0; i < members; ++i) {
    task.roster.push_back({.id = member_id(i), .public_key = signer_of(i).public_key()});
  }
  return task;
}

inline Words an_input(std::size_t member, const SumTask& task) {
  Rng rng(member, RoundId{0}, "", "input");
  Words words(task.words);
  for (auto& word : words) {
    word = rng.below(low_bits(task.word_bits) + 1);
  }
  return words;
}

inline Words sum_of(const Survivors& survivors, const SumTask& task) {
  Words sum(task.words);
  for (const Place place : survivors) {
    add(sum, an_input(place, task));
  }
  reduce(sum, task.word_bits);
  return sum;
}

inline Site a_site(std::size_t member, const SumTask& task, const SitePolicy& policy = {}) {
  ScriptedEntropy entropy(100 + member);
  return Site::begin(
             member_id(member), signer_of(member), policy, task, an_input(member, task), entropy)
      .value();
}

enum class Restarts { kNever, kBeforeEachMessage };

// All members of a sum with their server.
class Parties {
 public:
  explicit Parties(const SumTask& task, Restarts restarts = Restarts::kNever)
      : server(Server::begin(task).value()), restarts_(restarts) {
    for (std::size_t i = 0; i < task.roster.size(); ++i) {
      sites.push_back(a_site(i, task));
    }
  }

  // What `member` answers to the server's message of this stage, as it travels.
  Result<std::string> answer(Place member) {
    if (restarts_ == Restarts::kBeforeEachMessage) {
      restart(member);
    }
    Site& site = sites[member];
    const std::string message = server.message_for(member);
    switch (server.stage()) {
      case SumStage::kKeys:
        return encode(site.keys());
      case SumStage::kShares: {
        GENESIS_ASSIGN(const auto list, decode_key_list(message));
        GENESIS_ASSIGN(const auto shares, site.share(list));
        return encode(shares);
      }
      case SumStage::kInputs: {
        GENESIS_ASSIGN(const auto shares, decode_sealed_shares(message));
        return site.mask(shares);
      }
      case SumStage::kSurvivors: {
        GENESIS_ASSIGN(const auto survivors, decode_survivors(message));
        return site.confirm(survivors);
      }
      case SumStage::kReveal: {
        GENESIS_ASSIGN(const auto confirmations, decode_confirmations(message));
        GENESIS_ASSIGN(const auto reveal, site.reveal(confirmations));
        return std::string(encode(reveal).reveal());
      }
      case SumStage::kOpened:
        break;
    }
    return fail(Errc::kFailedPrecondition, "the sum is open");
  }

  void restart(Place member) {
    const crypto::Secret saved = sites[member].save();
    sites[member] =
        Site::restore(member_id(member), signer_of(member), SitePolicy{}, saved.reveal()).value();
  }

  // Has everybody of whom the server expects an answer answer, less those who are `gone`.
  Status stage(const std::set<Place>& gone = {}) {
    const auto expected = server.expected();
    for (const Place member : expected) {
      if (gone.contains(member)) {
        continue;
      }
      GENESIS_ASSIGN(const std::string message, answer(member));
      GENESIS_RETURN_IF_ERROR(server.receive(member, message));
      transcript.push_back({member, message});
    }
    return server.close();
  }

  // The whole protocol; `gone` go away before the stage `from` and stay away.
  Result<Server::Opened> run(const std::set<Place>& gone = {}, SumStage from = SumStage::kOpened) {
    while (server.stage() != SumStage::kOpened) {
      GENESIS_RETURN_IF_ERROR(stage(server.stage() >= from ? gone : std::set<Place>{}));
    }
    return server.open();
  }

  // Everybody takes the next attempt.
  Status retry() {
    SumTask task = server.task();
    task.attempt += 1;
    for (std::size_t i = 0; i < sites.size(); ++i) {
      ScriptedEntropy entropy(1000 * task.attempt + i);
      GENESIS_RETURN_IF_ERROR(sites[i].retry(task, entropy));
    }
    server = Server::begin(task).value();
    return {};
  }

  Server server;
  std::vector<Site> sites;
  std::vector<std::pair<Place, std::string>> transcript;

 private:
  Restarts restarts_;
};

}  // namespace genesis::secure
