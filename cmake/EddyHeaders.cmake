# Headers of others that most files include, compiled once for each way of compiling. None of eddy's
# own are among them. What a file forgets to include shows in the clang presets, which do without.

set(EDDY_STANDARD_HEADERS
  <algorithm> <array> <bit> <cmath> <cstddef> <cstdint> <cstdio> <cstring> <functional> <limits>
  <map> <memory> <optional> <set> <span> <string> <string_view> <utility> <vector>
  <fmt/format.h>)

file(WRITE ${PROJECT_BINARY_DIR}/empty.cpp.new "")
file(COPY_FILE ${PROJECT_BINARY_DIR}/empty.cpp.new ${PROJECT_BINARY_DIR}/empty.cpp ONLY_IF_DIFFERENT)

# eddy_add_headers(<name> LINKS <targets>... HEADERS <headers>...)
#
# The standard headers and these, for the targets that say
# target_precompile_headers(<target> REUSE_FROM <name>).
function(eddy_add_headers name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "LINKS;HEADERS")
  add_library(${name} OBJECT ${PROJECT_BINARY_DIR}/empty.cpp)
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} fmt::fmt)
  target_precompile_headers(${name} PRIVATE ${EDDY_STANDARD_HEADERS} ${ARG_HEADERS})
endfunction()

eddy_add_headers(eddy_headers LINKS eddy_compiler)
