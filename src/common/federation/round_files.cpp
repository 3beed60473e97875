#include "common/federation/round_files.hpp"

#include <algorithm>
#include <charconv>
#include <functional>

#include "common/base/file.hpp"

namespace genesis::federation {
namespace {

constexpr std::string_view kPrefix = "round-";
constexpr std::string_view kSuffix = ".safetensors";
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 30;

}  // namespace

Result<RoundFiles> RoundFiles::open(const std::filesystem::path& folder, std::size_t kept) {
  GENESIS_RETURN_IF_ERROR(make_private_folder(folder));
  remove_partial_files(folder);
  return RoundFiles(folder, kept);
}

std::filesystem::path RoundFiles::path(RoundId round) const {
  auto digits = std::to_string(round.value);
  digits.insert(0, 10 - digits.size(), '0');
  return folder_ / (std::string(kPrefix) + digits + std::string(kSuffix));
}

Status RoundFiles::save(RoundId round, std::string_view bytes) {
  for (const auto later : rounds()) {
    if (later > round) {
      remove(later);
    }
  }
  GENESIS_RETURN_IF_ERROR(write_file_atomic(path(round), bytes));
  std::error_code ignored;
  std::filesystem::remove(complete_path(), ignored);
  const auto all = rounds();
  for (std::size_t i = kept_; i < all.size(); ++i) {
    remove(all[i]);
  }
  return {};
}

std::vector<RoundId> RoundFiles::rounds() const {
  std::vector<RoundId> found;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, failed)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) {
      continue;
    }
    RoundId round;
    const char* end = name.data() + name.size() - kSuffix.size();
    const auto [at, error] = std::from_chars(name.data() + kPrefix.size(), end, round.value);
    if (error == std::errc() && at == end) {
      found.push_back(round);
    }
  }
  std::ranges::sort(found, std::greater<>());
  return found;
}

Result<std::string> RoundFiles::read(RoundId round) const {
  return read_file(path(round), kMaxBytes);
}

void RoundFiles::quarantine(RoundId round) const {
  std::error_code ignored;
  std::filesystem::rename(path(round), path(round).string() + ".damaged", ignored);
}

void RoundFiles::remove(RoundId round) const {
  std::error_code ignored;
  std::filesystem::remove(path(round), ignored);
}

std::filesystem::path RoundFiles::complete_path() const {
  return folder_ / ("complete" + std::string(kSuffix));
}

Result<std::string> RoundFiles::read_complete() const {
  return read_file(complete_path(), kMaxBytes);
}

void RoundFiles::complete() const {
  const auto newest_first = rounds();
  for (auto round = newest_first.rbegin(); round != newest_first.rend(); ++round) {
    if (*round != newest_first.front()) {
      remove(*round);
    }
  }
  if (!newest_first.empty()) {
    std::error_code ignored;
    std::filesystem::rename(path(newest_first.front()), complete_path(), ignored);
  }
}

}  // namespace genesis::federation
