#pragma once

namespace genesis::control {

/// Gives back what only the start needed: heap that is free again, and the pages of programs and
/// libraries, of which those still in use come back from the page cache one by one.
void give_back_memory();

}  // namespace genesis::control
