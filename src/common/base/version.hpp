#pragma once
// The version of this build. Its only source is the CMake project; chart and images carry the same
// one (tests/lint/version_test.py). docs/compatibility.md says what it promises.
#include <string>
#include <string_view>

namespace genesis {

/// Such as "0.1.0".
[[nodiscard]] std::string_view version();

/// What a program prints for --version: its name and the version.
[[nodiscard]] std::string version_line(std::string_view program);

}  // namespace genesis
