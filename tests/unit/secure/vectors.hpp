#pragma once
// Vectors that Python implementations have made.
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

#include "tests/support/catch.hpp"
#include "tests/support/source_file.hpp"

namespace genesis::secure {

inline std::string unhex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

/// Lines of a name and hexadecimal digits in tests/golden/secure, by name.
inline std::map<std::string, std::string> vectors(const std::string& file) {
  std::ifstream in(source_file("tests/golden/secure/" + file));
  std::map<std::string, std::string> values;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name;
    std::string hex;
    words >> name >> hex;
    if (!name.empty() && name != "#") {
      values[name] = unhex(hex);
    }
  }
  REQUIRE_FALSE(values.empty());
  return values;
}

}  // namespace genesis::secure
