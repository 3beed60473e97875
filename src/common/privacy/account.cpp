#include "common/privacy/account.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/file.hpp"
#include "common/base/utc.hpp"
#include "common/crypto/digest.hpp"
#include "common/privacy/gaussian.hpp"
#include "common/privacy/noisy_counts.hpp"

namespace genesis::privacy {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBytes = 8;  // of a count in a file, the least significant byte first
constexpr std::uint64_t kMaxAnswer = std::uint64_t{256} << 20U;
constexpr double kMostRaise = 0.01;  // of a variance

std::string encode(std::span<const std::int64_t> counts) {
  std::string bytes;
  bytes.reserve(counts.size() * kBytes);
  for (const auto count : counts) {
    auto rest = static_cast<std::uint64_t>(count);
    for (std::size_t i = 0; i < kBytes; ++i, rest >>= 8U) {
      bytes.push_back(static_cast<char>(rest & 0xFFU));
    }
  }
  return bytes;
}

std::vector<std::int64_t> decode(std::string_view bytes) {
  std::vector<std::int64_t> counts(bytes.size() / kBytes);
  for (std::size_t c = 0; c < counts.size(); ++c) {
    std::uint64_t count = 0;
    for (std::size_t i = kBytes; i-- > 0;) {
      count = count << 8U | static_cast<unsigned char>(bytes[c * kBytes + i]);
    }
    counts[c] = static_cast<std::int64_t>(count);
  }
  return counts;
}

// A site that is not allowed to answer stops for good: what a caller would try again, or pass over,
// becomes an error that it does not.
Error final_error(Error error) {
  if (error.code == Errc::kResourceExhausted) {
    return {Errc::kPermissionDenied, std::string(kExhausted) + error.message, {}};
  }
  if (error.code == Errc::kFailedPrecondition || error.code == Errc::kConflict) {
    error.code = Errc::kPermissionDenied;
  }
  return error;
}

template <typename T>
Result<T> finally(Result<T> result) {
  return result ? std::move(result) : tl::unexpected(final_error(std::move(result.error())));
}

std::string text_of(Epsilon epsilon) {
  auto text = std::to_string(epsilon.value);
  return text.substr(0, text.find('.') + 4);
}

}  // namespace

Status check_room(const Ledger& ledger, const Guarantee& guarantee, const Guarantee& total) {
  // As a training of many tables: next to no lattice, and of the same mu.
  constexpr std::uint64_t kTables = 100'000;
  constexpr double kSlack = 1.002;  // of the accountant; what is charged is judged without it
  const double mu = calibrate(guarantee).mu;
  auto all = ledger.costs();
  GENESIS_ASSIGN(const auto variance,
                 NoiseVariance::at_least(static_cast<double>(kTables) / (mu * mu)));
  all.push_back({.tables = kTables, .cells = kTables, .variance = variance});
  GENESIS_ASSIGN(const auto epsilon, epsilon_of(all, total.delta(), Adversary::kClaimed));
  if (epsilon.value <= kSlack * total.epsilon().value) {
    return {};
  }
  GENESIS_ASSIGN(const auto spent, ledger.spent(total.delta()));
  return fail(Errc::kResourceExhausted,
              "data set " + ledger.data_set() + " has spent epsilon " + text_of(spent.epsilon) +
                  " of " + text_of(total.epsilon()) + ", and with this training's " +
                  text_of(guarantee.epsilon()) + " it would be " + text_of(epsilon) +
                  "; nothing was released for it");
}

Result<NameRule> name_rule(double variance, std::uint64_t rows_per_unit, double delta) {
  GENESIS_ASSIGN(const auto noise, NoiseVariance::at_least(variance));
  const double sigma = std::sqrt(noise.value());
  const auto rows = static_cast<double>(rows_per_unit);
  // A unit may bring as many values as it has rows. The tail of the discrete Gaussian from t on is
  // below that of the continuous one from t - 1 on (Canonne, Kamath & Steinke 2020, proposition
  // 25).
  const auto told = [&](double threshold) {
    return rows * 0.5 * std::erfc((threshold - rows - 1) / (sigma * std::sqrt(2.0)));
  };
  double threshold = std::ceil(rows + 1);
  while (told(threshold) > delta) {
    threshold += std::max(1.0, std::floor(sigma / 16));
  }
  return NameRule{static_cast<std::uint64_t>(threshold),
                  static_cast<std::uint64_t>(std::ceil(told(threshold) / kDeltaUnit))};
}

Result<Account> Account::open(const fs::path& folder,
                              const std::string& data_set,
                              const Terms& terms) {
  auto file = LedgerFile::open(folder, data_set, LedgerFile::Missing::kCreate, utc_now());
  if (!file) {
    return tl::unexpected(file.error().within("privacy ledger"));
  }
  const auto answers = folder / (data_set + ".answers");
  std::error_code error;
  const bool is_new = file->ledger().entries().size() == 1;
  if (is_new && fs::exists(answers, error) && !fs::is_empty(answers, error)) {
    return fail(Errc::kDataLoss,
                file->path().string() + ": the ledger is new, but " + answers.string() +
                    " has answers that an earlier one was charged for; restore that one from the "
                    "newest copy");
  }
  GENESIS_RETURN_IF_ERROR(make_private_folder(answers));
  remove_partial_files(answers);
  return Account(std::move(*file), answers, terms);
}

fs::path Account::answer_path(std::uint64_t charge) const {
  return answers_ / (ledger().id() + "-" + std::to_string(charge) + ".counts");
}

std::optional<Account::Earlier> Account::earlier(const Request& request) const {
  std::optional<Earlier> found;
  for (const auto& entry : ledger().entries()) {
    if (const auto* charged = std::get_if<Charged>(&entry.event)) {
      if (charged->question.run == request.run &&
          charged->question.query_sha256 == request.query_sha256) {
        found = Earlier{entry.sequence, charged->cost, std::nullopt};
      }
    }
    const auto* released = std::get_if<Released>(&entry.event);
    if (released != nullptr && found && released->charge == found->charge) {
      found->released_sha256 = released->sha256;
    }
  }
  return found;
}

Result<Cost> Account::affordable(const Request& request, const Cost& least) const {
  std::vector<Cost> all;
  bool is_first = true;
  for (const auto& entry : ledger().entries()) {
    const auto* charged = std::get_if<Charged>(&entry.event);
    if (charged == nullptr) {
      continue;
    }
    const bool is_of_run = charged->question.run == request.run;
    if (is_of_run || charged->question.run == terms_.prelude) {
      all.push_back(charged->cost);
    }
    is_first = is_first && !is_of_run;
  }
  if (is_first && terms_.total) {
    GENESIS_RETURN_IF_ERROR(check_room(ledger(), terms_.guarantee, *terms_.total));
  }
  for (double raise = 0;; raise = std::max(2 * raise, 1e-5)) {
    auto cost = least;
    GENESIS_ASSIGN(cost.variance, NoiseVariance::at_least(request.variance * (1 + raise)));
    all.push_back(cost);
    GENESIS_ASSIGN(const auto epsilon,
                   epsilon_of(all, terms_.guarantee.delta(), Adversary::kClaimed));
    if (epsilon <= terms_.guarantee.epsilon()) {
      return cost;
    }
    if (raise > kMostRaise) {
      return fail(Errc::kResourceExhausted,
                  "the server asks more of run " + request.run + " than its epsilon " +
                      text_of(terms_.guarantee.epsilon()) + " allows: with collection " +
                      std::to_string(request.collection) + " it would be " + text_of(epsilon) +
                      "; nothing was released for it");
    }
    all.pop_back();
  }
}

Result<std::string> Account::answer(const Request& request,
                                    const Cost& least,
                                    std::optional<std::size_t> size,
                                    const Draw& draw) {
  const auto before = earlier(request);
  if (!before) {
    GENESIS_ASSIGN(const auto cost, finally(affordable(request, least)));
    const Question question{.run = request.run,
                            .collection = request.collection,
                            .attempt = 0,
                            .query_sha256 = request.query_sha256};
    GENESIS_ASSIGN(const auto receipt,
                   finally(file_.charge(question, cost, terms_.total, utc_now())));
    return fix(receipt.sequence, cost, draw);
  }
  const auto path = answer_path(before->charge);
  const auto kept = read_file(path, kMaxAnswer);
  if (kept && (!size || kept->size() == *size)) {
    const auto recorded =
        file_.record_release(before->charge, crypto::sha256_hex(*kept), utc_now());
    if (!recorded) {
      return tl::unexpected(final_error(recorded.error()));
    }
    return *kept;
  }
  if (before->released_sha256) {
    return fail(Errc::kDataLoss,
                path.string() + ": the answer to collection " + std::to_string(request.collection) +
                    " of run " + request.run +
                    " was released and is gone; a second one would tell more than was charged. "
                    "Restore the file, or start another training, which is charged anew");
  }
  if (ledger().exported()) {
    return fail(Errc::kPermissionDenied,
                "the ledger was exported and this copy is closed; use the one where transfer " +
                    *ledger().exported() + " was imported");
  }
  if (!kept && kept.error().code != Errc::kNotFound) {
    return tl::unexpected(kept.error());
  }
  return fix(before->charge, before->cost, draw);
}

Result<std::string> Account::fix(std::uint64_t charge, const Cost& cost, const Draw& draw) {
  GENESIS_ASSIGN(auto bytes, draw(cost));
  GENESIS_RETURN_IF_ERROR(write_file_atomic(answer_path(charge), bytes));
  if (const auto recorded = file_.record_release(charge, crypto::sha256_hex(bytes), utc_now());
      !recorded) {
    return tl::unexpected(final_error(recorded.error()));
  }
  return bytes;
}

Result<std::vector<std::int64_t>> Account::release(const Request& request,
                                                   std::span<const std::uint64_t> counts) {
  GENESIS_ASSIGN(const auto variance, NoiseVariance::at_least(request.variance));
  GENESIS_ASSIGN(auto cost, cost_of(request.tables, counts.size(), variance, terms_.rows_per_unit));
  cost.shares = request.shares;
  GENESIS_RETURN_IF_ERROR(check(cost));
  const auto draw = [&](const Cost& charged) -> Result<std::string> {
    NoiseBits bits;
    return encode(add_noise(counts, DiscreteGaussian(charged.variance), bits));
  };
  GENESIS_ASSIGN(const auto bytes, answer(request, cost, counts.size() * kBytes, draw));
  return decode(bytes);
}

Result<std::string> Account::release_training(
    const Request& request,
    const Cost& cost,
    const std::function<Result<std::string>(const Cost&)>& train) {
  GENESIS_RETURN_IF_ERROR(check(cost));
  if (!cost.is_training() || terms_.rows_per_unit != 1) {
    return fail(Errc::kInternal, "privacy: a training is charged as one of rows");
  }
  return answer(request, cost, std::nullopt, train);
}

Result<std::vector<std::string>> Account::release_names(const Request& request,
                                                        const NameRule& rule,
                                                        std::span<const Named> values) {
  // How many values occur is not told, so the distance is that of as many as there may be.
  constexpr std::uint64_t kMostValues = std::uint64_t{1} << 31U;
  GENESIS_ASSIGN(const auto variance, NoiseVariance::at_least(request.variance));
  GENESIS_ASSIGN(auto cost, cost_of(request.tables, kMostValues, variance, terms_.rows_per_unit));
  cost.extra_delta = rule.extra_delta;
  const auto draw = [&](const Cost& charged) -> Result<std::string> {
    std::vector<std::uint64_t> counts;
    for (const auto& [name, rows] : values) {
      counts.push_back(rows);
    }
    NoiseBits bits;
    const auto noisy = add_noise(counts, DiscreteGaussian(charged.variance), bits);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i].second > 0 && noisy[i] >= static_cast<std::int64_t>(rule.threshold)) {
        names.push_back(values[i].first);
      }
    }
    std::ranges::sort(names);
    std::string lines;
    for (const auto& name : names) {
      lines += name + '\0';  // which no name has
    }
    return lines;
  };
  GENESIS_ASSIGN(const auto lines, answer(request, cost, std::nullopt, draw));
  std::vector<std::string> names;
  for (std::size_t at = 0; at < lines.size();) {
    const auto end = std::min(lines.find('\0', at), lines.size());
    names.push_back(lines.substr(at, end - at));
    at = end + 1;
  }
  return names;
}

}  // namespace genesis::privacy
