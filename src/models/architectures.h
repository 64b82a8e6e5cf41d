// The table of architectures: the name in a file's general.architecture, and who computes it.
//
// A new architecture is one file that defines make_<name>, and its line in the list.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string_view>

#include "models/model.h"

namespace eddy {

class Loader;

struct Architecture {
  std::string_view name;
  // Asks the loader for everything; the result may be used only if the loader's finish() is ok.
  std::unique_ptr<Model> (*make)(Loader& load);
  std::array<std::string_view, 3> aliases = {};  // other names that files use; "": none

  bool is_called(std::string_view other) const;
};

std::span<const Architecture> architectures();

// The list: name, and other names that files use.
// clang-format off
#define EDDY_ARCHITECTURES(X) \
  X(mamba) \
  X(mamba2) \
  X(recurrentgemma, "griffin", "recurrent-gemma", "recurrent_gemma") \
  X(rwkv6) \
  X(rwkv6qwen2) \
  X(rwkv7) \
  X(arwkv7)
// clang-format on

#define EDDY_DECLARE_MAKE(name, ...) std::unique_ptr<Model> make_##name(Loader& load);
EDDY_ARCHITECTURES(EDDY_DECLARE_MAKE)
#undef EDDY_DECLARE_MAKE

}  // namespace eddy
