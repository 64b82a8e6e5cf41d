// The options that say how an answer is made: sampling, length, stop strings.
#pragma once

#include "eddy/engine.h"

namespace CLI {
class App;
}  // namespace CLI

namespace eddy {

// `params` outlives the program's options. Ranges are the engine's to check.
void add_generate_options(CLI::App& command, GenerateParams& params);

}  // namespace eddy
