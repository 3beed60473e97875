#pragma once
// Exit codes that mean more than "failed" to who starts our programs.

namespace genesis {

/// It would fail again in the same way: nobody needs to start it anew.
inline constexpr int kExitForGood = 3;

}  // namespace genesis
