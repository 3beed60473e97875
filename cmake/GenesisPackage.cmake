# What `cmake --install` leaves for other projects: find_package(genesis). Two export sets, so that a
# machine without LibTorch has a server.
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/genesis)
set(headers ${CMAKE_INSTALL_INCLUDEDIR}/genesis-federated)

# genesis_public(NAME EXPORT set LIBRARY target): genesis::NAME, whose users see its headers and
# tl::expected, and link the rest.
function(genesis_public name)
  cmake_parse_arguments(ARG "" "EXPORT;LIBRARY" "" ${ARGN})
  add_library(genesis_public_${name} INTERFACE)
  set_target_properties(genesis_public_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(genesis_public_${name} INTERFACE $<INSTALL_INTERFACE:${headers}>)
  target_link_libraries(genesis_public_${name} INTERFACE tl::expected $<LINK_ONLY:${ARG_LIBRARY}>)
  target_compile_features(genesis_public_${name} INTERFACE cxx_std_20)
  install(TARGETS genesis_public_${name} EXPORT ${ARG_EXPORT})
endfunction()

genesis_public(server EXPORT genesis-server LIBRARY genesis_aggregator)
genesis_public(genesis EXPORT genesis-synthesizer LIBRARY genesis_synthesizer)

install(FILES src/genesis/callbacks.hpp src/genesis/column_table.hpp src/genesis/columns.hpp src/genesis/certificates.hpp src/genesis/federated_client.hpp
              src/genesis/federated_server.hpp src/genesis/federated_synthesizer.hpp src/genesis/metrics_listener.hpp
              src/genesis/tls_files.hpp
        DESTINATION ${headers}/genesis)
# The few of our own headers that the public ones show.
foreach(header base/error.hpp crypto/secret.hpp spec/federated_training.hpp spec/parse.hpp)
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES src/common/${header} DESTINATION ${headers}/common/${folder})
endforeach()

foreach(set server synthesizer)
  install(EXPORT genesis-${set} FILE genesis-${set}-targets.cmake NAMESPACE genesis:: DESTINATION ${package})
endforeach()
configure_package_config_file(cmake/genesis-config.cmake.in ${PROJECT_BINARY_DIR}/genesis-config.cmake
                              INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/genesis-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/genesis-config.cmake ${PROJECT_BINARY_DIR}/genesis-config-version.cmake
              cmake/GenesisDependencies.cmake cmake/GenesisTorch.cmake DESTINATION ${package})
