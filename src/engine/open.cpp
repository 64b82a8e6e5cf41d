#include "engine/open.h"

#include <algorithm>
#include <cstdlib>

#include "base/file_system.h"
#include "base/threads.h"
#include "base/try.h"
#include "cpu/cpu_ops.h"
#include "cpu/isa.h"
#include "formats/gguf.h"

namespace eddy {
namespace {

// Brings the weights into memory and tells how far it is. Without it they come with their first
// use.
void load_weights(const GgufFile& file, const std::function<void(double)>& on_load) {
  constexpr std::size_t kStepBytes = 8u << 20;
  std::size_t n_all = 0, n_done = 0;
  for (const GgufTensor& tensor : file.tensors()) n_all += tensor.data.size();
  for (const GgufTensor& tensor : file.tensors()) {
    for (std::size_t i = 0; i < tensor.data.size(); i += kStepBytes) {
      on_load(static_cast<double>(n_done + i) / static_cast<double>(n_all));
      populate(tensor.data.subspan(i, std::min(kStepBytes, tensor.data.size() - i)));
    }
    n_done += tensor.data.size();
  }
  on_load(1);
}

// The instruction set asked for by the options, else by the environment.
std::string wanted_isa(const EngineOptions& options) {
  if (!options.isa.empty()) return options.isa;
  const char* set = std::getenv("EDDY_ISA");
  return set ? set : "";
}

}  // namespace

Result<EngineParts> open_parts(const std::string& path, const EngineOptions& options) {
  EngineParts parts;
  EDDY_TRY_ASSIGN(const Isa isa, find_isa(wanted_isa(options)));
  parts.isa = isa_name(isa);
  parts.n_threads = options.n_threads == 0 ? n_physical_cores() : options.n_threads;
  EDDY_TRY_ASSIGN(parts.ops, make_cpu_ops({.n_threads = parts.n_threads, .isa = parts.isa}));
  EDDY_TRY_ASSIGN(GgufFile opened, GgufFile::open(posix_file_system(), path));
  const auto file = std::make_shared<const GgufFile>(std::move(opened));
  file->prefetch();
  EDDY_TRY_ASSIGN(parts.model, load_model(*file, *parts.ops));
  EDDY_TRY_ASSIGN(parts.tokenizer, load_tokenizer(*file));
  if (options.on_load) load_weights(*file, options.on_load);
  parts.file = file;
  return parts;
}

}  // namespace eddy
