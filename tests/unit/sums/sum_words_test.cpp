#include "common/sums/sum_words.hpp"

#include <cmath>

#include "common/spec/parse.hpp"
#include "common/sums/task.hpp"
#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::sums;

namespace {

spec::FederatedTraining training(const std::vector<spec::Override>& overrides = {}) {
  constexpr const char* kSpec = R"(
apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata: {name: small}
spec:
  rounds: {minClients: 3}
  privacy: {secureAggregation: {encryption: masking}}
  participants:
    - {name: a, external: true}
    - {name: b, external: true}
    - {name: c, external: true}
    - {name: d, external: true}
)";
  return *spec::parse(kSpec, "test", overrides);
}

const method::Combine kThree = method::MeanOfTensors{{{"t", {3}}}};

Tensors update_of(std::vector<float> values) {
  return {{{"t", {3}}}, std::move(values)};
}

method::Sum sum_of(const SumWords& form,
                   const method::Combine& combine,
                   const std::vector<SumWords::Encoded>& terms) {
  secure::Words sum(form.words(combine));
  for (const auto& term : terms) {
    secure::add(sum, term.words);
  }
  secure::reduce(sum, form.word_bits(combine));
  return *form.decode(sum, combine, terms.size());
}

}  // namespace

TEST_CASE("sums: counts add up exactly", "[sums]") {
  const auto form = *SumWords::make(training());
  const method::Combine combine = method::SumOfCounts{3};
  const auto sum = sum_of(form,
                          combine,
                          {*form.encode(rounds::Counts{1, 0, 4294967295}, 9),
                           *form.encode(rounds::Counts{2, 0, 4294967295}, 9),
                           *form.encode(rounds::Counts{3, 0, 5}, 9)});
  CHECK(std::get<rounds::Counts>(sum) == rounds::Counts{6, 0, 8589934595});
  CHECK_FALSE(form.encode(rounds::Counts{4294967296}, 9));
}

TEST_CASE("sums: updates become their mean by rows, and nothing tells the rows", "[sums]") {
  const auto form = *SumWords::make(training());
  CHECK(form.word_bits(kThree) <= kUsualWordBits);
  const auto sum = sum_of(form,
                          kThree,
                          {*form.encode(update_of({0.5F, -1.0F, 3e-3F}), 100),
                           *form.encode(update_of({-0.5F, -1.0F, 1e-3F}), 300),
                           *form.encode(update_of({0.0F, 2.0F, -2e-3F}), 600)});
  const auto& mean = std::get<std::vector<float>>(sum);
  CHECK_THAT(mean[0], WithinAbs(-0.1, 1e-4));
  CHECK_THAT(mean[1], WithinAbs(0.8, 1e-4));
  CHECK_THAT(mean[2], WithinAbs(-6e-4, 1e-4));
}

TEST_CASE("sums: with fedavg all weigh alike", "[sums]") {
  const auto form = *SumWords::make(training({{"aggregation.strategy", "fedavg"}}));
  const auto sum = sum_of(form,
                          kThree,
                          {*form.encode(update_of({1.0F, 0.0F, 0.0F}), 1),
                           *form.encode(update_of({3.0F, 0.0F, 0.0F}), 1000)});
  CHECK_THAT(std::get<std::vector<float>>(sum)[0], WithinAbs(2.0, 1e-6));
}

TEST_CASE("sums: what clip and rounding take away is left to the next update", "[sums]") {
  const auto form = *SumWords::make(training({{"privacy.secureAggregation.clip", "2.0"}}));
  const auto encoded = *form.encode(update_of({5.0F, -3.0F, 1e-9F}), 1000);
  CHECK(encoded.clipped == 2);
  CHECK_THAT(encoded.residual[0], WithinAbs(3.0, 1e-3));
  CHECK_THAT(encoded.residual[1], WithinAbs(-1.0, 1e-3));
  CHECK_THAT(encoded.residual[2], WithinAbs(1e-9, 2e-6));
}

TEST_CASE("sums: a sum that the sites can't have sent is noticed", "[sums]") {
  const auto form = *SumWords::make(training());
  const auto term = *form.encode(update_of({1.0F, 1.0F, 1.0F}), 10);
  auto beyond = term.words;
  beyond[0] = std::uint64_t{1} << (form.word_bits(kThree) - 2);
  CHECK(form.decode(beyond, kThree, 1).error().code == Errc::kDataLoss);
  auto weightless = term.words;
  weightless[3] = 0;
  CHECK(form.decode(weightless, kThree, 1).error().code == Errc::kDataLoss);
  CHECK_FALSE(form.encode(update_of({NAN, 0.0F, 0.0F}), 10));
}

TEST_CASE("sums: the task is bound to what is asked", "[sums]") {
  const Question question{"run", CollectionId{3}, "updates", "{}", {{"parameters", "ab"}}};
  const auto task = task_of(question, 5, 35);
  CHECK(check_same(task, task_of(question, 5, 35)));
  auto other = question;
  other.parameters = "{\"learning_rate\":1}";
  CHECK_FALSE(check_same(task, task_of(other, 5, 35)));
  other = question;
  other.documents[0].second = "cd";
  CHECK_FALSE(check_same(task, task_of(other, 5, 35)));
  other = question;
  other.collection = CollectionId{4};
  CHECK_FALSE(check_same(task, task_of(other, 5, 35)));
  CHECK_FALSE(check_same(task, task_of(question, 6, 35)));
}

TEST_CASE("sums: public keys as hex digits come back", "[sums]") {
  const std::string bytes("\x00\x7f\xff", 3);
  CHECK(to_hex(bytes) == "007fff");
  CHECK(*from_hex("007fff") == bytes);
  CHECK_FALSE(from_hex("0"));
  CHECK_FALSE(from_hex("0G"));
}
