#pragma once
// What the two halves of the mixture call the things that travel between them.
#include <string_view>

namespace genesis::mixture {

// Purposes of the collections, in their order. A site answers each with counts, as to_words makes
// them (protection.hpp).
inline constexpr std::string_view kFine = "fine";      // each column's own counts
inline constexpr std::string_view kZoom = "zoom";      // a closer look; only where there is need
inline constexpr std::string_view kTables = "tables";  // of pairs of columns

// What is asked before there is a run: which of a column's values may be named when it joins.
inline constexpr std::string_view kNames = "names";

// Documents that go with them.
inline constexpr std::string_view kSchemaDocument = "schema";    // all: columns as agreed
inline constexpr std::string_view kColumnsDocument = "columns";  // zoom, tables: all with bounds
inline constexpr std::string_view kRangesDocument = "ranges";    // zoom
inline constexpr std::string_view kBinsDocument = "bins";        // tables
inline constexpr std::string_view kPairsDocument = "pairs";      // tables

}  // namespace genesis::mixture
