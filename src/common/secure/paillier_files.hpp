#pragma once
// Files of a Paillier key: paillier.key for the sites, each of which decrypts with it, and
// paillier.pub for whoever adds.
#include <filesystem>
#include <string>

#include "common/base/error.hpp"
#include "common/secure/paillier.hpp"

namespace genesis::secure {

inline constexpr const char* kPaillierKeyFile = "paillier.key";
inline constexpr const char* kPaillierPublicFile = "paillier.pub";

/// Makes both in `folder`, which is made where it is missing; paillier.key is readable by its owner
/// alone. Errors: kAlreadyExists where one is there, kIo; each names the file.
[[nodiscard]] Status write_paillier_key(const std::filesystem::path& folder,
                                        const PaillierKey& key);
/// Errors: those of read_file and PaillierKey::parse, with the file's name.
[[nodiscard]] Result<PaillierKey> read_paillier_key(const std::filesystem::path& path);
/// A line "genesis-paillier-public-key v1", then n in hexadecimal. Errors as above.
[[nodiscard]] Result<PaillierPublicKey> read_paillier_public_key(const std::filesystem::path& path);

}  // namespace genesis::secure
