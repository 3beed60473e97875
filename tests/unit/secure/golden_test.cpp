// A sum that a Python implementation has computed from the definition (tests/golden/secure): each
// message has the same bytes.
#include "tests/unit/secure/parties.hpp"
#include "tests/unit/secure/vectors.hpp"

namespace genesis::secure {
namespace {

// Gives out what the vectors name as the secrets of a member.
class GivenEntropy final : public crypto::Entropy {
 public:
  explicit GivenEntropy(std::string bytes) : bytes_(std::move(bytes)) {}
  void fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) {
      byte = static_cast<std::byte>(bytes_.at(at_++));
    }
  }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
};

}  // namespace

TEST_CASE("secure: each message of a sum is that of an independent implementation",
          "[secure][golden]") {
  auto golden = vectors("masking.txt");
  const auto of = [&](const std::string& name, Place place) {
    return golden.at(name + "." + std::to_string(place));
  };
  const SumTask task = decode_task(golden.at("task")).value();
  CHECK(encode(task) == golden.at("task"));
  CHECK(context_of(task) == golden.at("context"));
  constexpr Place kGone = 2;

  Server server = Server::begin(task).value();
  std::vector<Site> sites;
  for (Place place = 0; place < task.roster.size(); ++place) {
    Words input(task.words);
    for (std::size_t i = 0; i < input.size(); ++i) {
      input[i] = i * 0x9E3779B97F4A7C15U + place;
    }
    reduce(input, task.word_bits);
    GivenEntropy entropy(of("secrets", place));
    auto signer = Signer::from_pem(crypto::Secret(of("certificate_key", place))).value();
    sites.push_back(Site::begin(task.roster[place].id, signer, {}, task, input, entropy).value());
  }
  const auto send = [&](const char* name, Place place, const std::string& message) {
    CAPTURE(name, place);
    CHECK(message == of(name, place));
    CHECK(server.receive(place, of(name, place)));
  };
  for (Place place = 0; place < sites.size(); ++place) {
    send("keys", place, encode(sites[place].keys()));
  }
  REQUIRE(server.close());
  for (Place place = 0; place < sites.size(); ++place) {
    const auto list = decode_key_list(server.message_for(place)).value();
    send("shares", place, encode(sites[place].share(list).value()));
  }
  REQUIRE(server.close());
  for (Place place = 0; place < sites.size(); ++place) {
    const auto shares = decode_sealed_shares(server.message_for(place)).value();
    const std::string masked = sites[place].mask(shares).value();
    CHECK(digest(masked) == of("masked_sha256", place));
    if (place != kGone) {
      REQUIRE(server.receive(place, masked));
    }
  }
  REQUIRE(server.close());
  for (const Place place : std::vector<Place>(server.expected())) {
    const auto survivors = decode_survivors(server.message_for(place)).value();
    send("confirmation", place, sites[place].confirm(survivors).value());
  }
  REQUIRE(server.close());
  for (const Place place : std::vector<Place>(server.expected())) {
    const auto confirmations = decode_confirmations(server.message_for(place)).value();
    const auto reveal = sites[place].reveal(confirmations).value();
    send("reveal", place, std::string(encode(reveal).reveal()));
  }
  REQUIRE(server.close());
  const auto opened = server.open().value();
  CHECK(digest(pack(opened.sum, task.word_bits)) == golden.at("sum_sha256"));
  CHECK(opened.survivors == Survivors{0, 1, 3});
}

}  // namespace genesis::secure
