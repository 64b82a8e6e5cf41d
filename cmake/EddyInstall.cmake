# libeddy.a: the objects of all floors below the faces in one archive, the public headers, and the
# CMake package that defines eddy::eddy.

include(CMakePackageConfigHelpers)

set(objects)
foreach(floor base tensor formats memory cpu text models engine)
  get_target_property(type eddy_${floor} TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    list(APPEND objects $<TARGET_OBJECTS:eddy_${floor}>)
  endif()
endforeach()

add_library(libeddy STATIC ${objects})
add_library(eddy::eddy ALIAS libeddy)
set_target_properties(libeddy PROPERTIES
  OUTPUT_NAME eddy EXPORT_NAME eddy LINKER_LANGUAGE CXX)
target_compile_features(libeddy PUBLIC cxx_std_20)
target_include_directories(libeddy PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(libeddy PRIVATE fmt::fmt hwy::hwy SQLite::SQLite3 PkgConfig::libsodium
  PkgConfig::libzstd Threads::Threads)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/eddy)
install(TARGETS libeddy EXPORT eddy-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/eddy DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT eddy-targets NAMESPACE eddy:: DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/eddy-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_SOURCE_DIR}/cmake/eddy-config.cmake
  ${PROJECT_BINARY_DIR}/eddy-config-version.cmake DESTINATION ${package_dir})
