#include "common/privacy/account.hpp"

#include <array>
#include <chrono>
#include <ctime>
#include <utility>

#include "common/base/file.hpp"
#include "common/crypto/digest.hpp"
#include "common/privacy/noisy_counts.hpp"

namespace genesis::privacy {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBytes = 8;  // of a count in a file, the least significant byte first
constexpr std::uint64_t kMaxAnswer = std::uint64_t{64} << 20U;
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

std::string utc_now() {
  const std::time_t time = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

Result<Account> Account::open(const fs::path& folder,
                              const std::string& data_set,
                              const Terms& terms) {
  auto file = LedgerFile::open(folder, data_set, LedgerFile::Missing::kCreate, utc_now());
  if (!file) {
    return tl::unexpected(file.error().within("privacy ledger"));
  }
  const auto answers = folder / (data_set + ".answers");
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

Result<Cost> Account::affordable(const Request& request, std::uint64_t cells) const {
  std::vector<Cost> all;
  for (const auto& entry : ledger().entries()) {
    const auto* charged = std::get_if<Charged>(&entry.event);
    if (charged != nullptr && charged->question.run == request.run) {
      all.push_back(charged->cost);
    }
  }
  for (double raise = 0;; raise = std::max(2 * raise, 1e-5)) {
    GENESIS_ASSIGN(const auto variance, NoiseVariance::at_least(request.variance * (1 + raise)));
    GENESIS_ASSIGN(const auto cost, cost_of(request.tables, cells, variance, terms_.rows_per_unit));
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

Result<std::vector<std::int64_t>> Account::release(const Request& request,
                                                   std::span<const std::uint64_t> counts) {
  if (const auto before = earlier(request)) {
    const auto path = answer_path(before->charge);
    const auto kept = read_file(path, kMaxAnswer);
    if (kept && kept->size() == counts.size() * kBytes) {
      const auto recorded =
          file_.record_release(before->charge, crypto::sha256_hex(*kept), utc_now());
      if (!recorded) {
        return tl::unexpected(final_error(recorded.error()));
      }
      return decode(*kept);
    }
    if (before->released_sha256) {
      return fail(Errc::kDataLoss,
                  path.string() + ": the answer to collection " +
                      std::to_string(request.collection) + " of run " + request.run +
                      " was released and is gone; a second one would tell more than was charged. "
                      "Restore the file, or start another training, which is charged anew");
    }
    if (kept || kept.error().code == Errc::kNotFound) {
      return fix(before->charge, before->cost, counts);
    }
    return tl::unexpected(kept.error());
  }
  GENESIS_ASSIGN(const auto cost, finally(affordable(request, counts.size())));
  const Question question{.run = request.run,
                          .collection = request.collection,
                          .attempt = 0,
                          .query_sha256 = request.query_sha256};
  GENESIS_ASSIGN(const auto receipt,
                 finally(file_.charge(question, cost, terms_.total, utc_now())));
  return fix(receipt.sequence, cost, counts);
}

Result<std::vector<std::int64_t>> Account::fix(std::uint64_t charge,
                                               const Cost& cost,
                                               std::span<const std::uint64_t> counts) {
  NoiseBits bits;
  auto noisy = add_noise(counts, DiscreteGaussian(cost.variance), bits);
  const auto bytes = encode(noisy);
  GENESIS_RETURN_IF_ERROR(write_file_atomic(answer_path(charge), bytes));
  if (const auto recorded = file_.record_release(charge, crypto::sha256_hex(bytes), utc_now());
      !recorded) {
    return tl::unexpected(final_error(recorded.error()));
  }
  return noisy;
}

}  // namespace genesis::privacy
