#include "common/secure/messages.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "common/secure/codec.hpp"
#include "common/secure/shamir.hpp"

namespace genesis::secure {
namespace {

constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kPlaceBytes = 2;
constexpr std::size_t kNumberBytes = 4;
constexpr std::string_view kTaskMagic = "genesis.sum.v1";

tl::unexpected<Error> bad_task(std::string_view what) {
  return fail(Errc::kInvalidArgument, "SumTask." + std::string(what));
}

// A map by place, strictly ascending: `read` reads what stands after each place.
template <typename Map, typename Read>
Result<Map> read_places(Reader& reader, const Read& read) {
  GENESIS_ASSIGN(const std::uint64_t count, reader.count(kPlaceBytes, kMaxMembers));
  Map map;
  for (std::uint64_t i = 0; i < count; ++i) {
    GENESIS_ASSIGN(const std::uint64_t place, reader.count(kPlaceBytes, kMaxMembers - 1));
    if (!map.empty() && place <= map.rbegin()->first) {
      return reader.wrong(Errc::kInvalidArgument, "members must be in ascending order");
    }
    GENESIS_ASSIGN(auto value, read(reader));
    map.emplace_hint(map.end(), static_cast<Place>(place), std::move(value));
  }
  return map;
}

Writer& write_place(Writer& writer, Place place) {
  return writer.number(place, kPlaceBytes);
}

Result<std::string> read_raw(Reader& reader, std::size_t bytes) {
  GENESIS_ASSIGN(const std::string_view raw, reader.raw(bytes));
  return std::string(raw);
}

Result<std::string> read_text(Reader& reader, std::size_t most) {
  GENESIS_ASSIGN(const std::string_view text, reader.text(most));
  return std::string(text);
}

void write(Writer& writer, const Keys& keys) {
  writer.raw(keys.cipher_key).raw(keys.mask_key).raw(keys.seed_commitment).text(keys.signature);
}

Result<Keys> read_keys(Reader& reader) {
  Keys keys;
  GENESIS_ASSIGN(keys.cipher_key, read_raw(reader, kKeyBytes));
  GENESIS_ASSIGN(keys.mask_key, read_raw(reader, kKeyBytes));
  GENESIS_ASSIGN(keys.seed_commitment, read_raw(reader, kDigestBytes));
  GENESIS_ASSIGN(keys.signature, read_text(reader, kMaxSignatureBytes));
  return keys;
}

Result<crypto::Secret> read_share(Reader& reader) {
  GENESIS_ASSIGN(const std::string_view share, reader.raw(kSharedBytes));
  return crypto::Secret(share);
}

}  // namespace

std::optional<Place> SumTask::place_of(const ClientId& id) const {
  const auto at = std::ranges::lower_bound(roster, id, {}, &Member::id);
  if (at == roster.end() || at->id != id) {
    return std::nullopt;
  }
  return static_cast<Place>(at - roster.begin());
}

std::size_t least_threshold(std::size_t members,
                            std::size_t min_survivors,
                            std::size_t max_colluding) {
  return std::max({2 * members / 3 + 1, (members + max_colluding) / 2 + 1, min_survivors});
}

std::string encode(const SumTask& task) {
  Writer writer;
  writer.raw(kTaskMagic).text(task.run).number(task.sum, kNumberBytes);
  writer.number(task.attempt, kNumberBytes).text(task.purpose).text(task.query);
  writer.text(task.parameters).number(task.words, kNumberBytes).number(task.word_bits, 1);
  writer.number(task.threshold, kPlaceBytes).number(task.roster.size(), kPlaceBytes);
  for (const Member& member : task.roster) {
    writer.text(member.id.str()).text(member.public_key);
  }
  return writer.take();
}

Result<SumTask> decode_task(std::string_view bytes) {
  Reader reader("SumTask", bytes);
  SumTask task;
  GENESIS_ASSIGN(const std::string_view magic, reader.raw(kTaskMagic.size()));
  if (magic != kTaskMagic) {
    return reader.wrong(Errc::kInvalidArgument, "of another version");
  }
  GENESIS_ASSIGN(task.run, read_text(reader, kMaxNameBytes));
  GENESIS_ASSIGN(const std::uint64_t sum, reader.number(kNumberBytes));
  GENESIS_ASSIGN(const std::uint64_t attempt, reader.number(kNumberBytes));
  task.sum = static_cast<std::uint32_t>(sum);
  task.attempt = static_cast<std::uint32_t>(attempt);
  GENESIS_ASSIGN(task.purpose, read_text(reader, kMaxNameBytes));
  GENESIS_ASSIGN(task.query, read_text(reader, kDigestBytes));
  GENESIS_ASSIGN(task.parameters, read_text(reader, kDigestBytes));
  GENESIS_ASSIGN(task.words, reader.count(kNumberBytes, kMaxWords));
  GENESIS_ASSIGN(const std::uint64_t bits, reader.count(1, kMaxWordBits));
  task.word_bits = static_cast<unsigned>(bits);
  GENESIS_ASSIGN(task.threshold, reader.count(kPlaceBytes, kMaxMembers));
  GENESIS_ASSIGN(const std::uint64_t members, reader.count(kPlaceBytes, kMaxMembers));
  for (std::uint64_t i = 0; i < members; ++i) {
    GENESIS_ASSIGN(const std::string_view name, reader.text(kMaxNameBytes));
    GENESIS_ASSIGN(ClientId id, ClientId::parse(name));
    GENESIS_ASSIGN(std::string key, read_text(reader, kMaxPublicKeyBytes));
    task.roster.push_back({.id = std::move(id), .public_key = std::move(key)});
  }
  GENESIS_RETURN_IF_ERROR(reader.end());
  GENESIS_RETURN_IF_ERROR(check(task));
  return task;
}

Status check(const SumTask& task) {
  const auto named = [](const std::string& text) {
    return !text.empty() && text.size() <= kMaxNameBytes;
  };
  if (!named(task.run) || !named(task.purpose)) {
    return bad_task("run and purpose: 1 to 64 bytes each");
  }
  if (task.sum == 0 || task.attempt == 0) {
    return bad_task("sum and attempt: count from 1");
  }
  if (task.query.size() != kDigestBytes || task.parameters.size() != kDigestBytes) {
    return bad_task("query and parameters: SHA-256 digests of 32 bytes");
  }
  if (task.words == 0 || task.words > kMaxWords || task.word_bits == 0 ||
      task.word_bits > kMaxWordBits) {
    return bad_task("words: 1 to 2^26 of them, of 1 to 62 bits");
  }
  const std::size_t members = task.roster.size();
  if (members < kMinMembers || members > kMaxMembers) {
    return bad_task("roster: " + std::to_string(members) + " members, expected 3 to 1024");
  }
  std::set<std::string_view> keys;
  for (std::size_t i = 0; i < members; ++i) {
    if (i > 0 && task.roster[i].id <= task.roster[i - 1].id) {
      return bad_task("roster: members must be in ascending order, each once");
    }
    const std::string& key = task.roster[i].public_key;
    if (key.empty() || key.size() > kMaxPublicKeyBytes || !keys.insert(key).second) {
      return bad_task("roster: each member has a public key of its own; that of " +
                      task.roster[i].id.str() + " is missing, too long or another member's");
    }
  }
  if (task.threshold > members || task.threshold < least_threshold(members, kMinMembers, 0)) {
    return bad_task("threshold: " + std::to_string(task.threshold) + " of " +
                    std::to_string(members) + " members; it must be above two thirds");
  }
  return {};
}

std::string context_of(const SumTask& task) {
  return digest(encode(task));
}

std::string labelled(std::string_view purpose, std::string_view context) {
  return Writer().raw("genesis secure sum v1 ").text(purpose).text(context).take();
}

std::string encode(const Keys& keys) {
  Writer writer;
  write(writer, keys);
  return writer.take();
}

Result<Keys> decode_keys(std::string_view bytes) {
  Reader reader("Keys", bytes);
  GENESIS_ASSIGN(auto keys, read_keys(reader));
  GENESIS_RETURN_IF_ERROR(reader.end());
  return keys;
}

std::string encode(const KeyList& list) {
  Writer writer;
  writer.number(list.size(), kPlaceBytes);
  for (const auto& [place, keys] : list) {
    write(write_place(writer, place), keys);
  }
  return writer.take();
}

Result<KeyList> decode_key_list(std::string_view bytes) {
  Reader reader("KeyList", bytes);
  GENESIS_ASSIGN(auto list, read_places<KeyList>(reader, read_keys));
  GENESIS_RETURN_IF_ERROR(reader.end());
  return list;
}

std::string keys_to_sign(std::string_view context, Place member, const Keys& keys) {
  Writer writer;
  writer.raw(labelled("keys", context));
  write_place(writer, member).raw(keys.cipher_key).raw(keys.mask_key).raw(keys.seed_commitment);
  return writer.take();
}

std::string commit(std::string_view context, Place member, const crypto::Secret& seed) {
  Writer writer;
  writer.raw(labelled("commitment", context));
  write_place(writer, member);
  return digest(derive(seed, writer.bytes()).reveal());
}

std::string encode(const SealedShares& shares) {
  Writer writer;
  writer.number(shares.size(), kPlaceBytes);
  for (const auto& [place, sealed] : shares) {
    write_place(writer, place).raw(sealed);
  }
  return writer.take();
}

Result<SealedShares> decode_sealed_shares(std::string_view bytes) {
  Reader reader("SealedShares", bytes);
  GENESIS_ASSIGN(auto shares, read_places<SealedShares>(reader, [](Reader& from) {
                   return read_raw(from, kSealedBytes);
                 }));
  GENESIS_RETURN_IF_ERROR(reader.end());
  return shares;
}

std::string encode(const Survivors& survivors) {
  Writer writer;
  writer.number(survivors.size(), kPlaceBytes);
  for (const Place place : survivors) {
    write_place(writer, place);
  }
  return writer.take();
}

Result<Survivors> decode_survivors(std::string_view bytes) {
  Reader reader("Survivors", bytes);
  GENESIS_ASSIGN(
      auto places,
      (read_places<std::map<Place, bool>>(reader, [](Reader&) { return Result<bool>(true); })));
  GENESIS_RETURN_IF_ERROR(reader.end());
  Survivors survivors;
  for (const auto& [place, present] : places) {
    survivors.push_back(place);
  }
  return survivors;
}

std::string encode(const Confirmations& confirmations) {
  Writer writer;
  writer.number(confirmations.signatures.size(), kPlaceBytes);
  for (const auto& [place, signature] : confirmations.signatures) {
    write_place(writer, place).text(signature);
  }
  return writer.take();
}

Result<Confirmations> decode_confirmations(std::string_view bytes) {
  Reader reader("Confirmations", bytes);
  using Signatures = std::map<Place, std::string>;
  GENESIS_ASSIGN(auto signatures, read_places<Signatures>(reader, [](Reader& from) {
                   return read_text(from, kMaxSignatureBytes);
                 }));
  GENESIS_RETURN_IF_ERROR(reader.end());
  return Confirmations{.signatures = std::move(signatures)};
}

std::string survivors_to_sign(std::string_view context,
                              std::string_view key_list_digest,
                              const Survivors& survivors) {
  return Writer()
      .raw(labelled("survivors", context))
      .text(key_list_digest)
      .raw(encode(survivors))
      .take();
}

crypto::Secret encode(const Reveal& reveal) {
  const std::size_t shares_in_all = reveal.seeds.size() + reveal.mask_keys.size();
  Writer writer(2 * kPlaceBytes + shares_in_all * (kPlaceBytes + kSharedBytes));
  for (const auto* const shares : {&reveal.seeds, &reveal.mask_keys}) {
    writer.number(shares->size(), kPlaceBytes);
    for (const auto& [place, share] : *shares) {
      write_place(writer, place).raw(share.reveal());
    }
  }
  return crypto::Secret(writer.take());
}

Result<Reveal> decode_reveal(std::string_view bytes) {
  using Shares = std::map<Place, crypto::Secret>;
  Reader reader("Reveal", bytes);
  Reveal reveal;
  GENESIS_ASSIGN(reveal.seeds, read_places<Shares>(reader, read_share));
  GENESIS_ASSIGN(reveal.mask_keys, read_places<Shares>(reader, read_share));
  GENESIS_RETURN_IF_ERROR(reader.end());
  const auto both = std::ranges::any_of(
      reveal.seeds, [&](const auto& entry) { return reveal.mask_keys.contains(entry.first); });
  if (both) {
    return reader.wrong(Errc::kInvalidArgument, "both kinds of share for one member");
  }
  return reveal;
}

}  // namespace genesis::secure
