#pragma once

#include <string>

// Where the file `path` of the source tree is on this machine. A function, so that one source alone
// is compiled with a folder's name and a compiler cache can serve the others to every work tree.
std::string source_file(const std::string& path);
