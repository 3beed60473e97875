#include "common/secure/codec.hpp"

#include "common/base/check.hpp"

namespace genesis::secure {
namespace {

constexpr std::size_t kLengthBytes = 4;

}  // namespace

Writer& Writer::number(std::uint64_t value, std::size_t bytes) {
  GENESIS_CHECK(bytes == 8 || value >> (8 * bytes) == 0, "a number fits its bytes");
  for (std::size_t i = 0; i < bytes; ++i) {
    bytes_ += static_cast<char>(static_cast<unsigned char>(value >> (8 * i) & 0xffU));
  }
  return *this;
}

Writer& Writer::text(std::string_view value) {
  return number(value.size(), kLengthBytes).raw(value);
}

Writer& Writer::raw(std::string_view value) {
  bytes_ += value;
  return *this;
}

Result<std::uint64_t> Reader::number(std::size_t bytes) {
  GENESIS_ASSIGN(const std::string_view taken, raw(bytes));
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(taken[i])) << (8 * i);
  }
  return value;
}

Result<std::uint64_t> Reader::count(std::size_t bytes, std::uint64_t most) {
  GENESIS_ASSIGN(const std::uint64_t value, number(bytes));
  if (value > most) {
    return wrong(Errc::kResourceExhausted,
                 std::to_string(value) + " is above the bound of " + std::to_string(most));
  }
  return value;
}

Result<std::string_view> Reader::text(std::size_t most) {
  GENESIS_ASSIGN(const std::uint64_t size, count(kLengthBytes, most));
  return raw(size);
}

Result<std::string_view> Reader::raw(std::size_t bytes) {
  if (bytes > rest_.size()) {
    return wrong(Errc::kDataLoss, "ends too early");
  }
  const std::string_view taken = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return taken;
}

Status Reader::end() const {
  if (!rest_.empty()) {
    return wrong(Errc::kInvalidArgument, std::to_string(rest_.size()) + " bytes too many");
  }
  return {};
}

tl::unexpected<Error> Reader::wrong(Errc code, std::string_view what) const {
  return fail(code, std::string(message_) + ": " + std::string(what));
}

}  // namespace genesis::secure
