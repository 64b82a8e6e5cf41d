#include "convert/rules.h"

namespace eddy::convert {

std::span<const Family> families() {
  static const Family kFamilies[] = {kMambaFamily, kMamba2Family, kRwkv7Family, kRwkv7FlaFamily,
                                     kRecurrentGemmaFamily};
  return kFamilies;
}

}  // namespace eddy::convert
