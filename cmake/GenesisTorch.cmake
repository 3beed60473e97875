# LibTorch's own CMake config appends compile flags to every target; we take its headers and library only.
find_path(GENESIS_TORCH_INCLUDE torch/torch.h PATH_SUFFIXES torch/csrc/api/include REQUIRED)
find_path(GENESIS_ATEN_INCLUDE ATen/ATen.h REQUIRED)
find_library(GENESIS_TORCH_CPU torch_cpu REQUIRED)
find_library(GENESIS_C10 c10 REQUIRED)
add_library(genesis_torch INTERFACE IMPORTED)
target_include_directories(genesis_torch SYSTEM INTERFACE ${GENESIS_TORCH_INCLUDE} ${GENESIS_ATEN_INCLUDE})
target_link_libraries(genesis_torch INTERFACE ${GENESIS_TORCH_CPU} ${GENESIS_C10})

file(STRINGS ${GENESIS_TORCH_INCLUDE}/torch/version.h lines REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
list(TRANSFORM lines REPLACE "[^0-9]" "")
list(JOIN lines "." GENESIS_TORCH_VERSION)
