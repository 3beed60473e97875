#pragma once
// How much a client weighs in a sum: its rows, up to a cap that keeps one client's claim from
// deciding the result. Pure.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace genesis::aggregation {

/// A cap on one client's share applies to sums of so many clients: with two, one of them always has
/// half or more.
inline constexpr std::size_t kFewestForShares = 3;

/// The most that a client may weigh whose row count nobody has declared, so that none of them has
/// more than `max_share` of the sum of all. `rows` are theirs, `declared_rows` what all others
/// weigh together. Where no cap does it (max_share below one by the number of clients), all weigh
/// as much as the smallest. No cap below kFewestForShares clients in all, or for a share of 1.
[[nodiscard]] std::uint64_t weight_cap(std::span<const std::uint64_t> rows,
                                       std::span<const std::uint64_t> declared_rows,
                                       double max_share);

/// Each of `rows`, but no more than their median (the lower one of an even number).
[[nodiscard]] std::vector<std::uint64_t> up_to_median(std::vector<std::uint64_t> rows);

[[nodiscard]] bool are_equal(std::span<const std::uint64_t> weights);

/// `counts` of `rows` rows as counts of `weight` rows in the same proportions: whole numbers whose
/// sum is the rounded one (largest remainder, ties to the first). `weight` is at most `rows`, and
/// no count above 2^53.
[[nodiscard]] std::vector<std::uint64_t> apportioned(std::span<const std::uint64_t> counts,
                                                     std::uint64_t rows,
                                                     std::uint64_t weight);

}  // namespace genesis::aggregation
