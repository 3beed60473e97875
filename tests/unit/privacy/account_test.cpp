#include "common/privacy/account.hpp"

#include <cmath>
#include <fstream>

#include "common/base/file.hpp"
#include "common/crypto/digest.hpp"
#include "common/privacy/gaussian.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/privacy/costs.hpp"

namespace genesis::privacy {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCells = 1000;

// A tenth of what a run with epsilon 3 may be asked, by 10 tables.
Request a_request(std::uint32_t collection = 1, const std::string& run = "run-1") {
  const double mu = calibrate(a_guarantee(3)).mu;
  return {.run = run,
          .collection = collection,
          .query_sha256 = crypto::sha256_hex("query " + std::to_string(collection)),
          .tables = 10,
          .variance = 10 / (0.1 * mu * mu)};
}

Account open(const fs::path& folder, std::optional<Guarantee> total = {}) {
  auto account = Account::open(folder, "patients", {.guarantee = a_guarantee(3), .total = total});
  CAPTURE(account ? "" : account.error().message);
  REQUIRE(account.has_value());
  return std::move(*account);
}

std::vector<std::int64_t> must_release(Account& account, const Request& request) {
  const std::vector<std::uint64_t> counts(kCells, 500);
  auto noisy = account.release(request, counts);
  CAPTURE(noisy ? "" : noisy.error().message);
  REQUIRE(noisy.has_value());
  return *noisy;
}

Error why_not(Account& account, const Request& request) {
  const auto noisy = account.release(request, std::vector<std::uint64_t>(kCells, 500));
  REQUIRE_FALSE(noisy.has_value());
  return noisy.error();
}

std::size_t charges(const Account& account) {
  return account.ledger().costs().size();
}

std::vector<fs::path> answers(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder / "patients.answers")) {
    files.push_back(entry.path());
  }
  return files;
}

}  // namespace

TEST_CASE("privacy: an answer is charged, kept and recorded before it is handed out", "[privacy]") {
  const TemporaryFolder folder;
  auto account = open(folder.path());
  const auto noisy = must_release(account, a_request());
  REQUIRE(charges(account) == 1);
  CHECK(account.ledger().costs()[0].tables == 10);
  CHECK(account.ledger().costs()[0].cells == kCells);
  REQUIRE(answers(folder.path()).size() == 1);
  const auto kept = read_file(answers(folder.path())[0], 1 << 20);
  const auto& last = account.ledger().entries().back();
  REQUIRE(std::holds_alternative<Released>(last.event));
  CHECK(std::get<Released>(last.event).sha256 == crypto::sha256_hex(*kept));
  // 1000 draws of variance 193: their mean square is within 30% but once in 10^9 runs.
  double squares = 0;
  for (const auto count : noisy) {
    squares += static_cast<double>((count - 500) * (count - 500));
  }
  CHECK(squares / kCells > 0.7 * a_request().variance);
  CHECK(squares / kCells < 1.3 * a_request().variance);
}

TEST_CASE("privacy: the same question has one answer, whatever restarts and whoever asks again",
          "[privacy]") {
  const TemporaryFolder folder;
  std::vector<std::int64_t> first;
  {
    auto account = open(folder.path());
    first = must_release(account, a_request());
    CHECK(must_release(account, a_request()) == first);
  }
  auto account = open(folder.path());
  CHECK(must_release(account, a_request()) == first);
  auto later = a_request();
  later.collection = 7;  // the server numbers its collections as it likes
  CHECK(must_release(account, later) == first);
  CHECK(charges(account) == 1);
  // Another run is another answer. Of 1000 cells all are equal with probability below 10^-1000.
  CHECK(must_release(account, a_request(1, "run-2")) != first);
  CHECK(charges(account) == 2);
}

TEST_CASE("privacy: a charge whose noise was never drawn is not charged again", "[privacy]") {
  const TemporaryFolder folder;
  const auto request = a_request();
  {
    const auto variance = NoiseVariance::at_least(request.variance);
    const auto cost = cost_of(request.tables, kCells, *variance);
    auto file = LedgerFile::open(folder.path(), "patients", LedgerFile::Missing::kCreate, kNow);
    REQUIRE(file->charge({.run = request.run,
                          .collection = request.collection,
                          .attempt = 0,
                          .query_sha256 = request.query_sha256},
                         *cost,
                         {},
                         kNow)
                .has_value());
  }
  auto account = open(folder.path());
  must_release(account, request);
  CHECK(charges(account) == 1);
}

TEST_CASE("privacy: an answer that was released and is lost is not drawn a second time",
          "[privacy]") {
  const TemporaryFolder folder;
  auto account = open(folder.path());
  must_release(account, a_request());
  fs::remove(answers(folder.path())[0]);
  CHECK(why_not(account, a_request()).code == Errc::kDataLoss);
  CHECK(charges(account) == 1);
}

TEST_CASE("privacy: an answer that was altered after its release does not leave", "[privacy]") {
  const TemporaryFolder folder;
  auto account = open(folder.path());
  must_release(account, a_request());
  std::ofstream(answers(folder.path())[0]) << std::string(kCells * 8, 'x');
  CHECK(why_not(account, a_request()).code == Errc::kPermissionDenied);
}

TEST_CASE("privacy: where the answer cannot be kept, it does not leave, and stays charged",
          "[privacy]") {
  const TemporaryFolder folder;
  auto account = open(folder.path());
  fs::remove_all(folder.path() / "patients.answers");
  std::ofstream(folder.path() / "patients.answers") << "no folder";
  CHECK(why_not(account, a_request()).code == Errc::kIo);
  CHECK(charges(account) == 1);
  CHECK(std::holds_alternative<Charged>(account.ledger().entries().back().event));
}

TEST_CASE("privacy: a run cannot be asked more than its epsilon allows, whatever its server asks",
          "[privacy]") {
  const TemporaryFolder folder;
  auto account = open(folder.path());
  for (std::uint32_t collection = 1; collection <= 9; ++collection) {
    must_release(account, a_request(collection));
  }
  auto less_noise = a_request(10);
  less_noise.variance /= 2;
  const auto error = why_not(account, less_noise);
  CHECK(error.code == Errc::kPermissionDenied);
  CHECK(error.message.starts_with(kExhausted));
  must_release(account, a_request(10));
  why_not(account, a_request(11));
  CHECK(charges(account) == 10);
  CHECK(account.ledger().spent(Delta{1e-5})->epsilon <= Epsilon{3});
}

TEST_CASE("privacy: one collection is not asked two questions", "[privacy]") {
  const TemporaryFolder folder;
  auto account = open(folder.path());
  must_release(account, a_request());
  auto other = a_request();
  other.query_sha256 = a_digest('c');
  CHECK(why_not(account, other).code == Errc::kPermissionDenied);
  CHECK(charges(account) == 1);
}

TEST_CASE(
    "privacy: a training that does not fit into the data set's total is refused at its first "
    "question",
    "[privacy]") {
  const TemporaryFolder folder;
  auto account = open(folder.path(), a_guarantee(4));
  must_release(account, a_request(1, "run-1"));
  CHECK(charges(account) == 1);
  for (std::uint32_t collection = 2; collection <= 10; ++collection) {
    must_release(account, a_request(collection, "run-1"));
  }
  // Two trainings with epsilon 3 together have 4.46.
  const auto error = why_not(account, a_request(1, "run-2"));
  CHECK(error.code == Errc::kPermissionDenied);
  CHECK(error.message.starts_with(kExhausted));
  CHECK_THAT(error.message, ContainsSubstring("of 4.000"));
  CHECK(charges(account) == 10);
}

TEST_CASE("privacy: a total as large as the training's own epsilon is enough for it", "[privacy]") {
  const TemporaryFolder folder;
  auto account = open(folder.path(), a_guarantee(3));
  for (std::uint32_t collection = 1; collection <= 10; ++collection) {
    must_release(account, a_request(collection));
  }
  CHECK(charges(account) == 10);
}

TEST_CASE("privacy: names that one unit alone has are told as seldom as delta says", "[privacy]") {
  const double sigma = 10;
  for (const std::uint64_t rows_per_unit : {std::uint64_t{1}, std::uint64_t{5}}) {
    const auto rule = name_rule(sigma * sigma, rows_per_unit, 1e-6);
    REQUIRE(rule.has_value());
    CHECK(static_cast<double>(rule->extra_delta) * kDeltaUnit <= 1e-6 * (1 + 1e-9));
    // By the exact sum of the distribution: a unit with one row of each of rows_per_unit values.
    double tail = 0;
    double all = 0;
    for (int x = -400; x <= 400; ++x) {
      const double weight = std::exp(-x * x / (2 * sigma * sigma));
      all += weight;
      tail += x + 1 >= static_cast<double>(rule->threshold) ? weight : 0;
    }
    const auto paid = static_cast<double>(rule->extra_delta) * kDeltaUnit;
    CHECK(static_cast<double>(rows_per_unit) * tail / all <= paid);
  }
}

TEST_CASE("privacy: names leave where enough rows have them, once, and count to the run",
          "[privacy]") {
  const TemporaryFolder folder;
  const double mu = calibrate(a_guarantee(3)).mu;
  const Request request{.run = "before",
                        .collection = 1,
                        .query_sha256 = a_digest('d'),
                        .tables = 1,
                        .variance = 1 / (0.05 * mu * mu)};
  const std::vector<Named> values{{"common", 5000}, {"absent", 0}, {"rare", 1}, {"usual", 900}};
  const std::vector<std::string> expected{"common", "usual"};
  const Terms terms{.guarantee = a_guarantee(3), .prelude = "before"};
  const auto rule = name_rule(request.variance, 1, 1e-6);
  {
    auto account = Account::open(folder.path(), "patients", terms);
    REQUIRE(account.has_value());
    CHECK(account->release_names(request, *rule, values).value() == expected);
  }
  auto account = Account::open(folder.path(), "patients", terms);
  REQUIRE(account.has_value());
  CHECK(account->release_names(request, *rule, {}).value() == expected);
  CHECK(charges(*account) == 1);
  CHECK(account->ledger().costs()[0].extra_delta == rule->extra_delta);
  for (std::uint32_t collection = 1; collection <= 9; ++collection) {
    must_release(*account, a_request(collection));
  }
  why_not(*account, a_request(10));  // the names took half of what is left
}

namespace {

// A quarter or less of what a run with epsilon 3 may be asked.
Cost a_round() {
  return *training_cost(50, 1000, *NoiseVariance::at_least(1.0), 0.02);
}

Request a_round_request(std::uint32_t collection) {
  auto request = a_request(collection);
  request.tables = a_round().tables;
  request.variance = a_round().variance.value();
  return request;
}

}  // namespace

TEST_CASE("privacy: a training is charged before it begins, and its bytes are kept", "[privacy]") {
  const TemporaryFolder folder;
  int trainings = 0;
  const auto train = [&](Account& account, std::uint32_t collection) {
    return account.release_training(
        a_round_request(collection), a_round(), [&](const Cost& cost) -> Result<std::string> {
          CHECK(cost == a_round());
          CHECK(account.ledger().costs().back() == cost);  // on disk already
          return "update " + std::to_string(++trainings);
        });
  };
  {
    auto account = open(folder.path());
    CHECK(train(account, 1).value() == "update 1");
    CHECK(train(account, 1).value() == "update 1");
    // Asked again under another number, with the same question.
    auto again = a_round_request(7);
    again.query_sha256 = a_round_request(1).query_sha256;
    CHECK(account
              .release_training(again,
                                a_round(),
                                [](const Cost&) -> Result<std::string> {
                                  FAIL("trained twice");
                                  return "";
                                })
              .value() == "update 1");
    CHECK(charges(account) == 1);
  }
  auto account = open(folder.path());
  CHECK(train(account, 1).value() == "update 1");
  CHECK(train(account, 2).value() == "update 2");
  CHECK(charges(account) == 2);
  fs::remove_all(folder.path() / "patients.answers");
  fs::create_directory(folder.path() / "patients.answers");
  CHECK(train(account, 2).error().code == Errc::kDataLoss);
  CHECK(trainings == 2);
}

TEST_CASE("privacy: a training that ended half way is charged once and made again", "[privacy]") {
  const TemporaryFolder folder;
  auto account = open(folder.path());
  const auto stopped = account.release_training(
      a_round_request(1), a_round(), [](const Cost&) -> Result<std::string> {
        return fail(Errc::kUnavailable, "stopped");
      });
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == Errc::kUnavailable);
  CHECK(charges(account) == 1);
  CHECK(account
            .release_training(a_round_request(1),
                              a_round(),
                              [](const Cost&) -> Result<std::string> { return "anew"; })
            .value() == "anew");
  CHECK(charges(account) == 1);
}

TEST_CASE("privacy: a server that asks for more rounds than epsilon pays for is refused",
          "[privacy]") {
  const TemporaryFolder folder;
  auto account = open(folder.path());
  std::uint32_t rounds = 0;
  Result<std::string> answer = "";
  while (answer && rounds < 1000) {
    answer = account.release_training(a_round_request(++rounds),
                                      a_round(),
                                      [](const Cost&) -> Result<std::string> { return "update"; });
  }
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == Errc::kPermissionDenied);
  CHECK(answer.error().message.starts_with(kExhausted));
  CHECK(charges(account) == rounds - 1);
  const auto spent = account.ledger().spent(Delta{1e-5});
  CHECK(spent->epsilon.value <= 3.0);
  CHECK(spent->epsilon.value > 2.5);
}

TEST_CASE("privacy: a charge of training reads back as it was written", "[privacy]") {
  Ledger ledger = Ledger::empty();
  REQUIRE(ledger.append(
      ledger.next(Opened{"patients", std::string(32, '1'), std::string(64, '2')}, kNow)));
  REQUIRE(ledger.append(ledger.next(Charged{a_question(1), a_round()}, kNow)));
  const auto read = Ledger::read(ledger.text());
  INFO((read ? "" : read.error().message));
  REQUIRE(read);
  CHECK(read->ledger.costs() == std::vector{a_round()});
}

TEST_CASE("privacy: an exported ledger answers nothing new, and stays readable", "[privacy]") {
  const TemporaryFolder folder;
  const auto request = a_request();
  {
    const auto cost = cost_of(request.tables, kCells, *NoiseVariance::at_least(request.variance));
    auto file = LedgerFile::open(folder.path(), "patients", LedgerFile::Missing::kCreate, kNow);
    REQUIRE(file->charge({.run = request.run,
                          .collection = request.collection,
                          .attempt = 0,
                          .query_sha256 = request.query_sha256},
                         *cost,
                         {},
                         kNow)
                .has_value());
    REQUIRE(file->export_to(kNow).has_value());
  }
  {
    auto account = open(folder.path());
    CHECK(why_not(account, request).code == Errc::kPermissionDenied);
    CHECK(why_not(account, a_request(2)).code == Errc::kPermissionDenied);
  }
  CHECK(read_ledger(folder.path(), "patients").has_value());
}

TEST_CASE("privacy: a ledger that was deleted does not come back empty beside its answers",
          "[privacy]") {
  const TemporaryFolder folder;
  {
    auto account = open(folder.path());
    must_release(account, a_request());
  }
  fs::remove(folder.path() / "patients.ledger");
  fs::remove(folder.path() / "patients.head");
  const auto account = Account::open(folder.path(), "patients", {.guarantee = a_guarantee(3)});
  REQUIRE_FALSE(account.has_value());
  CHECK(account.error().code == Errc::kDataLoss);
}

}  // namespace genesis::privacy
