#include "common/tabular/dictionary.hpp"

#include <functional>

namespace genesis::tabular {

std::uint32_t Dictionary::add(std::string_view text, std::uint64_t line) {
  if (2 * size() >= slots_.size()) {
    grow();
  }
  const auto hash = static_cast<std::uint32_t>(std::hash<std::string_view>{}(text));
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].code_plus_one != 0) {
    if (slots_[at].hash == hash && this->text(slots_[at].code_plus_one - 1) == text) {
      return slots_[at].code_plus_one - 1;
    }
    at = (at + 1) & mask;
  }
  const auto code = static_cast<std::uint32_t>(size());
  slots_[at] = {hash, code + 1};
  bytes_ += text;
  ends_.push_back(bytes_.size());
  lines_.push_back(line);
  return code;
}

void Dictionary::grow() {
  constexpr std::size_t kFirst = 64;
  std::vector<Slot> larger(slots_.empty() ? kFirst : 2 * slots_.size());
  const std::size_t mask = larger.size() - 1;
  for (const auto& slot : slots_) {
    if (slot.code_plus_one != 0) {
      std::size_t at = slot.hash & mask;
      while (larger[at].code_plus_one != 0) {
        at = (at + 1) & mask;
      }
      larger[at] = slot;
    }
  }
  slots_ = std::move(larger);
}

}  // namespace genesis::tabular
