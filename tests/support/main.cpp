// Catch2 v2's main; with v3 the same from its library.
#define CATCH_CONFIG_MAIN
#include "tests/support/catch.hpp"
