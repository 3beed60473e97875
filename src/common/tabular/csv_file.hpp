#pragma once
// Bytes of a plain or gzip file, in pieces.
#include <filesystem>
#include <functional>
#include <string_view>

#include "common/base/error.hpp"

namespace genesis::tabular {

/// Calls `take` with the (decompressed) bytes of `path` until it fails. What is compressed shows by
/// its content; a name that ends in .gz must be. Errors name the file: kNotFound, kIo, kDataLoss
/// (cut or altered gzip), and those of `take`.
[[nodiscard]] Status read_in_pieces(const std::filesystem::path& path,
                                    const std::function<Status(std::string_view)>& take);

}  // namespace genesis::tabular
