# eddy_add_floor(<folder> [LINKS <targets>...])
#
# The static library eddy_<folder> of all sources in the current folder (main.cpp, a program's
# start, is left out). LINKS names the lower floors and the libraries that its headers may use.
# A folder that has no sources yet is an interface that passes its links on.
function(eddy_add_floor folder)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "LINKS")
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  set(target eddy_${folder})
  if(sources)
    add_library(${target} STATIC ${sources})
    target_link_libraries(${target} PRIVATE eddy_compiler)
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${target} ${scope}
    ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(${target} ${scope} ${ARG_LINKS})
endfunction()
