#pragma once
// std::visit with one lambda per alternative; a new alternative fails to compile where it matters.

namespace genesis {
template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;
}  // namespace genesis
