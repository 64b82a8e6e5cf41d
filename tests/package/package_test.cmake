# usage: cmake -D BUILD=... -D SOURCE=... -D COMPILER=... -D VERSION=... -P package_test.cmake
set(scratch ${BUILD}/tests/package_test)
set(prefix ${scratch}/prefix)
file(REMOVE_RECURSE ${scratch})

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${scratch}/consumer -G Ninja
  -D CMAKE_PREFIX_PATH=${prefix} -D CMAKE_CXX_COMPILER=${COMPILER}
  -D EXAMPLE=${SOURCE}/examples/hello.cpp -D VERSION=${VERSION})
run(${CMAKE_COMMAND} --build ${scratch}/consumer)
run(${scratch}/consumer/hello ${SOURCE}/data/tinyworld.gguf)
