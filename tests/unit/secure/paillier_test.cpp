#include "common/secure/paillier.hpp"

#include <span>
#include <sstream>

#include "common/crypto/digest.hpp"
#include "common/secure/bignum.hpp"
#include "common/secure/ciphertext_server.hpp"
#include "common/secure/slots.hpp"
#include "common/secure/sum_format.hpp"
#include "tests/unit/secure/golden_key.hpp"
#include "tests/unit/secure/parties.hpp"

namespace genesis::secure {
namespace {

const std::map<std::string, std::string>& golden() {
  static const auto values = vectors("paillier.txt");
  return values;
}

const PaillierKey& a_key() {
  static const auto key = golden_key();
  return key;
}

const PaillierEncryptor& an_encryptor() {
  static const auto encryptor = [] {
    ScriptedEntropy entropy(7);
    return PaillierEncryptor(a_key(), entropy);
  }();
  return encryptor;
}

std::string encrypted(std::span<const crypto::Secret> plaintexts, std::uint64_t seed = 8) {
  ScriptedEntropy entropy(seed);
  return an_encryptor()
      .encrypt(plaintexts, an_encryptor().draw(plaintexts.size(), entropy))
      .value();
}

Words words_of(const std::string& name) {
  const std::string& bytes = golden().at(name);
  Words words(bytes.size() / 8);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    words[i / 8] = words[i / 8] << 8U | static_cast<unsigned char>(bytes[i]);
  }
  reduce(words, 33);
  return words;
}

}  // namespace

TEST_CASE("secure: ciphertexts of phe decrypt, and add as phe adds them", "[secure][golden]") {
  std::string product;
  for (const std::string i : {"0", "1", "2", "3", "4"}) {
    const std::string& cipher = golden().at("cipher." + i);
    CHECK(a_key().decrypt(cipher)->front().reveal() == golden().at("plain." + i));
    product = product.empty() ? cipher : a_key().public_key().add(product, cipher);
  }
  CHECK(product == golden().at("cipher.sum"));
  CHECK(a_key().decrypt(product)->front().reveal() == golden().at("plain.sum"));
  CHECK(a_key().public_key().modulus() == golden().at("n"));
}

TEST_CASE("secure: with phe's factor the ciphertext is phe's", "[secure][golden]") {
  const std::vector<crypto::Secret> plain{crypto::Secret(golden().at("plain.4"))};
  const std::vector<crypto::Secret> factor{crypto::Secret(golden().at("rho"))};
  CHECK(an_encryptor().encrypt(plain, factor).value() == golden().at("cipher.rho"));
}

TEST_CASE("secure: what is encrypted decrypts, on any number of threads", "[secure]") {
  ScriptedEntropy entropy(9);
  std::vector<crypto::Secret> plain;
  for (int i = 0; i < 70; ++i) {  // more than two batches of factors
    std::string bytes(256, '\0');
    entropy.fill(std::as_writable_bytes(std::span(bytes).subspan(1)));
    plain.emplace_back(std::move(bytes));
  }
  ScriptedEntropy one(10);
  ScriptedEntropy two(10);
  const auto factors = an_encryptor().draw(plain.size(), one, 1);
  CHECK(an_encryptor().draw(plain.size(), two, 3) == factors);
  const auto ciphertexts = an_encryptor().encrypt(plain, factors).value();
  CHECK(a_key().decrypt(ciphertexts, 1).value() == plain);
  CHECK(a_key().decrypt(ciphertexts, 3).value() == plain);
}

TEST_CASE("secure: factors are n-th residues of the whole subgroup, and never twice the same",
          "[secure]") {
  ScriptedEntropy entropy(11);
  const auto factors = an_encryptor().draw(40, entropy);
  std::set<std::string> distinct;
  std::string all;
  for (const auto& factor : factors) {
    distinct.emplace(factor.reveal());
    all += factor.reveal();
  }
  CHECK(distinct.size() == 40);
  // An n-th residue of the subgroup is a ciphertext of 0.
  const auto zeros = a_key().decrypt(all).value();
  for (const auto& plain : zeros) {
    CHECK(plain.reveal() == std::string(256, '\0'));
  }
  // The order of each modulo p is the prime alpha or 1, so that one that is not 1 generates all.
  for (const std::string prime : {"p", "q"}) {
    const Big p = big_from(golden().at(prime));
    const Big alpha = big_from(golden().at("alpha." + prime));
    const BigContext context = big_context();
    const Big rest = big();
    for (const auto& factor : factors) {
      const Big rho = big_from(factor.reveal());
      done(BN_mod(rest.get(), rho.get(), p.get(), context.get()));
      CHECK(BN_is_one(rest.get()) == 0);
      done(BN_mod_exp(rest.get(), rho.get(), alpha.get(), p.get(), context.get()));
      CHECK(BN_is_one(rest.get()) == 1);
    }
  }
}

TEST_CASE("secure: a ciphertext whose factor is not of the subgroup is refused, not misread",
          "[secure][golden]") {
  const std::string& outside = golden().at("cipher.outside");
  CHECK(a_key().public_key().check(outside));
  for (const std::string& ciphertext :
       {outside, a_key().public_key().add(outside, golden().at("cipher.4"))}) {
    const auto opened = a_key().decrypt(ciphertext);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == Errc::kInvalidArgument);
    CHECK_THAT(opened.error().message, ContainsSubstring("not one of this key"));
  }
}

TEST_CASE("secure: two encryptions of one plaintext have nothing in common", "[secure]") {
  const std::vector<crypto::Secret> plain{crypto::Secret(golden().at("plain.4"))};
  CHECK(encrypted(plain, 1) != encrypted(plain, 2));
  CHECK(encrypted(plain, 1) == encrypted(plain, 1));
}

TEST_CASE("secure: ciphertexts out of range are refused", "[secure]") {
  const PaillierPublicKey& key = a_key().public_key();
  const std::string good = golden().at("cipher.4");
  CHECK(key.check(good));
  CHECK(key.check(good + good));
  CHECK(key.check(""));
  CHECK_FALSE(key.check(good.substr(1)));
  CHECK_FALSE(key.check(good + std::string(512, '\0')));
  CHECK_FALSE(key.check(good + std::string(512, '\xff')));
  CHECK_FALSE(a_key().decrypt(std::string(512, '\xff')));
  // A multiple of p has no inverse, and would tell p to whoever sees what comes of it.
  const std::string multiple = std::string(384, '\0') + golden().at("p");
  CHECK(key.check(multiple));
  const auto opened = a_key().decrypt(multiple);
  REQUIRE_FALSE(opened);
  CHECK_THAT(opened.error().message, ContainsSubstring("not one of this key"));
  std::vector<crypto::Secret> plain{crypto::Secret(golden().at("n"))};
  const std::vector<crypto::Secret> factor{crypto::Secret(golden().at("rho"))};
  CHECK_FALSE(an_encryptor().encrypt(plain, factor));
  CHECK_FALSE(an_encryptor().encrypt(plain, {}));
}

TEST_CASE("secure: a key file comes back, and nothing else is a key", "[secure]") {
  const crypto::Secret text = a_key().text();
  const auto back = PaillierKey::parse(text).value();
  CHECK(back.public_key().modulus() == golden().at("n"));
  CHECK(back.text() == text);
  const auto refused = [](std::string changed, const char* why) {
    const auto key = PaillierKey::parse(crypto::Secret(std::move(changed)));
    REQUIRE_FALSE(key);
    CHECK(key.error().code == Errc::kInvalidArgument);
    CHECK_THAT(key.error().message, ContainsSubstring(why));
  };
  const std::string good(text.reveal());
  std::vector<std::string> lines;
  std::istringstream stream(good);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  REQUIRE(lines.size() == 5);
  // The file with lines in the places of others, by number.
  const auto with = [&](const std::map<std::size_t, std::string>& others) {
    std::string changed;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      changed += (others.contains(i) ? others.at(i) : lines[i]) + "\n";
    }
    return changed;
  };
  refused("", "make a new one with genesis keys paillier");
  refused("-----BEGIN PRIVATE KEY-----\n", "not a key file");
  refused("genesis-paillier-key v1\n" + lines[1] + "\n" + lines[2] + "\n",
          "make a new one with genesis keys paillier");
  refused(good + "x", "more than five lines");
  refused(lines[0] + "\n", "p is not in hexadecimal");
  refused(lines[0] + "\n" + lines[1] + "\n", "q is not in hexadecimal");
  refused(with({{3, ""}}), "the alpha of p is not in hexadecimal");
  refused(with({{4, "-1"}}), "the alpha of q is not in hexadecimal");
  refused(with({{2, lines[1]}}), "two primes of one size");
  refused(with({{2, lines[2].substr(2)}}), "two primes of one size");
  refused(with({{1, "0"}, {2, "0"}}), "two primes of one size");
  refused(with({{1, "b"}, {2, "d"}}), "2048");
  // Alphas of each other's primes, short ones, composite ones, and those that do not divide p - 1.
  refused(with({{3, lines[4]}, {4, lines[3]}}), "does not divide");
  refused(with({{3, lines[3].substr(1)}}), "has 256 bits");
  refused(with({{3, "2"}}), "has 256 bits");
  refused(with({{3, "0"}}), "has 256 bits");
  refused(with({{3, lines[1]}}), "has 256 bits");
  // Primes that share a factor with p - 1, or whose own is not as it must be.
  const auto instead = [&](const std::string& name) {
    return with({{2, crypto::to_hex(std::as_bytes(std::span(golden().at(name + ".p"))))},
                 {4, crypto::to_hex(std::as_bytes(std::span(golden().at(name + ".alpha"))))}});
  };
  refused(instead("same_alpha"), "2 in common");
  refused(instead("same_beta"), "2 in common");
  refused(instead("composite_alpha"), "must be primes");
  refused(instead("smooth"), "must be primes");
  std::string even = lines[2];
  even.back() = '0';
  refused(with({{2, even}}), "2 in common");
  const auto made = PaillierKey::generate(2048).value();
  CHECK(made.public_key().bits() == 2048);
  CHECK(PaillierKey::parse(made.text()).value().text() == made.text());
  CHECK_FALSE(PaillierKey::generate(1024));
  CHECK_FALSE(PaillierKey::generate(2049));
  CHECK_FALSE(PaillierKey::generate(16384));
  CHECK_FALSE(PaillierPublicKey::from_modulus(""));
  CHECK_FALSE(PaillierPublicKey::from_modulus(std::string(256, '\xfe')));
  CHECK_FALSE(PaillierPublicKey::from_modulus('\0' + golden().at("n")));
  CHECK_FALSE(PaillierPublicKey::from_modulus(golden().at("n").substr(1)));
}

TEST_CASE("secure: a key of the size that any keyBits asks for can be made", "[secure]") {
  CHECK(paillier_bits(std::nullopt) == 3072);
  CHECK(paillier_bits(2048) == 2048);
  CHECK(paillier_bits(8191) == kMaxPaillierBits);
  const unsigned bits = paillier_bits(2049);
  CHECK(bits == 2050);
  CHECK(PaillierKey::generate(bits)->public_key().bits() == bits);
}

TEST_CASE("secure: words in slots are those of the definition", "[secure][golden]") {
  const SlotFormat format(a_key().public_key(), 33);
  CHECK(format.slots() == 62);
  CHECK(SlotFormat(a_key().public_key(), 32).slots() == 63);
  for (const std::string name : {"a", "b"}) {
    const Words words = words_of("words." + name);
    const auto packed = format.pack(words);
    REQUIRE(packed.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(packed[i].reveal() == golden().at("slots." + name + "." + std::to_string(i)));
    }
    CHECK(format.unpack(packed, words.size()).value() == words);
  }
  const std::string product = golden().at("slots.cipher.0") + golden().at("slots.cipher.1");
  const auto sums = a_key().decrypt(product).value();
  CHECK(format.unpack(sums, words_of("words.a").size()).value() == words_of("words.a+b"));
}

TEST_CASE("secure: a slot that overflows into the next is noticed at the top, and by the bound",
          "[secure]") {
  const PaillierPublicKey& key = a_key().public_key();
  const SlotFormat format(key, 33);
  std::vector<crypto::Secret> beyond{crypto::Secret(golden().at("plain.3"))};  // n / 3
  CHECK_FALSE(format.unpack(beyond, 62));
  // A slot without a word must be zero.
  const auto full = format.pack(Words(62, 1));
  CHECK(format.unpack(full, 62));
  CHECK_FALSE(format.unpack(full, 61));
}

TEST_CASE("secure: the bits of a key hold the slots for every key of that size", "[secure]") {
  const PaillierPublicKey& key = a_key().public_key();
  for (unsigned bits = 2; bits <= kMaxWordBits; ++bits) {
    const SlotFormat format(key, bits);
    // |M| < 2^(k s - 1), and n / 2 >= 2^(bits of n - 2).
    CHECK(format.slots() * bits - 1 <= key.bits() - 2);
    const std::uint64_t least = std::uint64_t{1} << (bits - 1);
    const Words extremes{least + 1, least - 1, least + 1, least - 1};
    CHECK(format.unpack(format.pack(extremes), 4).value() == extremes);
  }
}

namespace {

// Uploads of all members of a sum, and the sites that decrypt.
struct Ciphertexts {
  explicit Ciphertexts(std::size_t members, std::size_t words = 6000)
      : task(a_task(members, words, 24)) {
    const SlotFormat format(a_key().public_key(), task.word_bits);
    for (std::size_t i = 0; i < members; ++i) {
      const auto place = static_cast<Place>(i);
      uploads[place] = encrypted(format.pack(input(i)), 50 + i);
      signatures[place] =
          sign_upload(task, place, a_key().public_key(), uploads[place], signer_of(i));
    }
  }
  // Values of 16 bits with their sign, of which 24 bits hold the sum.
  [[nodiscard]] Words input(std::size_t member) const {
    const auto format = SumFormat::make(16, 256).value();
    Rng rng(member, RoundId{0}, "", "ciphertexts");
    std::vector<std::int64_t> values(task.words);
    for (auto& value : values) {
      value = static_cast<std::int64_t>(rng.below(65535)) - 32767;
    }
    return format.encode(values, 1).value();
  }
  [[nodiscard]] DecryptingSite site(std::size_t member, const SitePolicy& policy = {}) const {
    return DecryptingSite::begin(member_id(member), signer_of(member), policy, task, a_key())
        .value();
  }
  [[nodiscard]] std::map<Place, std::string> slice(std::size_t number) const {
    std::map<Place, std::string> parts;
    for (const auto& [place, upload] : uploads) {
      parts.emplace(place, slice_of(a_key().public_key(), upload, number));
    }
    return parts;
  }
  [[nodiscard]] Confirmations confirmations(std::size_t members) const {
    Confirmations all;
    for (std::size_t i = 0; i < members; ++i) {
      all.signatures.emplace(static_cast<Place>(i), site(i).accept(signatures).value());
    }
    return all;
  }

  SumTask task;
  std::map<Place, std::string> uploads;
  UploadSignatures signatures;
};

const Ciphertexts& some_ciphertexts() {
  static const Ciphertexts made(4);
  return made;
}

template <typename T>
void check_refused(const Result<T>& result, Errc code, const char* why) {
  REQUIRE_FALSE(result);
  CHECK(result.error().code == code);
  CHECK_THAT(result.error().message, ContainsSubstring(why));
}

}  // namespace

TEST_CASE("secure: sites decrypt the sum slice by slice", "[secure]") {
  const Ciphertexts& sum = some_ciphertexts();
  const auto confirmations = sum.confirmations(3);
  Words words;
  // 6,000 words in 85 slots: 71 ciphertexts, in two slices.
  const std::size_t slices = slices_of(sum.uploads.at(0).size() / 512);
  for (std::size_t slice = 0; slice < slices; ++slice) {
    auto site = sum.site(slice % 4);
    REQUIRE(site.accept(sum.signatures));
    REQUIRE(site.authorize(confirmations));
    const auto part = site.decrypt(slice, sum.slice(slice), 2).value();
    words.insert(words.end(), part.begin(), part.end());
  }
  Words expected(sum.task.words);
  for (std::size_t i = 0; i < 4; ++i) {
    add(expected, sum.input(i));
  }
  reduce(expected, sum.task.word_bits);
  CHECK(words == expected);
  const std::string bytes = encode(sum.signatures);
  CHECK(decode_upload_signatures(bytes).value() == sum.signatures);
  CHECK_FALSE(decode_upload_signatures(bytes + "x"));
  CHECK_FALSE(decode_upload_signatures(std::string_view(bytes).substr(1)));
  CHECK(decode_upload_signature(encode(sum.signatures.at(1))).value() == sum.signatures.at(1));
}

TEST_CASE("secure: a site is no decryption oracle", "[secure]") {
  const Ciphertexts& sum = some_ciphertexts();
  auto site = sum.site(0);
  const auto parts = sum.slice(0);
  check_refused(site.decrypt(0, parts), Errc::kFailedPrecondition, "enough confirmations");

  UploadSignatures alone = sum.signatures;
  alone.erase(2), alone.erase(3);
  check_refused(site.accept(alone), Errc::kPermissionDenied, "the least is 3");
  UploadSignatures forged = sum.signatures;
  forged.at(1).signature = sum.signatures.at(2).signature;
  check_refused(site.accept(forged), Errc::kUnauthenticated, "site-001");
  UploadSignatures chosen = sum.signatures;  // a ciphertext of the server's choice
  chosen.at(1).slice_digests = sum.signatures.at(2).slice_digests;
  check_refused(site.accept(chosen), Errc::kUnauthenticated, "site-001");
  UploadSignatures twice = sum.signatures;  // one upload in the places of two
  twice.at(1) = sum.signatures.at(2);
  check_refused(site.accept(twice), Errc::kUnauthenticated, "site-001");
  UploadSignatures longer = sum.signatures;
  longer.at(1).slice_digests += std::string(32, 'x');
  check_refused(site.accept(longer), Errc::kInvalidArgument, "other slices");
  UploadSignatures stranger = sum.signatures;
  stranger.emplace(9, sum.signatures.at(2));
  check_refused(site.accept(stranger), Errc::kPermissionDenied, "stranger");

  REQUIRE(site.accept(sum.signatures));
  check_refused(site.decrypt(0, parts), Errc::kFailedPrecondition, "enough confirmations");
  auto confirmations = sum.confirmations(3);
  auto few = confirmations;
  few.signatures.erase(1);
  check_refused(site.authorize(few), Errc::kPermissionDenied, "the least is 3");
  auto false_one = confirmations;
  false_one.signatures.at(1) = signer_of(1).sign("something else");
  check_refused(site.authorize(false_one), Errc::kUnauthenticated, "site-001");
  REQUIRE(site.authorize(confirmations));

  auto altered = parts;
  altered.at(2)[700] ^= 1;
  check_refused(site.decrypt(0, altered), Errc::kDataLoss, "site-002 is not what it has signed");
  auto missing = parts;
  missing.erase(2);
  check_refused(site.decrypt(0, missing), Errc::kDataLoss, "site-002");
  auto swapped = parts;
  std::swap(swapped.at(2), swapped.at(3));
  check_refused(site.decrypt(0, swapped), Errc::kDataLoss, "site-002");
  check_refused(site.decrypt(9, parts), Errc::kInvalidArgument, "no slice 9");

  // One set of uploads for a sum, over restarts too.
  UploadSignatures fewer = sum.signatures;
  fewer.erase(3);
  check_refused(site.accept(fewer), Errc::kConflict, "other uploads");
  auto restarted = sum.site(0);
  restarted.restore(site.save());
  check_refused(restarted.accept(fewer), Errc::kConflict, "other uploads");
  CHECK(restarted.accept(sum.signatures));
}

TEST_CASE("secure: uploads of another sum or under another modulus are refused", "[secure]") {
  const Ciphertexts& sum = some_ciphertexts();
  const PaillierPublicKey& key = a_key().public_key();
  SumTask other = sum.task;
  other.sum += 1;
  UploadSignatures foreign = sum.signatures;
  foreign.at(1) = sign_upload(other, 1, key, sum.uploads.at(1), signer_of(1));
  auto site = sum.site(0);
  check_refused(site.accept(foreign), Errc::kUnauthenticated, "site-001");
  std::string modulus = key.modulus();
  modulus.back() = static_cast<char>(modulus.back() ^ 2);
  const auto swapped = PaillierPublicKey::from_modulus(modulus).value();
  foreign.at(1) = sign_upload(sum.task, 1, swapped, sum.uploads.at(1), signer_of(1));
  check_refused(site.accept(foreign), Errc::kUnauthenticated, "site-001");
}

TEST_CASE("secure: a sum that a member has spoilt is no words", "[secure]") {
  Ciphertexts sum = some_ciphertexts();
  // It encrypts n / 3 in each plaintext instead of words.
  std::vector<crypto::Secret> plain(sum.uploads.at(1).size() / 512,
                                    crypto::Secret(golden().at("plain.3")));
  sum.uploads[1] = encrypted(plain, 70);
  sum.signatures[1] = sign_upload(sum.task, 1, a_key().public_key(), sum.uploads[1], signer_of(1));
  auto site = sum.site(0);
  REQUIRE(site.accept(sum.signatures));
  REQUIRE(site.authorize(sum.confirmations(4)));
  check_refused(site.decrypt(0, sum.slice(0)), Errc::kDataLoss, "no sum of packed words");
}

namespace {

// An encrypted sum through its server, in which members go away before a stage and do not come
// back.
struct EncryptedSum {
  using Stage = CiphertextServer::Stage;

  explicit EncryptedSum(const Ciphertexts& of = some_ciphertexts())
      : sum(of), server(CiphertextServer::begin(of.task, a_key().public_key()).value()) {
    for (std::size_t i = 0; i < sum.uploads.size(); ++i) {
      sites.push_back(sum.site(i));
    }
  }

  std::string answer(Place place) {
    const std::string message = server.message_for(place);
    if (server.stage() == Stage::kUploads) {
      CHECK(message == encode(sum.task));
      return encode(Upload{sum.signatures.at(place), sum.uploads.at(place)});
    }
    if (server.stage() == Stage::kAccept) {
      return sites[place].accept(decode_upload_signatures(message).value()).value();
    }
    const auto asked = decode_decryption(message).value();
    CHECK(encode(asked) == message);
    REQUIRE(sites[place].accept(asked.signatures));
    REQUIRE(sites[place].authorize(asked.confirmations));
    Words words;
    for (const auto& [slice, parts] : asked.slices) {
      const auto part = sites[place].decrypt(slice, parts).value();
      words.insert(words.end(), part.begin(), part.end());
    }
    return pack(words, sum.task.word_bits);
  }

  Status run(const std::map<Place, Stage>& gone) {
    while (server.stage() != Stage::kOpened) {
      for (const auto place : std::vector<Place>(server.expected())) {
        const auto leaves = gone.find(place);
        if (leaves == gone.end() || leaves->second > server.stage()) {
          CHECK(server.receive(place, answer(place)).value() == Receipt::kAccepted);
        }
      }
      GENESIS_RETURN_IF_ERROR(server.close());
    }
    return {};
  }

  const Ciphertexts& sum;  // outlives this
  CiphertextServer server;
  std::vector<DecryptingSite> sites;
};

Words sum_of(const Ciphertexts& sum, const Survivors& members) {
  Words words(sum.task.words);
  for (const auto place : members) {
    add(words, sum.input(place));
  }
  reduce(words, sum.task.word_bits);
  return words;
}

}  // namespace

TEST_CASE("secure: an encrypted sum opens whoever goes away before which stage", "[secure]") {
  using Stage = CiphertextServer::Stage;
  for (const auto stage : {Stage::kUploads, Stage::kAccept, Stage::kDecrypt, Stage::kOpened}) {
    for (const Place place : {Place{0}, Place{3}}) {
      EncryptedSum encrypted;
      REQUIRE(encrypted.run({{place, stage}}));
      const auto opened = encrypted.server.open().value();
      Survivors uploaded{0, 1, 2, 3};
      if (stage == Stage::kUploads) {
        std::erase(uploaded, place);
      }
      CHECK(opened.survivors == uploaded);
      CHECK(opened.sum == sum_of(encrypted.sum, uploaded));
    }
  }
  EncryptedSum too_few;
  const auto closed = too_few.run({{0, Stage::kAccept}, {1, Stage::kAccept}});
  REQUIRE_FALSE(closed);
  CHECK(closed.error().code == Errc::kFailedPrecondition);
  CHECK_THAT(closed.error().message, ContainsSubstring("the least is 3"));
}

TEST_CASE("secure: any subset of five may go at any stage of an encrypted sum", "[secure]") {
  using Stage = CiphertextServer::Stage;
  constexpr Place kMembers = 5;
  const Ciphertexts five(kMembers, 70);
  Ciphertexts again = five;  // the next attempt: the same ciphertexts, signed for it
  again.task.attempt = 2;
  for (Place place = 0; place < kMembers; ++place) {
    again.signatures[place] = sign_upload(
        again.task, place, a_key().public_key(), five.uploads.at(place), signer_of(place));
  }
  REQUIRE(five.task.threshold == 4);
  for (const auto stage : {Stage::kUploads, Stage::kAccept, Stage::kDecrypt}) {
    for (unsigned mask = 0; mask < 1U << kMembers; ++mask) {
      CAPTURE(static_cast<int>(stage), mask);
      std::map<Place, Stage> gone;
      Survivors uploaded;
      for (Place place = 0; place < kMembers; ++place) {
        const bool goes = (mask >> place & 1U) != 0;
        if (goes) {
          gone.emplace(place, stage);
        }
        if (!goes || stage > Stage::kUploads) {
          uploaded.push_back(place);
        }
      }
      EncryptedSum encrypted(five);
      const auto closed = encrypted.run(gone);
      if (gone.size() <= 1) {
        REQUIRE(closed);
        const auto opened = encrypted.server.open().value();
        CHECK(opened.survivors == uploaded);
        CHECK(opened.sum == sum_of(five, uploaded));
        continue;
      }
      check_refused(closed, Errc::kFailedPrecondition, "the least is 4");
      // They are back: the next attempt opens, whatever was accepted in this one.
      EncryptedSum next(again);
      for (Place place = 0; place < kMembers; ++place) {
        next.sites[place].restore(encrypted.sites[place].save());
      }
      REQUIRE(next.run({}));
      CHECK(next.server.open()->sum == sum_of(five, {0, 1, 2, 3, 4}));
    }
  }
}

TEST_CASE("secure: the server of an encrypted sum takes what is signed, and nothing else",
          "[secure]") {
  EncryptedSum encrypted;
  auto& server = encrypted.server;
  const auto upload = encrypted.answer(0);
  check_refused(server.receive(1, upload), Errc::kUnauthenticated, "site-001");
  check_refused(server.receive(9, upload), Errc::kFailedPrecondition, "not a member");
  auto altered = upload;
  altered.back() = static_cast<char>(altered.back() ^ 1);
  check_refused(server.receive(0, altered), Errc::kDataLoss, "not what is signed");
  // Signed all the same: of n^2 and more.
  const auto& key = a_key().public_key();
  std::string beyond = encrypted.sum.uploads.at(0);
  beyond.replace(beyond.size() - 512, 512, 512, '\xff');
  const auto signed_beyond = sign_upload(encrypted.sum.task, 0, key, beyond, signer_of(0));
  check_refused(
      server.receive(0, encode(Upload{signed_beyond, beyond})), Errc::kInvalidArgument, "n^2");
  CHECK_FALSE(server.receive(0, std::string_view(upload).substr(1)));
  CHECK_FALSE(server.receive(0, upload + "x"));
  CHECK(server.receive(0, upload).value() == Receipt::kAccepted);
  CHECK(server.receive(0, upload).value() == Receipt::kDuplicate);
  check_refused(server.receive(0, encrypted.answer(1)), Errc::kConflict, "another message");
  for (const Place place : {Place{1}, Place{2}}) {
    REQUIRE(server.receive(place, encrypted.answer(place)));
  }
  REQUIRE(server.close());
  CHECK(server.receive(0, upload).value() == Receipt::kDuplicate);
  check_refused(
      server.receive(3, encrypted.answer(0)), Errc::kFailedPrecondition, "is not asked in this");
  check_refused(server.receive(1, encrypted.answer(0)), Errc::kUnauthenticated, "signature");
  for (const Place place : {Place{0}, Place{1}, Place{2}}) {
    REQUIRE(server.receive(place, encrypted.answer(place)));
  }
  REQUIRE(server.close());
  // Three members of whom three are needed: each slice has one holder, and there are two slices.
  CHECK(decode_decryption(server.message_for(2)).value().slices.empty());
  CHECK_FALSE(server.receive(0, "words"));
}

TEST_CASE("secure: members who decrypt a slice to different words are found out", "[secure]") {
  EncryptedSum encrypted;
  auto& server = encrypted.server;
  while (server.stage() != CiphertextServer::Stage::kDecrypt) {
    for (const auto place : std::vector<Place>(server.expected())) {
      REQUIRE(server.receive(place, encrypted.answer(place)));
    }
    REQUIRE(server.close());
  }
  for (const auto place : std::vector<Place>(server.expected())) {
    auto words = encrypted.answer(place);
    if (place == 1) {
      words[0] = static_cast<char>(words[0] ^ 1);
    }
    REQUIRE(server.receive(place, words));
  }
  REQUIRE(server.close());
  check_refused(server.open(), Errc::kDataLoss, "different words");
}

TEST_CASE("secure: messages of an encrypted sum have one form", "[secure]") {
  const auto& sum = some_ciphertexts();
  const Decryption decryption{
      sum.signatures, sum.confirmations(3), {{0, sum.slice(0)}, {1, sum.slice(1)}}};
  const auto bytes = encode(decryption);
  CHECK(decode_decryption(bytes).value() == decryption);
  CHECK_FALSE(decode_decryption(bytes + "x"));
  for (std::size_t size = 0; size < bytes.size(); size += 997) {
    CHECK_FALSE(decode_decryption(std::string_view(bytes).substr(0, size)));
  }
}

}  // namespace genesis::secure
