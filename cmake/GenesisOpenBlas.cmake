# OpenBLAS without its development package: the library that LibTorch loads.
find_library(GENESIS_OPENBLAS NAMES openblas libopenblas.so.0 REQUIRED)
add_library(genesis_openblas INTERFACE IMPORTED)
target_link_libraries(genesis_openblas INTERFACE ${GENESIS_OPENBLAS})
