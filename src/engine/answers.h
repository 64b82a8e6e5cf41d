// Answers to several sessions, computed together.
//
// Threading: the engine's thread.
#pragma once

#include <memory>
#include <span>

#include "eddy/engine.h"

namespace eddy {

// Fills in the requests' results. Where memory ends (std::bad_alloc) those that have not ended say
// kOutOfMemory.
void generate_together(const std::shared_ptr<Engine::Core>& core,
                       std::span<GenerateRequest* const> requests);

}  // namespace eddy
