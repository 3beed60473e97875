#include "common/secure/paillier_files.hpp"

#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "common/base/file.hpp"
#include "common/crypto/digest.hpp"

namespace genesis::secure {
namespace {

constexpr std::string_view kPublicLine = "genesis-paillier-public-key v1\n";
constexpr std::uint64_t kMaxFile = 4096;

// The bytes of lower-case hexadecimal digits; "" for anything else.
std::string unhex(std::string_view digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    const std::size_t high = kDigits.find(digits[i]);
    const std::size_t low = kDigits.find(digits[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) {
      return {};
    }
    bytes += static_cast<char>(static_cast<unsigned char>(high << 4U | low));
  }
  return digits.size() % 2 == 0 ? bytes : std::string();
}

}  // namespace

Status write_paillier_key(const std::filesystem::path& folder, const PaillierKey& key) {
  for (const char* name : {kPaillierKeyFile, kPaillierPublicFile}) {
    if (const auto path = folder / name; std::filesystem::exists(path)) {
      return fail(Errc::kAlreadyExists,
                  path.string() + ": already exists; move it away or choose another folder");
    }
  }
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  const auto modulus = std::as_bytes(std::span(key.public_key().modulus()));
  GENESIS_RETURN_IF_ERROR(
      write_file_atomic(folder / kPaillierPublicFile,
                        std::string(kPublicLine) + crypto::to_hex(modulus) + "\n",
                        FileAccess::kEveryone));
  return write_file_atomic(folder / kPaillierKeyFile, key.text().reveal());
}

Result<PaillierKey> read_paillier_key(const std::filesystem::path& path) {
  GENESIS_ASSIGN(std::string text, read_file(path, kMaxFile));
  auto key = PaillierKey::parse(crypto::Secret(std::move(text)));
  if (!key) {
    return tl::unexpected(key.error().within(path.string()));
  }
  return key;
}

Result<PaillierPublicKey> read_paillier_public_key(const std::filesystem::path& path) {
  GENESIS_ASSIGN(const std::string text, read_file(path, kMaxFile));
  std::string_view rest = text;
  if (!rest.starts_with(kPublicLine) || !rest.ends_with('\n')) {
    return fail(Errc::kInvalidArgument, path.string() + ": not a Paillier public key");
  }
  rest.remove_prefix(kPublicLine.size());
  rest.remove_suffix(rest.empty() ? 0 : 1);
  auto key = PaillierPublicKey::from_modulus(unhex(rest));
  if (!key) {
    return tl::unexpected(key.error().within(path.string()));
  }
  return key;
}

}  // namespace genesis::secure
