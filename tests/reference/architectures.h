// The makers of the references, one for each architecture. See reference.h.
#pragma once

#include <memory>

#include "reference/reference.h"

namespace eddy::reference {

// The list: of each there is a function make_<name>_reference.
// clang-format off
#define EDDY_REFERENCES(X) \
  X(mamba) \
  X(mamba2) \
  X(recurrentgemma) \
  X(rwkv6) \
  X(rwkv6qwen2) \
  X(rwkv7) \
  X(arwkv7)
// clang-format on

#define EDDY_DECLARE_REFERENCE(name) \
  std::unique_ptr<Reference> make_##name##_reference(const GgufFile& file);
EDDY_REFERENCES(EDDY_DECLARE_REFERENCE)
#undef EDDY_DECLARE_REFERENCE

}  // namespace eddy::reference
