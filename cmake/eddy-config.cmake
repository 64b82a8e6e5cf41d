# find_package(eddy) defines eddy::eddy.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(fmt)
find_dependency(hwy)
find_dependency(SQLite3)
find_dependency(PkgConfig)
pkg_check_modules(libsodium REQUIRED IMPORTED_TARGET libsodium)
include(${CMAKE_CURRENT_LIST_DIR}/eddy-targets.cmake)
