// The state of a site on disk: Site::save and Site::restore.
#include <algorithm>
#include <utility>

#include "common/secure/codec.hpp"
#include "common/secure/shamir.hpp"
#include "common/secure/site.hpp"

namespace genesis::secure {
namespace {

constexpr std::string_view kMagic = "genesis.site.v2";
constexpr std::size_t kMaxTaskBytes = std::size_t{1} << 20;  // 1024 members with keys of 600 bytes
constexpr std::size_t kMaxListBytes = std::size_t{1} << 20;
constexpr std::size_t kPlaceBytes = 2;

}  // namespace

crypto::Secret Site::save() const {
  SumTask first = state_.task;  // for its roster and threshold
  first.roster = state_.first_roster;
  first.threshold = state_.first_threshold;
  const std::string task = encode(state_.task);
  const std::string first_task = encode(first);
  const std::string list = encode(state_.list);
  const std::size_t room = 2048 + task.size() + first_task.size() + list.size() +
                           state_.input.reveal().size() + state_.held.size() * 88 +
                           state_.confirmed.size() * 80 + state_.survivors.size() * 2;
  Writer writer(room);
  writer.raw(kMagic).text(task).text(first_task).text(state_.input.reveal());
  writer.text(state_.cipher_key.reveal()).text(state_.mask_key.reveal());
  writer.text(state_.seed.reveal()).text(state_.split_seed.reveal());
  writer.text(encode(state_.keys)).text(list).text(state_.inbox);
  writer.number(state_.held.size(), kPlaceBytes);
  for (const auto& [place, shares] : state_.held) {
    writer.number(place, kPlaceBytes).text(shares.seed.reveal()).text(shares.mask_key.reveal());
  }
  writer.text(encode(state_.survivors)).text(state_.confirmation);
  writer.number(state_.confirmed.size(), kPlaceBytes);
  for (const ClientId& id : state_.confirmed) {
    writer.text(id.str());
  }
  writer.number(state_.revealed ? 1 : 0, 1);
  return crypto::Secret(writer.take());
}

Result<Site> Site::restore(const ClientId& self,
                           Signer signer,
                           const SitePolicy& policy,
                           std::string_view saved) {
  Reader reader("state of a secure sum", saved);
  Site site(self, std::move(signer), policy);
  State& state = site.state_;
  GENESIS_ASSIGN(const auto magic, reader.raw(kMagic.size()));
  if (magic != kMagic) {
    return reader.wrong(Errc::kInvalidArgument, "of another version");
  }
  GENESIS_ASSIGN(const auto task, reader.text(kMaxTaskBytes));
  GENESIS_ASSIGN(state.task, decode_task(task));
  GENESIS_RETURN_IF_ERROR(admit(state.task, self, site.signer_.public_key(), policy));
  GENESIS_ASSIGN(const auto first_bytes, reader.text(kMaxTaskBytes));
  GENESIS_ASSIGN(auto first, decode_task(first_bytes));
  state.first_roster = std::move(first.roster);
  state.first_threshold = first.threshold;
  GENESIS_ASSIGN(const auto input, reader.text(kMaxWords * 8));
  state.input = crypto::Secret(input);
  for (auto* const secret : {&state.cipher_key, &state.mask_key, &state.seed, &state.split_seed}) {
    GENESIS_ASSIGN(const auto bytes, reader.text(kKeyBytes));
    *secret = crypto::Secret(bytes);
  }
  GENESIS_ASSIGN(const auto keys, reader.text(kMaxListBytes));
  GENESIS_ASSIGN(state.keys, decode_keys(keys));
  GENESIS_ASSIGN(const auto list, reader.text(kMaxListBytes));
  GENESIS_ASSIGN(state.list, decode_key_list(list));
  GENESIS_ASSIGN(const auto inbox, reader.text(kDigestBytes));
  state.inbox = inbox;
  GENESIS_ASSIGN(const auto held, reader.count(kPlaceBytes, kMaxMembers));
  for (std::uint64_t i = 0; i < held; ++i) {
    GENESIS_ASSIGN(const auto place, reader.count(kPlaceBytes, state.task.roster.size() - 1));
    GENESIS_ASSIGN(const auto seed, reader.text(kSharedBytes));
    GENESIS_ASSIGN(const auto key, reader.text(kSharedBytes));
    state.held.emplace(static_cast<Place>(place),
                       HeldShares{.seed = crypto::Secret(seed), .mask_key = crypto::Secret(key)});
  }
  GENESIS_ASSIGN(const auto survivors, reader.text(kMaxListBytes));
  GENESIS_ASSIGN(state.survivors, decode_survivors(survivors));
  GENESIS_ASSIGN(const auto confirmation, reader.text(kMaxSignatureBytes));
  state.confirmation = confirmation;
  GENESIS_ASSIGN(const auto confirmed, reader.count(kPlaceBytes, kMaxMembers));
  for (std::uint64_t i = 0; i < confirmed; ++i) {
    GENESIS_ASSIGN(const auto name, reader.text(kMaxListBytes));
    GENESIS_ASSIGN(auto id, ClientId::parse(name));
    state.confirmed.insert(std::move(id));
  }
  GENESIS_ASSIGN(const auto revealed, reader.count(1, 1));
  state.revealed = revealed == 1;
  GENESIS_RETURN_IF_ERROR(reader.end());
  site.context_ = context_of(state.task);
  site.place_ = state.task.place_of(self).value();
  GENESIS_RETURN_IF_ERROR(site.check_restored());
  return site;
}

Status Site::check_restored() const {
  const State& s = state_;
  const std::size_t key_bytes = s.revealed ? 0 : kKeyBytes;
  const std::size_t input_bytes = s.revealed ? 0 : packed_bytes(s.task.words, s.task.word_bits);
  const bool secrets =
      std::ranges::all_of(std::initializer_list{&s.cipher_key, &s.mask_key, &s.seed, &s.split_seed},
                          [&](const auto* secret) { return secret->reveal().size() == key_bytes; });
  const bool listed =
      std::ranges::all_of(s.list,
                          [&](const auto& entry) { return entry.first < s.task.roster.size(); }) &&
      std::ranges::all_of(s.held, [&](const auto& entry) { return s.list.contains(entry.first); });
  const bool may_be_revealed = std::ranges::all_of(s.held, [&](const auto& entry) {
    const auto& [place, shares] = entry;
    const bool survives = std::ranges::binary_search(s.survivors, place);
    const bool has_seed = s.survivors.empty() || survives;
    const bool has_key = s.survivors.empty() || !survives;
    return shares.seed.reveal().size() == (has_seed ? kSharedBytes : 0) &&
           shares.mask_key.reveal().size() == (has_key ? kSharedBytes : 0);
  });
  const auto mine = s.list.find(place_);
  const bool own = s.list.empty() || (mine != s.list.end() && mine->second == s.keys);
  const bool survived =
      std::ranges::all_of(s.survivors, [&](Place place) { return s.held.contains(place); });
  const bool in_order =
      (s.survivors.empty() || !s.confirmation.empty()) && (!s.revealed || !s.survivors.empty()) &&
      (s.inbox.empty() == s.held.empty()) && s.survivors.empty() == s.confirmation.empty();
  if (!secrets || s.input.reveal().size() != input_bytes || !listed || !may_be_revealed || !own ||
      !survived || !in_order) {
    return fail(Errc::kDataLoss, "state of a secure sum: its parts do not fit together");
  }
  return {};
}

}  // namespace genesis::secure
