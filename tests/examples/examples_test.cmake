# usage: cmake -D HELLO=... -D SESSIONS=... -D SOURCE=... -P examples_test.cmake

# Runs a program in the root of the repository; found_code, found_out and found_err are what came.
macro(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${SOURCE}
    RESULT_VARIABLE found_code OUTPUT_VARIABLE found_out ERROR_VARIABLE found_err)
endmacro()

function(expect_answer)
  if(NOT found_code EQUAL 0 OR NOT found_err STREQUAL "")
    message(FATAL_ERROR "code ${found_code}: ${found_err}")
  endif()
  if(NOT found_out MATCHES "^[^\n]*Anna[^\n]*\n$")
    message(FATAL_ERROR "answer: \"${found_out}\"")
  endif()
endfunction()

run(${HELLO} data/tinyworld.gguf)
expect_answer()
run(${HELLO})
expect_answer()

run(${HELLO} no-such-file.gguf)
if(NOT found_code EQUAL 1 OR NOT found_out STREQUAL ""
    OR NOT found_err MATCHES "^[^\n]*no-such-file.gguf[^\n]*\n$")
  message(FATAL_ERROR "code ${found_code}: \"${found_out}\", \"${found_err}\"")
endif()

run(${SESSIONS} data/tinyworld.gguf)
if(NOT found_code EQUAL 0 OR NOT found_err STREQUAL ""
    OR NOT found_out STREQUAL
    " Anna has the lamp.\n Anna has the lamp.\n Ben has the lamp.\n Ben has the lamp.\n")
  message(FATAL_ERROR "code ${found_code}: \"${found_out}\", \"${found_err}\"")
endif()
