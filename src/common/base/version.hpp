#pragma once
// The version of this build. Its only source is the CMake project; chart and images carry the same
// one (tests/lint/version_test.py). docs/compatibility.md says what it promises.
#include <string>
#include <string_view>

namespace genesis {

/// Such as "0.1.0".
[[nodiscard]] std::string_view version();

/// What a program prints for --version: a line with its name and the version, and lines with the
/// compiler, the kind of build, and the versions of the libraries that it was built with.
[[nodiscard]] std::string version_text(std::string_view program);
/// The same of a program that links LibTorch.
[[nodiscard]] std::string version_text_with_torch(std::string_view program);

}  // namespace genesis
