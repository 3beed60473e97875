// What secure sums take, without a network: masking at the server and at a site, and Paillier with
// a key of 3,072 bits, each as processor seconds.
//   bench_secure [clients = 100] [words = 25000] [weights = 1030000]
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/resource.h>

#include "common/base/check.hpp"
#include "common/crypto/entropy.hpp"
#include "common/secure/ciphertext_server.hpp"
#include "common/secure/ciphertext_sum.hpp"
#include "common/secure/server.hpp"
#include "common/secure/site.hpp"
#include "common/secure/slots.hpp"

namespace {

using namespace genesis;
using namespace genesis::secure;

// Processor time of all threads.
double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

class Meter {
 public:
  template <typename Work>
  auto operator()(const Work& work) {
    const double start = processor_seconds();
    auto result = work();
    seconds += processor_seconds() - start;
    return result;
  }
  double seconds = 0;
};

Signer a_signer() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
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

Words an_input(std::size_t words, unsigned bits) {
  Words input(words);
  std::uint64_t state = 1;
  for (auto& word : input) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    word = state >> (64 - bits);
  }
  return input;
}

std::string answer(Site& site, SumStage stage, const std::string& message) {
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

// A sum over as many members as signers are added.
SumTask a_task(std::size_t clients,
               std::size_t words,
               unsigned bits,
               std::vector<Signer>& signers) {
  SumTask task{.run = "bench",
               .sum = 1,
               .attempt = 1,
               .purpose = "bench",
               .query = std::string(32, 'q'),
               .parameters = std::string(32, 'p'),
               .words = words,
               .word_bits = bits,
               .threshold = least_threshold(clients, 3, 1),
               .roster = {}};
  for (std::size_t i = 0; i < clients; ++i) {
    signers.push_back(a_signer());
    const std::string number = std::to_string(100000 + i);
    task.roster.push_back(
        {.id = ClientId::parse("s" + number).value(), .public_key = signers.back().public_key()});
  }
  return task;
}

// A tenth of the clients go away before they send their inputs.
void masking(std::size_t clients, std::size_t words, unsigned bits) {
  crypto::SystemEntropy entropy;
  std::vector<Signer> signers;
  const SumTask task = a_task(clients, words, bits, signers);
  Meter by_sites;
  Meter by_server;
  std::vector<Site> sites;
  for (std::size_t i = 0; i < clients; ++i) {
    Words input = an_input(words, bits);
    sites.push_back(by_sites([&] {
      return Site::begin(task.roster[i].id, signers[i], {}, task, std::move(input), entropy)
          .value();
    }));
  }
  const std::size_t gone = clients - task.threshold < clients / 10 ? 0 : clients / 10;
  std::size_t up = 0;
  std::size_t down = 0;
  Server server = by_server([&] { return Server::begin(task).value(); });
  while (server.stage() != SumStage::kOpened) {
    for (const Place place : std::vector<Place>(server.expected())) {
      if (server.stage() == SumStage::kInputs && place < gone) {
        continue;
      }
      const auto message = by_server([&] { return server.message_for(place); });
      const auto reply = by_sites([&] { return answer(sites[place], server.stage(), message); });
      up += reply.size();
      down += message.size();
      const auto receipt = by_server([&] { return server.receive(place, reply); });
      GENESIS_CHECK(receipt.has_value(), "honest sites are accepted");
    }
    const auto closed = by_server([&] { return server.close(); });
    GENESIS_CHECK(closed.has_value(), "enough have answered");
  }
  const auto opened = by_server([&] { return server.open(); });
  GENESIS_CHECK(opened.has_value(), "the sum opens");
  const auto count = static_cast<double>(clients);
  std::printf("  masking, %zu sites (%zu go before their input), %zu words of %u bits\n",
              clients,
              gone,
              words,
              bits);
  std::printf(
      "    server %.2f s, a site %.3f s; a site sends %.0f KB (%.2f of float32), gets %.0f KB\n",
      by_server.seconds,
      by_sites.seconds / count,
      static_cast<double>(up) / count / 1e3,
      static_cast<double>(up) / (count - static_cast<double>(gone)) /
          (4 * static_cast<double>(words)),
      static_cast<double>(down) / count / 1e3);
}

void paillier(const PaillierKey& key, std::size_t words, unsigned bits) {
  crypto::SystemEntropy entropy;
  const SlotFormat format(key.public_key(), bits);
  const Words input = an_input(words, bits - 2);  // so that a slot holds the double
  Meter tables;
  Meter factors;
  Meter on_line;
  Meter sum;
  Meter opening;
  const auto encryptor = tables([&] { return PaillierEncryptor(key, entropy); });
  const auto drawn = factors([&] { return encryptor.draw(format.plaintexts(words), entropy); });
  const auto ciphertexts =
      on_line([&] { return encryptor.encrypt(format.pack(input), drawn).value(); });
  const auto product = sum([&] { return key.public_key().add(ciphertexts, ciphertexts); });
  const auto start = std::chrono::steady_clock::now();
  const auto plaintexts = opening([&] { return key.decrypt(product, 2).value(); });
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  Words twice = input;
  add(twice, input);
  reduce(twice, bits);
  GENESIS_CHECK(format.unpack(plaintexts, words).value() == twice, "the sum is right");
  std::printf("  Paillier, %u bits, %zu words of %u bits: %zu ciphertexts, %.2f MB\n",
              key.public_key().bits(),
              words,
              bits,
              plaintexts.size(),
              static_cast<double>(ciphertexts.size()) / 1e6);
  std::printf("    protect cold %.2f s (tables %.2f, randomness %.2f, on line %.2f)\n",
              tables.seconds + factors.seconds + on_line.seconds,
              tables.seconds,
              factors.seconds,
              on_line.seconds);
  std::printf("    add one upload %.2f s, decrypt %.2f s of processor, %.2f s on 2 threads\n",
              sum.seconds,
              opening.seconds,
              wall.count());
}

// What a worker does with the part of a sum that it is sent: its slices, one after the other.
std::string decrypted(DecryptingSite& site, const SumTask& task, const std::string& message) {
  const auto asked = decode_decryption(message).value();
  GENESIS_CHECK(site.accept(asked.signatures) && site.authorize(asked.confirmations),
                "enough members have signed");
  Words words;
  for (const auto& [slice, parts] : asked.slices) {
    const auto part = site.decrypt(slice, parts).value();
    words.insert(words.end(), part.begin(), part.end());
  }
  return pack(words, task.word_bits);
}

// Processor time of that many ciphertexts with exponents as long as the primes, as the original
// scheme has them: OpenSSL's power in constant time modulo p^2 and q^2, of a few and multiplied.
double full_exponents(unsigned bits, std::size_t ciphertexts) {
  constexpr int kSample = 50;
  BN_CTX* context = BN_CTX_new();
  BIGNUM* modulus = BN_new();
  BIGNUM* exponent = BN_new();
  BIGNUM* power = BN_new();
  BN_rand(modulus, static_cast<int>(bits), BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
  BN_rand(exponent, static_cast<int>(bits / 2), BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY);
  BN_MONT_CTX* by = BN_MONT_CTX_new();
  BN_MONT_CTX_set(by, modulus, context);
  BN_rand_range(power, modulus);
  Meter meter;
  meter([&] {
    int done = 1;
    for (int i = 0; i < 2 * kSample; ++i) {
      done &= BN_mod_exp_mont_consttime(power, power, exponent, modulus, context, by);
    }
    GENESIS_CHECK(done == 1, "powers are taken");
    return done;
  });
  BN_MONT_CTX_free(by);
  BN_free(power);
  BN_free(exponent);
  BN_free(modulus);
  BN_CTX_free(context);
  return meter.seconds / kSample * static_cast<double>(ciphertexts);
}

// Four workers decrypt the sum of their uploads, each in a thread, with nobody missing: then each
// slice is decrypted by two of them.
void four_workers(const PaillierKey& key, std::size_t words, unsigned bits) {
  constexpr std::size_t kWorkers = 4;
  crypto::SystemEntropy entropy;
  std::vector<Signer> signers;
  const SumTask task = a_task(kWorkers, words, bits, signers);
  const Words input = an_input(words, bits - 3);  // so that a slot holds four times as much
  const SlotFormat format(key.public_key(), bits);
  const PaillierEncryptor encryptor(key, entropy);
  const auto factors = encryptor.draw(format.plaintexts(words), entropy, 2);
  const auto ciphertexts = encryptor.encrypt(format.pack(input), factors).value();

  auto server = CiphertextServer::begin(task, key.public_key()).value();
  std::vector<DecryptingSite> sites;
  for (Place place = 0; place < kWorkers; ++place) {
    sites.push_back(
        DecryptingSite::begin(task.roster[place].id, signers[place], {}, task, key).value());
    const auto signature = sign_upload(task, place, key.public_key(), ciphertexts, signers[place]);
    GENESIS_CHECK(server.receive(place, encode(Upload{signature, ciphertexts})).has_value(),
                  "an upload is accepted");
  }
  GENESIS_CHECK(server.close().has_value(), "all have uploaded");
  for (Place place = 0; place < kWorkers; ++place) {
    const auto uploads = decode_upload_signatures(server.message_for(place)).value();
    const auto accepted = sites[place].accept(uploads).value();
    GENESIS_CHECK(server.receive(place, accepted).has_value(), "a signature is accepted");
  }
  GENESIS_CHECK(server.close().has_value(), "all have accepted");
  std::vector<std::string> answers(kWorkers);
  Meter all;
  const auto start = std::chrono::steady_clock::now();
  all([&] {
    std::vector<std::jthread> workers;
    for (Place place = 0; place < kWorkers; ++place) {
      workers.emplace_back([&, place, message = server.message_for(place)] {
        answers[place] = decrypted(sites[place], task, message);
      });
    }
    workers.clear();
    return 0;
  });
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  for (Place place = 0; place < kWorkers; ++place) {
    GENESIS_CHECK(server.receive(place, answers[place]).has_value(), "words are accepted");
  }
  GENESIS_CHECK(server.close().has_value(), "all have decrypted");
  Words expected = input;
  for (std::size_t i = 1; i < kWorkers; ++i) {
    add(expected, input);
  }
  reduce(expected, bits);
  GENESIS_CHECK(server.open().value().sum == expected, "the sum is right");
  std::printf(
      "    4 workers decrypt the sum of their uploads: %.2f s of processor, so %.2f s on 2 "
      "cores; %.2f s here\n",
      all.seconds,
      all.seconds / 2,
      wall.count());
  const std::size_t twice = 2 * format.plaintexts(words);
  std::printf(
      "    their powers with exponents as long as the primes would take %.2f s of processor\n",
      full_exponents(key.public_key().bits(), twice));
}

double peak_mebibytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

std::size_t argument(int count, char** arguments, int index, std::size_t otherwise) {
  if (index >= count) {
    return otherwise;
  }
  const std::string_view text = arguments[index];
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0) {
    std::fprintf(
        stderr, "bench_secure [clients] [words] [weights]: \"%s\" is no count\n", arguments[index]);
    std::exit(2);
  }
  return value;
}

}  // namespace

int main(int count, char** arguments) {
  const std::size_t clients = argument(count, arguments, 1, 100);
  const std::size_t words = argument(count, arguments, 2, 25000);
  const std::size_t weights = argument(count, arguments, 3, 1030000);
  masking(clients, words, 32);
  std::printf("    peak memory of the server and all sites together %.0f MiB\n", peak_mebibytes());
  masking(10, weights, 35);
  Meter making;
  const auto key = making([] { return PaillierKey::generate(kDefaultPaillierBits); });
  GENESIS_CHECK(key.has_value(), "3,072 bits are sound");
  std::printf("  Paillier, a key of 3072 bits: %.2f s\n", making.seconds);
  paillier(*key, words, 32);
  paillier(*key, weights, 35);
  four_workers(*key, weights, 35);
  return 0;
}
