# eddy_add_floor(<folder> [LINKS <targets>...] [HEADERS <target> COMPILER <target>])
#
# The static library eddy_<folder> of all sources in the current folder (main.cpp, a program's
# start, is left out). LINKS names the lower floors and the libraries that its headers may use.
# HEADERS are the precompiled ones, if not eddy_headers, COMPILER is how, if not eddy_compiler.
# A folder that has no sources yet is an interface that passes its links on.
function(eddy_add_floor folder)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "HEADERS;COMPILER" "LINKS")
  if(NOT ARG_HEADERS)
    set(ARG_HEADERS eddy_headers)
  endif()
  if(NOT ARG_COMPILER)
    set(ARG_COMPILER eddy_compiler)
  endif()
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  set(target eddy_${folder})
  if(sources)
    add_library(${target} STATIC ${sources})
    target_link_libraries(${target} PRIVATE ${ARG_COMPILER})
    target_precompile_headers(${target} REUSE_FROM ${ARG_HEADERS})
    if(EDDY_UNITY AND EDDY_SANITIZE)
      set_target_properties(${target} PROPERTIES UNITY_BUILD ON)
    endif()
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${target} ${scope}
    ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(${target} ${scope} ${ARG_LINKS})
endfunction()
