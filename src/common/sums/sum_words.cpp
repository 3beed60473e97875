#include "common/sums/sum_words.hpp"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "common/base/overloaded.hpp"

namespace genesis::sums {
namespace {

constexpr unsigned kCountBits = 33;  // with the sign: up to 2^32 - 1 rows
constexpr unsigned kMaxValueBits = 32;
constexpr unsigned kWeightPartBits = 15;  // fits the shortest values
constexpr std::size_t kWeightWords = 2;

std::uint64_t most_members(const spec::FederatedTraining& training) {
  return training.participants.empty() ? static_cast<std::uint64_t>(spec::max_clients_of(training))
                                       : training.participants.size();
}

std::uint64_t largest_weight(const spec::FederatedTraining& training) {
  std::uint64_t largest = 0;
  for (const auto& participant : training.participants) {
    if (!participant.max_rows) {
      return kLargestWeight;
    }
    largest = std::max(largest, static_cast<std::uint64_t>(*participant.max_rows));
  }
  constexpr std::uint64_t kMost = std::uint64_t{1} << (2 * kWeightPartBits);
  return largest == 0 ? kLargestWeight : std::min(largest, kMost - 1);
}

}  // namespace

Result<SumWords> SumWords::make(const spec::FederatedTraining& training) {
  const auto& secure = training.privacy.secure_aggregation.value();
  const auto members = most_members(training);
  const auto head_room = static_cast<unsigned>(std::bit_width(members - 1));
  const auto bits = secure.value_bits ? static_cast<unsigned>(*secure.value_bits)
                                      : std::min(kMaxValueBits, kUsualWordBits - head_room);
  const auto within = [](const Error& error) {
    return tl::unexpected(error.within("spec.privacy.secureAggregation"));
  };
  auto counts = secure::SumFormat::make(kCountBits, members);
  auto updates = secure::SumFormat::make(bits, members);
  auto fixed = secure::FixedPoint::make(secure.clip, bits);
  if (!counts || !updates || !fixed) {
    return within(!counts ? counts.error() : !updates ? updates.error() : fixed.error());
  }
  SumWords words(*counts, *updates, *fixed);
  words.is_weighted_ = training.aggregation.strategy != spec::Strategy::kFedavg;
  words.largest_weight_ = words.is_weighted_ ? largest_weight(training) : 1;
  return words;
}

std::size_t SumWords::words(const method::Combine& combine) const {
  return std::visit(Overloaded{
                        [](const method::SumOfCounts& counts) { return counts.words; },
                        [](const method::MeanOfTensors& mean) {
                          return element_count(mean.specs) + kWeightWords;
                        },
                    },
                    combine);
}

unsigned SumWords::word_bits(const method::Combine& combine) const {
  return std::holds_alternative<method::SumOfCounts>(combine) ? counts_.word_bits()
                                                              : updates_.word_bits();
}

std::uint64_t SumWords::weight_of(std::uint64_t rows) const {
  return std::clamp<std::uint64_t>(rows, 1, largest_weight_);
}

Result<SumWords::Encoded> SumWords::encode(const std::variant<rounds::Counts, Tensors>& values,
                                           std::uint64_t rows) const {
  Encoded encoded;
  if (const auto* counts = std::get_if<rounds::Counts>(&values)) {
    const auto most = static_cast<std::uint64_t>(counts_.largest());
    if (std::ranges::any_of(*counts, [&](std::uint64_t count) { return count > most; })) {
      return fail(Errc::kInvalidArgument,
                  "a count above " + std::to_string(most) + " does not fit into a secure sum");
    }
    encoded.words = *counts;
    encoded.word_bits = counts_.word_bits();
    return encoded;
  }
  const auto& update = std::get<Tensors>(values);
  const auto weight = weight_of(rows);
  const double share = static_cast<double>(weight) / static_cast<double>(largest_weight_);
  GENESIS_ASSIGN(auto quantized, fixed_.quantize(update.values, share));
  quantized.values.push_back(static_cast<std::int64_t>(weight & secure::low_bits(kWeightPartBits)));
  quantized.values.push_back(static_cast<std::int64_t>(weight >> kWeightPartBits));
  GENESIS_ASSIGN(encoded.words, updates_.encode(quantized.values, 1));
  encoded.word_bits = updates_.word_bits();
  encoded.residual = std::move(quantized.residual);
  encoded.clipped = quantized.saturated;
  return encoded;
}

Result<method::Sum> SumWords::decode(const secure::Words& sum,
                                     const method::Combine& combine,
                                     std::size_t members) const {
  if (std::holds_alternative<method::SumOfCounts>(combine)) {
    GENESIS_ASSIGN(const auto counts, counts_.decode(sum, members));
    if (std::ranges::any_of(counts, [](std::int64_t count) { return count < 0; })) {
      return fail(Errc::kDataLoss,
                  "a sum of counts is below 0: at least one site has sent something else, and the "
                  "sum does not tell which");
    }
    return method::Sum{rounds::Counts(counts.begin(), counts.end())};
  }
  GENESIS_ASSIGN(auto values, updates_.decode(sum, members));
  const std::int64_t high = values.back();
  values.pop_back();
  const std::int64_t low = values.back();
  values.pop_back();
  const std::int64_t weight = low + high * (std::int64_t{1} << kWeightPartBits);
  const auto most = static_cast<std::int64_t>(members * largest_weight_);
  if (low < 0 || high < 0 || weight < static_cast<std::int64_t>(members) || weight > most) {
    return fail(Errc::kDataLoss,
                "the sum of the weights is " + std::to_string(weight) + ", which " +
                    std::to_string(members) +
                    " sites can't have: at least one has sent something else, and the sum does not "
                    "tell which");
  }
  const auto mean = fixed_.mean(values, static_cast<std::uint64_t>(weight));
  std::vector<float> result(mean.size());
  std::ranges::transform(mean, result.begin(), [&](double value) {
    return static_cast<float>(value * static_cast<double>(largest_weight_));
  });
  return method::Sum{std::move(result)};
}

}  // namespace genesis::sums
