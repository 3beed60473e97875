// One compute thread a worker: a second BLAS or OpenMP thread makes these small products slower,
// and on a busy machine the threads spin on each other.
#include "common/model/threads.hpp"

#include <ATen/Parallel.h>
#include <dlfcn.h>

namespace genesis::model {
namespace {

// OpenBLAS and OpenMP are loaded by LibTorch, not linked by us, and another BLAS has no such
// symbol.
void call_with_one(const char* symbol) {
  if (void* address = dlsym(RTLD_DEFAULT, symbol)) {
    reinterpret_cast<void (*)(int)>(address)(1);
  }
}

}  // namespace

void use_one_thread() {
  call_with_one("openblas_set_num_threads");
  call_with_one("omp_set_num_threads");
  at::set_num_threads(1);
}

}  // namespace genesis::model
