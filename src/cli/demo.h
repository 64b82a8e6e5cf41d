// The worked example that comes with a model: a tale, questions about it, and forks of the
// conversation that are told different things.
#pragma once

#include <string>

#include "eddy/engine.h"

namespace eddy {

// Reads "<model without .gguf>_demo.json" and shows on standard output how the model answers.
// kIo, kMalformed: the file; the engine's errors.
Status show_demo(Engine& engine, const std::string& model_path);

}  // namespace eddy
