#pragma once
// What a ledger was at one moment, in one line of text, for others to keep: a ledger that does not
// contain it any more was cut or restored from an older copy. Pure.
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/crypto/signing.hpp"

namespace genesis::privacy {

struct LedgerHead {
  std::string id;
  std::uint64_t sequence = 0;
  std::string hash;
  bool operator==(const LedgerHead&) const = default;
};

/// "id:sequence:hash", and back. Errors: kInvalidArgument.
[[nodiscard]] std::string to_text(const LedgerHead& head);
[[nodiscard]] Result<LedgerHead> parse_head(std::string_view text);

/// A head as a site tells it with an answer: for which training, and signed with the ledger's key,
/// so that whoever hands it back later cannot have made it up. The run goes in by its digest, since
/// its name is the server's choice.
struct SignedHead {
  LedgerHead head;
  std::string run_sha256;  // 64 hex digits
  std::string signature;   // crypto::kSignatureDigits
  bool operator==(const SignedHead&) const = default;

  [[nodiscard]] bool is_by(std::string_view public_key) const;
};

[[nodiscard]] SignedHead sign(const LedgerHead& head,
                              std::string_view run,
                              const crypto::SigningKey& key);

/// "id:sequence:hash:run's digest:signature", and back. Errors: kInvalidArgument.
[[nodiscard]] std::string to_text(const SignedHead& head);
[[nodiscard]] Result<SignedHead> parse_signed_head(std::string_view text);

}  // namespace genesis::privacy
