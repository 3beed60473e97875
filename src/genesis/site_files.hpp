#pragma once
// Files beside their rows that the sites of a training on one machine need.
#include <filesystem>

namespace genesis {

struct SiteFiles {
  std::filesystem::path ledger = {};        // folder of privacy ledgers; "": the default one
  std::filesystem::path paillier_key = {};  // of all sites, where the spec asks for one
};

}  // namespace genesis
