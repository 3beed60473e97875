#include "worker/asked_plans.hpp"

#include <cstdint>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "common/base/file.hpp"
#include "common/base/json.hpp"

namespace genesis::worker {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 20;

}  // namespace

Result<AskedPlans> AskedPlans::load(std::filesystem::path file) {
  AskedPlans asked;
  asked.file_ = std::move(file);
  const auto text = read_file(asked.file_, kMostBytes);
  if (!text && text.error().code == Errc::kNotFound) {
    return asked;
  }
  if (!text) {
    return tl::unexpected(text.error());
  }
  const auto json = parse_json(*text);
  bool is_sound = json && json->root().is_object();
  if (is_sound) {
    for (const auto& [purpose, documents] : json->root().members()) {
      const auto digests = documents.text();
      is_sound = is_sound && digests;
      asked.documents_[purpose.text().value_or("")] = digests.value_or("");
    }
  }
  if (!is_sound) {
    return fail(Errc::kInvalidArgument,
                asked.file_.string() +
                    ": does not say what the server has asked before; remove it only if the "
                    "server may ask anew");
  }
  return asked;
}

bool AskedPlans::may_answer(const std::string& purpose, const std::string& documents) {
  const auto [asked, is_new] = documents_.emplace(purpose, documents);
  if (is_new && !file_.empty()) {
    if (auto saved = write_file_atomic(file_, dump_json(nlohmann::json(documents_))); !saved) {
      spdlog::error("what the server has asked is not kept over a restart: {}",
                    saved.error().message);
    }
  }
  return asked->second == documents;
}

}  // namespace genesis::worker
