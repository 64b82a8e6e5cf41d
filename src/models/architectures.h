// The table of architectures: the name in a file's general.architecture, and who computes it.
//
// A new architecture is one file that defines make_<name>, its declaration here and its line in the
// table.
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

std::unique_ptr<Model> make_mamba(Loader& load);
std::unique_ptr<Model> make_mamba2(Loader& load);
std::unique_ptr<Model> make_recurrentgemma(Loader& load);
std::unique_ptr<Model> make_rwkv6(Loader& load);
std::unique_ptr<Model> make_rwkv6qwen2(Loader& load);
std::unique_ptr<Model> make_rwkv7(Loader& load);
std::unique_ptr<Model> make_arwkv7(Loader& load);

}  // namespace eddy
