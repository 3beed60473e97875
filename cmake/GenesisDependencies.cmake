# Every library that we link, found once. All come from Debian packages (README, "Dependencies").
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(tl-expected REQUIRED)
find_package(Boost 1.81 CONFIG REQUIRED)

find_library(GENESIS_LIBCSV csv REQUIRED)

# Only the core of prometheus-cpp; its CMake config would ask for civetweb and curl too.
find_path(GENESIS_PROMETHEUS_INCLUDE prometheus/registry.h REQUIRED)
find_library(GENESIS_PROMETHEUS_CORE prometheus-cpp-core REQUIRED)
add_library(genesis_prometheus INTERFACE)
target_include_directories(genesis_prometheus SYSTEM INTERFACE ${GENESIS_PROMETHEUS_INCLUDE})
target_link_libraries(genesis_prometheus INTERFACE ${GENESIS_PROMETHEUS_CORE})

# Beast and Asio are header-only.
add_library(genesis_asio INTERFACE)
target_link_libraries(genesis_asio INTERFACE Boost::headers OpenSSL::SSL Threads::Threads)
target_compile_definitions(genesis_asio INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION
                                                  BOOST_BEAST_SEPARATE_COMPILATION)

# LibTorch's own CMake config appends compile flags to every target; we take its headers and library only.
find_path(GENESIS_TORCH_INCLUDE torch/torch.h PATH_SUFFIXES torch/csrc/api/include REQUIRED)
find_path(GENESIS_ATEN_INCLUDE ATen/ATen.h REQUIRED)
find_library(GENESIS_TORCH_CPU torch_cpu REQUIRED)
find_library(GENESIS_C10 c10 REQUIRED)
add_library(genesis_torch INTERFACE)
target_include_directories(genesis_torch SYSTEM INTERFACE ${GENESIS_TORCH_INCLUDE} ${GENESIS_ATEN_INCLUDE})
target_link_libraries(genesis_torch INTERFACE ${GENESIS_TORCH_CPU} ${GENESIS_C10})
