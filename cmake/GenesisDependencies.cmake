# Every library that ours link, found once: by the build, and by the installed package for whoever
# embeds us. All come from Debian packages (README, "Dependencies"). GENESIS_REQUIRED is REQUIRED in
# the build; find_package(genesis) decides for itself.
include(CMakeFindDependencyMacro)
find_dependency(Threads ${GENESIS_REQUIRED})
find_dependency(OpenSSL 3.0 ${GENESIS_REQUIRED})
find_dependency(ZLIB ${GENESIS_REQUIRED})
find_dependency(nlohmann_json 3.11 ${GENESIS_REQUIRED})
find_dependency(yaml-cpp 0.7 ${GENESIS_REQUIRED})
find_dependency(spdlog 1.10 ${GENESIS_REQUIRED})
find_dependency(tl-expected ${GENESIS_REQUIRED})
find_dependency(Boost 1.81 CONFIG ${GENESIS_REQUIRED})

find_library(GENESIS_UTF8PROC utf8proc REQUIRED)
add_library(genesis_utf8proc INTERFACE IMPORTED)
target_link_libraries(genesis_utf8proc INTERFACE ${GENESIS_UTF8PROC})

# Its CMake config names other targets from release to release.
find_path(GENESIS_ZSTD_INCLUDE zstd.h REQUIRED)
find_library(GENESIS_ZSTD zstd REQUIRED)
add_library(genesis_zstd INTERFACE IMPORTED)
target_include_directories(genesis_zstd SYSTEM INTERFACE ${GENESIS_ZSTD_INCLUDE})
target_link_libraries(genesis_zstd INTERFACE ${GENESIS_ZSTD})

# Only the core of prometheus-cpp; its CMake config would ask for civetweb and curl too.
find_path(GENESIS_PROMETHEUS_INCLUDE prometheus/registry.h REQUIRED)
find_library(GENESIS_PROMETHEUS_CORE prometheus-cpp-core REQUIRED)
add_library(genesis_prometheus INTERFACE IMPORTED)
target_include_directories(genesis_prometheus SYSTEM INTERFACE ${GENESIS_PROMETHEUS_INCLUDE})
target_link_libraries(genesis_prometheus INTERFACE ${GENESIS_PROMETHEUS_CORE})

# Beast and Asio are header-only.
add_library(genesis_asio INTERFACE IMPORTED)
target_link_libraries(genesis_asio INTERFACE Boost::headers OpenSSL::SSL Threads::Threads)
target_compile_definitions(genesis_asio INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION
                                                  BOOST_BEAST_SEPARATE_COMPILATION)
