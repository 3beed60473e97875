#include "common/privacy/ledger_head.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include "common/crypto/digest.hpp"

namespace genesis::privacy {
namespace {

constexpr std::size_t kMaxShown = 128;

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  for (std::size_t end = text.find(':'); end != std::string_view::npos;
       end = text.find(':', begin)) {
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

tl::unexpected<Error> no_head(std::string_view text, std::string_view expected) {
  return fail(Errc::kInvalidArgument,
              "\"" + std::string(text.substr(0, kMaxShown)) +
                  "\" is no head of a ledger; expected " + std::string(expected));
}

// What is signed: nothing else that the key signs begins like this.
std::string statement(const LedgerHead& head, std::string_view run_sha256) {
  return "genesis ledger head v1\n" + to_text(head) + "\n" + std::string(run_sha256);
}

}  // namespace

std::string to_text(const LedgerHead& head) {
  return head.id + ":" + std::to_string(head.sequence) + ":" + head.hash;
}

Result<LedgerHead> parse_head(std::string_view text) {
  if (const auto parts = parts_of(text); parts.size() == 3) {
    LedgerHead head{.id = std::string(parts[0]), .sequence = 0, .hash = std::string(parts[2])};
    const auto number = parts[1];
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), head.sequence);
    if (error == std::errc{} && end == number.data() + number.size() && is_hex(head.id, 32) &&
        is_hex(head.hash, crypto::kSha256HexDigits) && to_text(head) == text) {
      return head;
    }
  }
  return no_head(text, "id:sequence:hash as `privacy ledger show` prints it");
}

bool SignedHead::is_by(std::string_view public_key) const {
  return crypto::is_signed(public_key, statement(head, run_sha256), signature);
}

SignedHead sign(const LedgerHead& head, std::string_view run, const crypto::SigningKey& key) {
  SignedHead made{.head = head, .run_sha256 = crypto::sha256_hex(run), .signature = {}};
  made.signature = key.sign(statement(head, made.run_sha256));
  return made;
}

std::string to_text(const SignedHead& head) {
  return to_text(head.head) + ":" + head.run_sha256 + ":" + head.signature;
}

Result<SignedHead> parse_signed_head(std::string_view text) {
  if (const auto parts = parts_of(text); parts.size() == 5) {
    const auto unsigned_size = parts[0].size() + parts[1].size() + parts[2].size() + 2;
    auto head = parse_head(text.substr(0, unsigned_size));
    if (head && is_hex(parts[3], crypto::kSha256HexDigits) &&
        is_hex(parts[4], crypto::kSignatureDigits)) {
      return SignedHead{*std::move(head), std::string(parts[3]), std::string(parts[4])};
    }
  }
  return no_head(text, "a signed one, id:sequence:hash:run:signature as a model card has it");
}

}  // namespace genesis::privacy
