#pragma once
// What goes with a released model, for people and for programs: how it was made, what its privacy
// guarantee covers, and how good its rows are. Made of the model file alone, and of what only its
// writer knows. Pure.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace genesis::wire {

struct CardFacts {
  std::string date;                         // RFC 3339
  std::string version;                      // of the program that writes the card
  std::optional<std::string> quality = {};  // JSON object of measures, where rows were compared
};

/// model-card.json of the model file `bytes`. Errors: those of decode_model.
[[nodiscard]] Result<std::string> model_card_json(std::string_view bytes, const CardFacts& facts);

/// The heads of the sites' privacy ledgers that model_card_json() has written, as text. Errors:
/// kInvalidArgument where `json` is no model card.
[[nodiscard]] Result<std::vector<std::string>> ledger_heads(std::string_view json);

/// model-card.md of what model_card_json() has made. Errors: kInvalidArgument.
[[nodiscard]] Result<std::string> model_card_markdown(std::string_view json);

}  // namespace genesis::wire
