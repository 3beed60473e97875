#pragma once
// GENESIS_KERNEL before a function: compiled for several instruction sets, the best one chosen when
// the program starts. Sanitizers instrument the chooser, which runs before they are ready, so they
// get the plain build. Everything such a function calls must be inlined into it.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define GENESIS_KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define GENESIS_KERNEL
#endif
#define GENESIS_INLINE inline __attribute__((always_inline))
