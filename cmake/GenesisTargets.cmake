# Flags and helpers for our own targets.
add_library(genesis_flags INTERFACE)
target_compile_options(genesis_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
                       $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # false alarms of gcc 12 on std::string
                       # std::stable_sort of gcc 12's library calls what C++20 deprecates
                       $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>)
target_include_directories(genesis_flags INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
if(GENESIS_SANITIZE)
  target_compile_options(genesis_flags INTERFACE -fsanitize=${GENESIS_SANITIZE} -fno-omit-frame-pointer
                                                 -fno-sanitize-recover=all
                         # gcc 12 takes Catch2's std::regex for uninitialised once it is instrumented, and
                         # loses sight of the operator new that goes with Asio's coroutine frames
                         $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized;-Wno-mismatched-new-delete>)
  target_link_options(genesis_flags INTERFACE -fsanitize=${GENESIS_SANITIZE})
  if(GENESIS_SANITIZE MATCHES thread)
    # The thread sanitizer does not know fences; Asio's queues are locked, so that it needs none.
    target_compile_definitions(genesis_flags INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
endif()

# genesis_library(NAME [DEPS lib...] [SET set] [ONLY file...]): all *.cpp of the folder, less main.cpp, or ONLY
# the given ones, as genesis_NAME.
# It is installed with the export set `set` (cmake/GenesisPackage.cmake): server, synthesizer (what needs
# LibTorch), or none (what only our programs use).
function(genesis_library name)
  cmake_parse_arguments(ARG "" "SET" "DEPS;EXCLUDE;ONLY" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  foreach(pattern ${ARG_EXCLUDE})
    list(FILTER sources EXCLUDE REGEX "/${pattern}$")
  endforeach()
  if(ARG_ONLY)
    set(sources ${ARG_ONLY})
  endif()
  if(sources)
    add_library(genesis_${name} STATIC ${sources})
    target_link_libraries(genesis_${name} PRIVATE $<BUILD_INTERFACE:genesis_flags> PUBLIC ${ARG_DEPS})
  else()
    add_library(genesis_${name} INTERFACE)
    target_link_libraries(genesis_${name} INTERFACE ${ARG_DEPS})
  endif()
  genesis_install_library(${name} ${ARG_SET})
endfunction()

# genesis_install_library(NAME [set]): genesis_NAME goes with an export set, by default that of the server.
function(genesis_install_library name)
  set(set ${ARGN})
  if(NOT set)
    set(set server)
  endif()
  if(NOT set STREQUAL none AND GENESIS_BUILD_PROGRAMS)
    install(TARGETS genesis_${name} EXPORT genesis-${set} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}/genesis)
  endif()
endfunction()

# genesis_program(NAME SOURCE COMPONENT package [DEPS lib...]): an installed executable.
function(genesis_program name source)
  if(NOT GENESIS_BUILD_PROGRAMS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "COMPONENT" "DEPS" ${ARGN})
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE genesis_flags ${ARG_DEPS})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT ${ARG_COMPONENT})
endfunction()
