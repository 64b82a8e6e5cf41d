// Opens a model file: maps it, makes the ops, loads the model and its tokenizer.
#pragma once

#include <string>

#include "eddy/engine.h"
#include "engine/core.h"

namespace eddy {

// kIo, kMalformed, kUnsupported: the file; kInvalidArgument: n_threads or isa; kOutOfMemory.
Result<EngineParts> open_parts(const std::string& path, const EngineOptions& options);

}  // namespace eddy
