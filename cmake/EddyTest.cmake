# Tests. One ctest entry is one program of many cases, labelled fast or slow.

find_package(GTest REQUIRED)
find_package(rapidcheck REQUIRED)

# They are position independent as programs are, not as libraries.
eddy_add_headers(eddy_test_headers LINKS eddy_lean_compiler GTest::gtest HEADERS <gtest/gtest.h>)
set_target_properties(eddy_test_headers PROPERTIES POSITION_INDEPENDENT_CODE OFF)
target_compile_options(eddy_test_headers PRIVATE ${CMAKE_CXX_COMPILE_OPTIONS_PIE})

# eddy_add_test(<name> [SLOW] SOURCES <files>... LIBS <targets>...)
#
# A GoogleTest program. EDDY_SOURCE_DIR is the root of the repository, for data files. With sanitizers
# slow ones are built on request alone. Its files are compiled together: no two have a name in common.
function(eddy_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "SLOW" "" "SOURCES;LIBS")
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE eddy_lean_compiler ${ARG_LIBS} rapidcheck GTest::gtest_main)
  target_precompile_headers(${name} REUSE_FROM eddy_test_headers)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE EDDY_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set_target_properties(${name} PROPERTIES
    UNITY_BUILD ${EDDY_UNITY} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  if(EDDY_SANITIZE AND ARG_SLOW)
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
  endif()
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  eddy_label_test(${name} ${ARG_SLOW})
endfunction()

# eddy_label_test(<name> <slow?>): slow tests are left out of sanitizer runs.
function(eddy_label_test name slow)
  if(slow)
    set_tests_properties(${name} PROPERTIES LABELS slow TIMEOUT 900)
  else()
    set_tests_properties(${name} PROPERTIES LABELS fast TIMEOUT 1800)
  endif()
endfunction()

# eddy_add_test_folder(<folder> LIBS <targets>...)
#
# The tests of the current folder: <folder>_test of its *_test.cpp, <folder>_slow_test of its
# *_slow_test.cpp; other sources there belong to both.
function(eddy_add_test_folder folder)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "LIBS")
  file(GLOB fast CONFIGURE_DEPENDS *_test.cpp)
  file(GLOB slow CONFIGURE_DEPENDS *_slow_test.cpp)
  file(GLOB shared CONFIGURE_DEPENDS *.cpp)
  list(REMOVE_ITEM shared ${fast} ${slow} "")
  list(REMOVE_ITEM fast ${slow} "")
  if(fast)
    eddy_add_test(${folder}_test SOURCES ${fast} ${shared} LIBS ${ARG_LIBS})
  endif()
  if(slow)
    eddy_add_test(${folder}_slow_test SLOW SOURCES ${slow} ${shared} LIBS ${ARG_LIBS})
  endif()
endfunction()
