// One compute thread a worker, as in threads.cpp; where OpenBLAS is linked without LibTorch, the
// process's other libraries keep theirs.
#include "common/model/threads.hpp"

extern "C" void openblas_set_num_threads(int threads);

namespace genesis::model {

void use_one_thread() {
  openblas_set_num_threads(1);
}

}  // namespace genesis::model
