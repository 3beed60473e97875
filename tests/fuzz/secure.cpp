// Messages of secure sums: what is read has one form, and a site or server that gets it stays
// sound. The first byte chooses the message.
#include <array>
#include <span>
#include <string>
#include <vector>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "common/secure/ciphertext_sum.hpp"
#include "common/secure/history.hpp"
#include "common/secure/server.hpp"
#include "common/secure/site.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace genesis;
using namespace genesis::secure;

namespace {

class FixedEntropy final : public crypto::Entropy {
 public:
  void fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) {
      state_ = state_ * 1664525U + 1013904223U;
      byte = static_cast<std::byte>(state_ >> 24U);
    }
  }

 private:
  std::uint32_t state_ = 0;
};

Signer a_signer(unsigned char which) {
  std::array<unsigned char, 32> raw{};
  raw.fill(which);
  EVP_PKEY* key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw.data(), raw.size());
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  auto signer =
      Signer::from_pem(crypto::Secret(std::string_view(text, static_cast<std::size_t>(size))));
  BIO_free(bio);
  EVP_PKEY_free(key);
  return *std::move(signer);
}

// A sum of three, with a server and the first member at each stage.
struct Sum {
  Sum() {
    for (unsigned char i = 0; i < 3; ++i) {
      signers.push_back(a_signer(i));
      task.roster.push_back({.id = ClientId::parse("site-" + std::to_string(i)).value(),
                             .public_key = signers.back().public_key()});
    }
    for (std::size_t i = 0; i < 3; ++i) {
      sites.push_back(
          Site::begin(task.roster[i].id, signers[i], {}, task, Words{1, 2, 3}, entropy).value());
    }
    Server server = Server::begin(task).value();
    while (server.stage() != SumStage::kOpened) {
      servers.push_back(server);
      for (const Place place : std::vector<Place>(server.expected())) {
        Site& site = sites[place];
        const std::string message = server.message_for(place);
        if (place == 0) {
          states.push_back(site.save());
        }
        fuzz::holds(server.receive(place, answer(site, server.stage(), message)).has_value(),
                    "an honest sum goes on");
      }
      fuzz::holds(server.close().has_value(), "and each stage closes");
    }
  }

  static std::string answer(Site& site, SumStage stage, const std::string& message) {
    switch (stage) {
      case SumStage::kShares:
        return encode(site.share(decode_key_list(message).value()).value());
      case SumStage::kInputs:
        return site.mask(decode_sealed_shares(message).value()).value();
      case SumStage::kSurvivors:
        return site.confirm(decode_survivors(message).value()).value();
      case SumStage::kReveal:
        return std::string(
            encode(site.reveal(decode_confirmations(message).value()).value()).reveal());
      case SumStage::kKeys:
      case SumStage::kOpened:
        break;
    }
    return encode(site.keys());
  }

  Site site_at(std::size_t stage) const {
    return Site::restore(task.roster[0].id, signers[0], {}, states[stage].reveal()).value();
  }

  FixedEntropy entropy;
  SumTask task{.run = "run",
               .sum = 1,
               .attempt = 1,
               .purpose = "tables",
               .query = std::string(32, 'q'),
               .parameters = std::string(32, 'p'),
               .words = 3,
               .word_bits = 20,
               .threshold = 3,
               .roster = {}};
  std::vector<Signer> signers;
  std::vector<Site> sites;
  std::vector<Server> servers;
  std::vector<crypto::Secret> states;
};

template <typename Value>
void one_form(const Result<Value>& value, std::string_view bytes) {
  if (value) {
    fuzz::holds(encode(*value) == bytes, "a message has one form");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Sum kSum;
  auto bytes = fuzz::text(data, size);
  const unsigned choice = fuzz::take_byte(bytes) % 17;
  if (choice < 5) {
    Server server = kSum.servers[choice];
    const auto receipt = server.receive(1, bytes);
    fuzz::holds(receipt.has_value() == (server.answered() == 1), "what is refused is not kept");
    return 0;
  }
  switch (choice) {
    case 5: {
      const auto list = decode_key_list(bytes);
      one_form(list, bytes);
      if (list) {
        static_cast<void>(kSum.site_at(1).share(*list));
      }
      break;
    }
    case 6: {
      const auto shares = decode_sealed_shares(bytes);
      one_form(shares, bytes);
      if (shares) {
        static_cast<void>(kSum.site_at(2).mask(*shares));
      }
      break;
    }
    case 7: {
      const auto survivors = decode_survivors(bytes);
      one_form(survivors, bytes);
      if (survivors) {
        const auto confirmed = kSum.site_at(3).confirm(*survivors);
        fuzz::holds(confirmed.has_value() == (*survivors == Survivors{0, 1, 2}),
                    "all three, or nothing");
      }
      break;
    }
    case 8: {
      const auto confirmations = decode_confirmations(bytes);
      one_form(confirmations, bytes);
      if (confirmations) {
        static_cast<void>(kSum.site_at(4).reveal(*confirmations));
      }
      break;
    }
    case 9:
      one_form(decode_task(bytes), bytes);
      break;
    case 10:
      one_form(decode_keys(bytes), bytes);
      break;
    case 11:
      if (const auto reveal = decode_reveal(bytes)) {
        fuzz::holds(encode(*reveal).reveal() == bytes, "a reveal has one form");
      }
      break;
    case 12:
      one_form(decode_upload_signatures(bytes), bytes);
      break;
    case 16:
      one_form(decode_decryption(bytes), bytes);
      break;
    case 13:
      static_cast<void>(Site::restore(kSum.task.roster[0].id, kSum.signers[0], {}, bytes));
      break;
    case 14:
      if (const auto history = SumHistory::restore(bytes)) {
        static_cast<void>(SumHistory(*history).begin(kSum.task));
      }
      break;
    default:
      if (const auto words =
              unpack(bytes, size % 64, static_cast<unsigned>(1 + size % kMaxWordBits))) {
        fuzz::holds(pack(*words, static_cast<unsigned>(1 + size % kMaxWordBits)) == bytes,
                    "words have one form");
      }
      break;
  }
  return 0;
}
