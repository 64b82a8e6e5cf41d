// eddy quantize: a model with its weights in a smaller type, and what each tensor lost by it.
#include "models/quantize.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "base/file_system.h"
#include "base/threads.h"
#include "base/try.h"
#include "cli/command.h"
#include "cli/console.h"
#include "formats/gguf.h"

namespace eddy {
namespace {

struct QuantizeArguments {
  std::string in, out, type;
  int n_threads = 0;
  bool quiet = false;
};

std::string mix_names() {
  std::string names;
  for (const QuantizeMix& mix : quantize_mixes()) {
    names += (names.empty() ? "" : ", ") + std::string(mix.name);
  }
  return names;
}

// 1.4 MB and the like.
std::string megabytes(std::uint64_t n_bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(n_bytes) / 1e6);
}

void print_tensor(const QuantizedTensor& tensor) {
  if (tensor.from == tensor.to) return;
  fmt::print("{:<40} {:>5} -> {:<5} {:>9} -> {:>9}  error {:.2f} %\n", tensor.name,
             dtype_name(tensor.from), dtype_name(tensor.to), megabytes(tensor.n_bytes_from),
             megabytes(tensor.n_bytes_to), 100 * tensor.error);
}

Result<ExitCode> run_quantize(const QuantizeArguments& options) {
  const QuantizeMix* mix = find_quantize_mix(options.type);
  if (!mix) {
    return fail(ErrorCode::kInvalidArgument, "type \"{}\", expected one of {}", options.type,
                mix_names());
  }
  EDDY_TRY_ASSIGN(const GgufFile file, GgufFile::open(posix_file_system(), options.in));
  EDDY_TRY_ASSIGN(const auto pool, ThreadPool::create(options.n_threads));
  std::uint64_t n_from = 0, n_to = 0, n_all = 0;
  for (const GgufTensor& tensor : file.tensors()) n_all += tensor.data.size();
  {
    ProgressBar bar("quantising");
    EDDY_TRY(quantize(file, *mix, *pool, posix_file_system(), options.out,
                      [&](const QuantizedTensor& tensor) {
                        n_from += tensor.n_bytes_from;
                        n_to += tensor.n_bytes_to;
                        if (!options.quiet) print_tensor(tensor);
                        bar.update(static_cast<double>(n_from) / static_cast<double>(n_all));
                      }));
  }
  fmt::print("{}: {} -> {} as {}\n", options.out, megabytes(n_from), megabytes(n_to), mix->name);
  return ExitCode::kOk;
}

}  // namespace

Command add_quantize(CLI::App& program) {
  const auto options = std::make_shared<QuantizeArguments>();
  CLI::App* app = program.add_subcommand("quantize", "Write a model with smaller weights");
  app->add_option("IN", options->in, "GGUF file with weights of F32, F16 or BF16")->required();
  app->add_option("OUT", options->out, "GGUF file to write")->required();
  app->add_option("TYPE", options->type, mix_names())->required();
  app->add_option("-t,--threads", options->n_threads, "threads; 0: one for each core")
      ->capture_default_str();
  app->add_flag("-q,--quiet", options->quiet, "print the last line only");
  return {.app = app, .run = [options] { return run_quantize(*options); }};
}

}  // namespace eddy
