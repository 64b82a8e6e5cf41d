#include "cli/program.h"

int main(int argc, char** argv) { return eddy::run_program(argc, argv); }
