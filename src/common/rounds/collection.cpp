#include "common/rounds/collection.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace genesis::rounds {
namespace {

constexpr std::array<std::pair<Stage, std::string_view>, 9> kStages = {
    {{Stage::kInput, "input"},
     {Stage::kKeys, "keys"},
     {Stage::kShares, "shares"},
     {Stage::kMasked, "masked"},
     {Stage::kConfirm, "confirm"},
     {Stage::kReveal, "reveal"},
     {Stage::kEncrypted, "encrypted"},
     {Stage::kAccept, "accept"},
     {Stage::kDecrypt, "decrypt"}}};

}  // namespace

std::string name_of(const Request& request) {
  return request.round.value > 0 ? "round " + std::to_string(request.round.value) : request.purpose;
}

std::string_view to_string(Stage stage) {
  return std::ranges::find(kStages, stage, &decltype(kStages)::value_type::first)->second;
}

std::optional<Stage> parse_stage(std::string_view text) {
  const auto* found = std::ranges::find(kStages, text, &decltype(kStages)::value_type::second);
  return found == kStages.end() ? std::nullopt : std::optional(found->first);
}

std::vector<Stage> masked_stages() {
  return {Stage::kKeys, Stage::kShares, Stage::kMasked, Stage::kConfirm, Stage::kReveal};
}

std::vector<Stage> encrypted_stages() {
  return {Stage::kEncrypted, Stage::kAccept, Stage::kDecrypt};
}

}  // namespace genesis::rounds
