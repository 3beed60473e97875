#include "cli/synthesis.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <nlohmann/json.hpp>

#include "common/base/file.hpp"
#include "common/federation/spec_views.hpp"
#include "common/wire/messages.hpp"
#include "common/wire/model_file.hpp"

namespace genesis::cli {
namespace {
constexpr std::uint64_t kMaxModelBytes = std::uint64_t{512} << 20;
}  // namespace

Result<LoadedModel> load_model(const std::filesystem::path& path) {
  GENESIS_ASSIGN(auto bytes, read_file(path, kMaxModelBytes));
  const auto named = [&](const Error& error) {
    return tl::unexpected(error.within(path.string()));
  };
  auto file = wire::decode_model(bytes);
  if (!file) {
    return named(file.error());
  }
  auto config = federation::parse_model_document(file->model_json);
  if (!config) {
    return named(config.error());
  }
  auto encoder = wire::decode_encoder(file->encoder_json);
  if (!encoder) {
    return named(encoder.error());
  }
  auto sampler = model::Sampler::create(*config, encoder->layout(), file->generator);
  if (!sampler) {
    return named(sampler.error());
  }
  return LoadedModel{std::move(*encoder), std::move(*sampler)};
}

Status generate(const LoadedModel& model,
                std::uint64_t rows,
                std::uint64_t seed,
                const std::vector<Condition>& conditions,
                const std::filesystem::path& output) {
  std::vector<model::Fixed> fixed;
  for (const auto& condition : conditions) {
    GENESIS_ASSIGN(auto place, model.encoder.condition(condition.column, condition.value));
    fixed.push_back({place.column, place.mode});
  }
  const auto failed = [&] {
    return fail(Errc::kIo, output.string() + ": cannot be written: " + std::strerror(errno));
  };
  std::ofstream file(output, std::ios::binary | std::ios::trunc);
  if (!file) {
    return failed();
  }
  constexpr std::uint64_t kBlock = model::Sampler::kBlockRows;
  std::string text;
  for (std::uint64_t first = 0; first < rows || first == 0; first += kBlock) {
    const auto count = static_cast<std::size_t>(std::min(kBlock, rows - first));
    const auto encoded = model.sampler.sample_block(seed, first / kBlock, count, fixed);
    const auto table = model.encoder.decode(encoded, first);
    text = first == 0 ? tabular::csv_header(table) : std::string();
    tabular::append_csv_rows(table, text);
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    if (!file) {
      return failed();
    }
  }
  file.close();
  return file ? Status() : failed();
}

}  // namespace genesis::cli
