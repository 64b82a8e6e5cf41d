// Writes the file of a plan.
#pragma once

#include <cstdint>
#include <string>

#include "eddy/result.h"
#include "make_model/plan.h"

namespace eddy::make_model {

// The same plan and seed give the same bytes. Tensors are made and written piece by piece, so
// memory stays small whatever the model. kIo; kInvalidArgument: a tensor of a type or with rows
// that cannot be written.
Status write_model(const Plan& plan, std::uint64_t seed, const std::string& path);

}  // namespace eddy::make_model
