# How every target of eddy is compiled: target eddy_compiler, linked by all of them.
#
# Law 1 (equal bits everywhere) rests on -ffp-contract=off and on the absence of -ffast-math.

set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()

# Not as options of a target: those come in no order, and of several levels the last one counts.
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-Og -g")
if(EDDY_SANITIZE)
  set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
  set(CMAKE_UNITY_BUILD_BATCH_SIZE 16)
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Precompiled headers change no meaning; ccache would know them by their dates.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_ctime,include_file_mtime ${CCACHE})
endif()

include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

add_library(eddy_compiler INTERFACE)
target_compile_features(eddy_compiler INTERFACE cxx_std_20)
target_compile_options(eddy_compiler INTERFACE
  -Wall -Wextra -Wconversion -Werror -ffp-contract=off
  # GCC 12 takes the sum of a literal and a string for an overlapping copy (its bug 105651).
  "$<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>"
  "$<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>"  # lets ccache see precompiled headers
  "$<$<CONFIG:Release>:-fstack-protector-strong>")
target_link_options(eddy_compiler INTERFACE -Wl,-z,relro -Wl,-z,now)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  # Highway's NEON includes AES, and GCC compiles implicit constructors for what is given here, not
  # for the set of their namespace. No compiler uses AES unasked: machines without it run the rest.
  target_compile_options(eddy_compiler INTERFACE -march=armv8-a+crypto)
endif()

if(EDDY_SANITIZE)
  target_compile_options(eddy_compiler INTERFACE
    -fsanitize=${EDDY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
    # GCC 12 takes the checks that sanitizers put into <regex> for reads of what was never written,
    # and those in strings for writes behind their ends.
    "$<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized;-Wno-array-bounds;-Wno-stringop-overflow>")
  target_link_options(eddy_compiler INTERFACE -fsanitize=${EDDY_SANITIZE})
  target_compile_definitions(eddy_compiler INTERFACE _GLIBCXX_ASSERTIONS)
else()
  target_compile_definitions(eddy_compiler INTERFACE
    "$<$<CONFIG:Release>:_FORTIFY_SOURCE=2>"
    "$<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>")
endif()
if(EDDY_FUZZ)
  target_compile_options(eddy_compiler INTERFACE -fsanitize=fuzzer-no-link)
endif()

# The same where the compiler takes longer than what it compiles: commands and tests.
add_library(eddy_lean_compiler INTERFACE)
target_link_libraries(eddy_lean_compiler INTERFACE eddy_compiler)
if(EDDY_SANITIZE)
  target_compile_options(eddy_lean_compiler INTERFACE -O0)
else()
  target_compile_options(eddy_lean_compiler INTERFACE "$<$<CONFIG:Release>:-O1;-g0>")
endif()
