#pragma once
// The messages of a masked sum, each once: values, their bytes and the texts that are signed. Every
// decode function takes any bytes: errors are kDataLoss, kInvalidArgument or kResourceExhausted and
// name the message. Members are named by their place in the roster, which is sorted by id.
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/crypto/secret.hpp"
#include "common/secure/primitives.hpp"
#include "common/secure/words.hpp"

namespace genesis::secure {

/// Place in the roster, from 0. The share of place p is the polynomials' value at p + 1.
using Place = std::uint16_t;

inline constexpr std::size_t kMinMembers = 3;  // with two, each would know the other's input
inline constexpr std::size_t kMaxMembers = 1024;

struct Member {
  ClientId id;
  std::string public_key;  // SubjectPublicKeyInfo of its certificate's key, DER
  auto operator<=>(const Member&) const = default;
};

/// What is summed, and among whom. All keys and signatures are bound to the digest of it, so that
/// nothing of one run, sum, attempt, query or model serves another.
struct SumTask {
  std::string run;             // 1 to 64 bytes
  std::uint32_t sum = 0;       // number in the run, from 1
  std::uint32_t attempt = 0;   // of the sum, from 1
  std::string purpose;         // 1 to 64 bytes: what the words are
  std::string query;           // SHA-256 of what is asked, 32 bytes
  std::string parameters;      // SHA-256 of the global parameters, 32 bytes
  std::size_t words = 0;       // 1 to kMaxWords
  unsigned word_bits = 0;      // 1 to kMaxWordBits
  std::size_t threshold = 0;   // shares that open a secret, and the least number of survivors
  std::vector<Member> roster;  // kMinMembers to kMaxMembers, strictly ascending by id
  bool operator==(const SumTask&) const = default;

  /// Place of `id`; nullopt where it is no member.
  [[nodiscard]] std::optional<Place> place_of(const ClientId& id) const;
};

/// The least threshold for `members` of whom `max_colluding` may collude with the server, under
/// which at least `min_survivors` are in every sum: above two thirds (Bonawitz et al. 2017, theorem
/// 6.5, a server that lies), and above (members + max_colluding) / 2, so that two sets of survivors
/// can't both find so many honest signers.
[[nodiscard]] std::size_t least_threshold(std::size_t members,
                                          std::size_t min_survivors,
                                          std::size_t max_colluding);

[[nodiscard]] std::string encode(const SumTask& task);
/// Errors also for bounds, order of the roster, and one public key twice.
[[nodiscard]] Result<SumTask> decode_task(std::string_view bytes);
/// The same checks for a task that was made in memory.
[[nodiscard]] Status check(const SumTask& task);
/// 32 bytes: of everything in the task.
[[nodiscard]] std::string context_of(const SumTask& task);

/// Message 1: what a member announces.
struct Keys {
  std::string cipher_key;       // X25519: for the shares that are sent to it
  std::string mask_key;         // X25519: for the masks that it has with each other member
  std::string seed_commitment;  // of the seed of its own mask
  std::string signature;
  bool operator==(const Keys&) const = default;
};
using KeyList = std::map<Place, Keys>;
[[nodiscard]] std::string encode(const Keys& keys);
[[nodiscard]] Result<Keys> decode_keys(std::string_view bytes);
[[nodiscard]] std::string encode(const KeyList& list);
[[nodiscard]] Result<KeyList> decode_key_list(std::string_view bytes);
/// What a member signs of its keys.
[[nodiscard]] std::string keys_to_sign(std::string_view context, Place member, const Keys& keys);
/// 32 bytes; says nothing about a seed of 256 random bits, and fits no other.
[[nodiscard]] std::string commit(std::string_view context,
                                 Place member,
                                 const crypto::Secret& seed);

/// Message 2: sealed shares, from one member by receiver, or to one member by sender. A sealed pair
/// holds the share of the seed, then that of the private mask key.
using SealedShares = std::map<Place, std::string>;
inline constexpr std::size_t kSealedBytes = 64 + kSealBytes;
[[nodiscard]] std::string encode(const SealedShares& shares);
[[nodiscard]] Result<SealedShares> decode_sealed_shares(std::string_view bytes);

// Message 3, the masked input, is packed words alone (words.hpp).

/// Message 4: whose masked inputs have arrived, ascending, and each one's signature over that.
using Survivors = std::vector<Place>;
[[nodiscard]] std::string encode(const Survivors& survivors);
[[nodiscard]] Result<Survivors> decode_survivors(std::string_view bytes);
struct Confirmations {
  std::map<Place, std::string> signatures;
  bool operator==(const Confirmations&) const = default;
};
[[nodiscard]] std::string encode(const Confirmations& confirmations);
[[nodiscard]] Result<Confirmations> decode_confirmations(std::string_view bytes);
/// What a member signs of the survivors: with them, the keys that it has seen.
[[nodiscard]] std::string survivors_to_sign(std::string_view context,
                                            std::string_view key_list_digest,
                                            const Survivors& survivors);

/// Message 5: shares of the seeds of survivors, and of the private mask keys of those who have sent
/// shares and no input.
struct Reveal {
  std::map<Place, crypto::Secret> seeds;
  std::map<Place, crypto::Secret> mask_keys;
};
[[nodiscard]] crypto::Secret encode(const Reveal& reveal);
/// Errors also where one member is in both.
[[nodiscard]] Result<Reveal> decode_reveal(std::string_view bytes);

/// Prefix of whatever is derived from, signed or authenticated for one purpose.
[[nodiscard]] std::string labelled(std::string_view purpose, std::string_view context);

}  // namespace genesis::secure
