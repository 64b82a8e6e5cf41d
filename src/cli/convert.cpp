// eddy convert: a published model's folder to a GGUF file.
#include "convert/convert.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "base/error.h"
#include "base/try.h"
#include "cli/command.h"
#include "cli/console.h"

namespace eddy {
namespace {

struct ConvertArguments {
  std::string folder, out, type;
};

Result<ExitCode> run_convert(const ConvertArguments& options) {
  std::optional<DType> type;
  if (!options.type.empty()) {
    type = dtype_from_name(options.type);
    if (!type || !can_convert_to(*type)) {
      return fail(ErrorCode::kInvalidArgument, "--type: {}, expected f32, f16, bf16 or q8_0",
                  options.type);
    }
  }
  ProgressBar bar("converting");
  EDDY_TRY(convert_model(posix_file_system(),
                         {.folder = options.folder,
                          .out = options.out,
                          .type = type,
                          .on_progress = [&](double fraction) { bar.update(fraction); }}));
  return ExitCode::kOk;
}

}  // namespace

Command add_convert(CLI::App& program) {
  CLI::App* app = program.add_subcommand("convert", "Make a model file of a published model");
  const auto options = std::make_shared<ConvertArguments>();
  app->add_option("HF_DIR", options->folder,
                  "folder with config.json, safetensors and the tokenizer's files")
      ->required()
      ->type_name("");
  app->add_option("OUT", options->out, "GGUF file to write")->required()->type_name("");
  app->add_option("--type", options->type,
                  "element type of the matrices: f32, f16, bf16 or q8_0; without it, as they are")
      ->type_name("TYPE");
  app->footer(
      "Reads Mamba, FalconMamba, Mamba-2, RWKV-7 and RecurrentGemma.\n\n"
      "Example:\n  eddy convert mamba-130m-hf mamba-130m.gguf --type q8_0");
  return {.app = app, .run = [options] { return run_convert(*options); }};
}

}  // namespace eddy
