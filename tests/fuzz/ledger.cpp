// A ledger and the head of one, as an import or a damaged disk brings them. The hashes of the lines
// are made here, so that what is behind them is reached too.
#include "common/privacy/ledger.hpp"

#include <algorithm>
#include <string>

#include "common/crypto/digest.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace genesis;

namespace {

void read(std::string_view text) {
  const auto read = privacy::Ledger::read(text);
  if (!read) {
    fuzz::holds(read.error().code == Errc::kDataLoss, "a ledger that can't be read is damaged");
    return;
  }
  fuzz::holds(read->ledger.text() == text.substr(0, read->complete_bytes), "a ledger reads back");
  for (const auto& cost : read->ledger.costs()) {
    fuzz::holds(privacy::check(cost).has_value(), "a cost that was read is one");
    fuzz::holds(privacy::squared_mu(cost, privacy::Adversary::kClaimed) > 0, "nothing is free");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::text(data, size);
  read(bytes);
  std::string hashed;
  for (auto rest = bytes; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const std::string body(rest.substr(0, end));
    hashed += R"({"entry":)" + body + R"(,"hash":")" + crypto::sha256_hex(body) + "\"}\n";
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
  read(hashed);
  const auto head = privacy::parse_head(bytes);
  fuzz::holds(!head || privacy::to_text(*head) == bytes, "a head reads back");
  return 0;
}
