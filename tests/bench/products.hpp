#pragma once
// Times, and what the matrix library reaches on given shapes: what benchmarks of networks compare
// themselves with.
#include <algorithm>
#include <cstddef>
#include <ctime>
#include <limits>
#include <vector>

#include "common/model/matrix.hpp"

namespace genesis::bench {

// Of the processor, so that what else runs on the machine counts little.
inline double seconds_of(const auto& work) {
  const auto start = std::clock();
  work();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

inline double best_of(int repetitions, const auto& work) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repetitions; ++i) {
    best = std::min(best, seconds_of(work));
  }
  return best;
}

// A product (m, k) x (k, n) as the step has it, and how often.
struct Product {
  enum class Form { kPlain, kLeftTransposed, kRightTransposed };
  Form form;
  std::size_t m, n, k, count;
};

struct Limit {
  double seconds = 0.0;
  double flop = 0.0;
};

inline Limit limit_of(const std::vector<Product>& products, int repetitions) {
  Limit limit;
  for (const auto& p : products) {
    std::vector<float> a(p.m * p.k, 0.01F), b(p.k * p.n, 0.02F), c(p.m * p.n);
    const bool left = p.form == Product::Form::kLeftTransposed;
    const bool right = p.form == Product::Form::kRightTransposed;
    const model::ConstMatrix am = left ? transpose(model::ConstMatrix{a.data(), p.k, p.m, p.m})
                                       : model::ConstMatrix{a.data(), p.m, p.k, p.k};
    const model::ConstMatrix bm = right ? transpose(model::ConstMatrix{b.data(), p.n, p.k, p.k})
                                        : model::ConstMatrix{b.data(), p.k, p.n, p.n};
    const double seconds = best_of(repetitions, [&] {
      model::multiply(am, bm, {c.data(), p.m, p.n, p.n});
    });
    limit.seconds += static_cast<double>(p.count) * seconds;
    limit.flop += static_cast<double>(p.count) * 2.0 * static_cast<double>(p.m * p.n * p.k);
  }
  return limit;
}

}  // namespace genesis::bench
