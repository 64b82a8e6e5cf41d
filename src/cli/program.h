// The eddy program: picks the subcommand, runs it, turns errors into one line and an exit code.
//
// Threading: the main thread.
#pragma once

namespace eddy {

// The exit code. Sets the locale of characters for the whole process.
int run_program(int argc, char** argv);

}  // namespace eddy
