#include "engine/open.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "base/error.h"
#include "base/file_system.h"
#include "base/guarded.h"
#include "base/threads.h"
#include "base/try.h"
#include "cpu/cpu_ops.h"
#include "cpu/isa.h"
#include "formats/gguf.h"

namespace eddy {
namespace {

// The weights that are in memory come into this process's tables. Threads that do it together count
// tensors in n_begun.
void map_weights(const GgufFile& file, std::atomic<std::size_t>& n_begun) {
  for (std::size_t i = n_begun++; i < file.tensors().size(); i = n_begun++) {
    const std::span<const std::byte> weights = file.tensors()[i].data;
    if (seems_in_memory(weights)) touch(weights);
  }
}

struct LoadedParts {
  Result<std::unique_ptr<const Model>> model = out_of_memory();
  Result<std::unique_ptr<const Tokenizer>> tokenizer = out_of_memory();
};

// With two threads model and tokenizer are made side by side, and who is done maps weights.
Result<LoadedParts> load_parts(const GgufFile& file, const EngineParts& parts) {
  EDDY_TRY_ASSIGN(const auto pool, ThreadPool::create(std::min(parts.n_threads, 2)));
  const bool has_two = pool->n_threads() == 2;
  std::atomic<std::size_t> n_mapped = 0;
  LoadedParts loaded;
  pool->run([&](int part) {
    if (part == 0) loaded.model = guarded([&] { return load_model(file, *parts.ops); });
    if (part == 1 || !has_two) loaded.tokenizer = guarded([&] { return load_tokenizer(file); });
    if (has_two) map_weights(file, n_mapped);
  });
  return loaded;
}

// Brings the weights into memory that are not there, and tells how far it is. Without it they come
// with their first use.
void load_weights(const GgufFile& file, const std::function<void(double)>& on_load) {
  constexpr std::size_t kStepBytes = 8u << 20;
  std::size_t n_all = 0, n_done = 0;
  for (const GgufTensor& tensor : file.tensors()) n_all += tensor.data.size();
  for (const GgufTensor& tensor : file.tensors()) {
    for (std::size_t i = 0; i < tensor.data.size(); i += kStepBytes) {
      on_load(static_cast<double>(n_done + i) / static_cast<double>(n_all));
      const auto step = tensor.data.subspan(i, std::min(kStepBytes, tensor.data.size() - i));
      if (!seems_in_memory(step)) populate(step);
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
  EDDY_TRY_ASSIGN(LoadedParts loaded, load_parts(*file, parts));
  EDDY_TRY_ASSIGN(parts.model, std::move(loaded.model));
  EDDY_TRY_ASSIGN(parts.tokenizer, std::move(loaded.tokenizer));
  if (options.on_load) load_weights(*file, options.on_load);
  parts.file = file;
  return parts;
}

}  // namespace eddy
