#include "common/federation/model_cards.hpp"

#include "common/base/file.hpp"
#include "common/base/utc.hpp"
#include "common/base/version.hpp"
#include "common/wire/model_card.hpp"

namespace genesis::federation {

Status write_model_card(const std::filesystem::path& folder,
                        std::string_view bytes,
                        const std::optional<std::string>& quality) {
  const wire::CardFacts facts{utc_now(), std::string(version()), quality};
  GENESIS_ASSIGN(const auto card, wire::model_card_json(bytes, facts));
  GENESIS_ASSIGN(const auto page, wire::model_card_markdown(card));
  GENESIS_RETURN_IF_ERROR(write_file_atomic(folder / "model-card.json", card));
  return write_file_atomic(folder / "model-card.md", page);
}

}  // namespace genesis::federation
