#pragma once
// What a server has asked a site before the rounds, so that it asks once: counts on one plan and
// then on another would tell together what each alone does not. With a file this holds over
// restarts.
#include <filesystem>
#include <map>
#include <string>

#include "common/base/error.hpp"

namespace genesis::worker {

class AskedPlans {
 public:
  /// Nothing was asked yet, and nothing is kept.
  AskedPlans() = default;
  /// What `file` holds, which may be missing; what is asked later is kept there. Errors: kIo;
  /// kInvalidArgument where it holds something else.
  [[nodiscard]] static Result<AskedPlans> load(std::filesystem::path file);

  /// Whether `purpose` was not asked before, or on the same `documents` (names and digests). What
  /// is new is kept before this returns.
  [[nodiscard]] bool may_answer(const std::string& purpose, const std::string& documents);

  /// "" where nothing is kept.
  [[nodiscard]] const std::filesystem::path& file() const { return file_; }

 private:
  std::filesystem::path file_;
  std::map<std::string, std::string> documents_;  // by purpose
};

}  // namespace genesis::worker
