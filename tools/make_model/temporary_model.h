// Random models in temporary files, for tests.
#pragma once

#include <cstdint>

#include "eddy/result.h"
#include "formats/gguf.h"
#include "make_model/plan.h"

namespace eddy::make_model {

// The plan's file, written, opened and already unlinked: nothing stays on disk. kIo.
Result<GgufFile> open_temporary(const Plan& plan, std::uint64_t seed);

}  // namespace eddy::make_model
