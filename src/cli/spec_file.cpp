#include "cli/spec_file.hpp"

#include "common/base/file.hpp"

namespace genesis::cli {

Result<spec::FederatedTraining> load_training(const std::filesystem::path& file,
                                              const std::vector<std::string>& sets) {
  constexpr std::uint64_t kMaxSpecBytes = 1 << 20;
  std::vector<spec::Override> overrides;
  for (const auto& set : sets) {
    const auto equals = set.find('=');
    if (equals == std::string::npos) {
      return fail(Errc::kInvalidArgument,
                  "--set " + set + ": expected path=value, such as rounds.count=3");
    }
    overrides.push_back({set.substr(0, equals), set.substr(equals + 1)});
  }
  GENESIS_ASSIGN(auto text, read_file(file, kMaxSpecBytes));
  auto training = spec::parse(text, file.string(), overrides);
  if (!training) {
    return tl::unexpected(std::move(training).error());
  }
  for (auto& participant : training->participants) {
    if (participant.data_path && std::filesystem::path(*participant.data_path).is_relative()) {
      const auto beside = std::filesystem::absolute(file).parent_path() / *participant.data_path;
      participant.data_path = beside.lexically_normal().string();
    }
  }
  return training;
}

}  // namespace genesis::cli
