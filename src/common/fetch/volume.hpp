#pragma once
// The files of a finished training on its claim, as the pod that `genesis fetch` starts lists and
// sends them, and what the other end makes of the list.
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"

namespace genesis::fetch {

/// What is fetched, in this order, as far as it is there.
inline constexpr std::string_view kModel = "model.safetensors";
inline constexpr std::string_view kCard = "model-card.json";
inline constexpr std::string_view kCardPage = "model-card.md";
inline constexpr std::string_view kRows = "synthetic.csv";
inline constexpr std::array kFiles{kModel, kCard, kCardPage, kRows};

struct File {
  std::string name;
  std::uint64_t bytes = 0;
  std::string sha256;  // hexadecimal
  bool operator==(const File&) const = default;
};

/// The files that are in `folder`, with their digests. Links are not followed. Errors: kIo.
[[nodiscard]] Result<std::vector<File>> list_files(const std::filesystem::path& folder);

/// One line of JSON, and back. Errors: kDataLoss for what encode() cannot have made, such as
/// another name.
[[nodiscard]] std::string encode(const std::vector<File>& files);
[[nodiscard]] Result<std::vector<File>> decode_files(std::string_view text);

using Sink = std::function<Status(std::string_view part)>;

/// The bytes of one of kFiles from `offset` to its end. Errors: kInvalidArgument for another name
/// or an offset beyond the end, kNotFound, kIo, and the sink's.
[[nodiscard]] Status send_file(const std::filesystem::path& folder,
                               std::string_view name,
                               std::uint64_t offset,
                               const Sink& sink);

/// Waits until SIGTERM or SIGINT comes, or until no other process of this pid namespace has run for
/// `idle`: whoever has started the pod is gone. The caller is the only thread.
void hold(Milliseconds idle);

}  // namespace genesis::fetch
