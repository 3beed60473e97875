#include "common/model/noise.hpp"

#include <cmath>

#include "common/base/target.hpp"
#include "common/base/vector_math.hpp"

namespace genesis::model {
namespace {

constexpr std::size_t kLanes = NoiseStream::kLanes;
using State = NoiseStream::State;

GENESIS_INLINE std::uint32_t rotate(std::uint32_t x, int k) {
  return (x << k) | (x >> (32 - k));
}

// One number from each lane.
GENESIS_INLINE void next(State& state, std::uint32_t* bits) {
  for (std::size_t i = 0; i < kLanes; ++i) {
    std::uint32_t s0 = state.words[0][i], s1 = state.words[1][i];
    std::uint32_t s2 = state.words[2][i], s3 = state.words[3][i];
    bits[i] = rotate(s0 + s3, 7) + s0;
    const std::uint32_t t = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = rotate(s3, 11);
    state.words[0][i] = s0;
    state.words[1][i] = s1;
    state.words[2][i] = s2;
    state.words[3][i] = s3;
  }
}

// The middles of 2^23 equal cells; the signed conversion is the one that vectorises everywhere.
GENESIS_INLINE float unit(std::uint32_t bits) {
  return (static_cast<float>(static_cast<std::int32_t>(bits >> 9)) + 0.5F) * 0x1.0p-23F;
}

GENESIS_KERNEL void fill_uniform(State& state, float* out, std::size_t count) {
  State local = state;
  alignas(64) std::uint32_t bits[kLanes];
  alignas(64) float values[kLanes];
  for (std::size_t i = 0; i < count; i += kLanes) {
    next(local, bits);
    for (std::size_t j = 0; j < kLanes; ++j) {
      values[j] = unit(bits[j]);
    }
    const std::size_t rest = count - i < kLanes ? count - i : kLanes;
    for (std::size_t j = 0; j < rest; ++j) {
      out[i + j] = values[j];
    }
  }
  state = local;
}

GENESIS_KERNEL void fill_dropout(State& state, float* out, std::size_t count) {
  State local = state;
  alignas(64) std::uint32_t bits[kLanes];
  for (std::size_t i = 0; i < count; i += kLanes) {
    next(local, bits);
    const std::size_t rest = count - i < kLanes ? count - i : kLanes;
    for (std::size_t j = 0; j < rest; ++j) {
      out[i + j] = static_cast<float>((bits[j] >> 31) << 1);
    }
  }
  state = local;
}

GENESIS_KERNEL void to_exponential(float* values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = -fast_log(values[i]);
  }
}

GENESIS_KERNEL void fill_normal(State& state, float* out, std::size_t count) {
  State local = state;
  alignas(64) std::uint32_t bits[2][kLanes];
  alignas(64) float values[2 * kLanes];
  for (std::size_t i = 0; i < count; i += 2 * kLanes) {
    next(local, bits[0]);
    next(local, bits[1]);
    for (std::size_t j = 0; j < kLanes; ++j) {
      const float radius = std::sqrt(-2.0F * fast_log(unit(bits[0][j])));
      const SinCos turn = sin_cos_of_turn(unit(bits[1][j]));
      values[j] = radius * turn.cos;
      values[kLanes + j] = radius * turn.sin;
    }
    const std::size_t rest = count - i < 2 * kLanes ? count - i : 2 * kLanes;
    for (std::size_t j = 0; j < rest; ++j) {
      out[i + j] = values[j];
    }
  }
  state = local;
}

}  // namespace

NoiseStream::NoiseStream(Rng seeds) {
  for (std::size_t i = 0; i < kLanes; ++i) {
    for (std::size_t word = 0; word < 4; word += 2) {
      const std::uint64_t bits = seeds.next();
      state_.words[word][i] = static_cast<std::uint32_t>(bits);
      state_.words[word + 1][i] = static_cast<std::uint32_t>(bits >> 32);
    }
    state_.words[0][i] |= 1U;  // never the all-zero state
  }
}

void NoiseStream::uniform(std::span<float> out) {
  fill_uniform(state_, out.data(), out.size());
}

void NoiseStream::exponential(std::span<float> out) {
  fill_uniform(state_, out.data(), out.size());
  to_exponential(out.data(), out.size());
}

void NoiseStream::normal(std::span<float> out) {
  fill_normal(state_, out.data(), out.size());
}

void NoiseStream::dropout(std::span<float> out) {
  fill_dropout(state_, out.data(), out.size());
}

}  // namespace genesis::model
