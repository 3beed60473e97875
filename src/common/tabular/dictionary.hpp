#pragma once
// The distinct cells of one column, in the order of their first occurrence. Reading a table row by
// row into dictionaries keeps four bytes a cell, and each distinct text is parsed once.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace genesis::tabular {

class Dictionary {
 public:
  /// The code of `text`, which is new at `line` unless it was seen before.
  std::uint32_t add(std::string_view text, std::uint64_t line);

  [[nodiscard]] std::size_t size() const { return lines_.size(); }
  [[nodiscard]] std::string_view text(std::size_t code) const {
    return std::string_view(bytes_).substr(ends_[code], ends_[code + 1] - ends_[code]);
  }
  /// Line of the first occurrence.
  [[nodiscard]] std::uint64_t line(std::size_t code) const { return lines_[code]; }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t code_plus_one = 0;  // 0: free
  };
  void grow();

  std::string bytes_;
  std::vector<std::uint64_t> ends_ = {0};
  std::vector<std::uint64_t> lines_;
  std::vector<Slot> slots_;  // open addressing, a power of two in size
};

}  // namespace genesis::tabular
