// Compiled for AVX2, where there is such a thing: see CMakeLists.txt.
#ifdef __AVX2__
#include "base/xxh3-inl.h"

namespace eddy {

extern const Xxh3 kXxh3Avx2;
const Xxh3 kXxh3Avx2 = kXxh3Here;

}  // namespace eddy
#endif
