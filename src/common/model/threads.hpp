#pragma once
// How many threads compute. No LibTorch in this header.

namespace genesis::model {

/// Makes OpenBLAS and OpenMP use the calling thread alone. Call once at the start of main.
void use_one_thread();

}  // namespace genesis::model
