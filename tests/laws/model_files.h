// The random models that the law tests run, each made once for the whole test program.
#pragma once

#include "formats/gguf.h"
#include "laws/cases.h"

namespace eddy::laws {

const GgufFile& file_of(const Case& c);

}  // namespace eddy::laws
