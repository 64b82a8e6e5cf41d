#include "cli/model_options.h"

#include <map>

#include "cli/console.h"

namespace eddy {
namespace {

void add_state_type(CLI::App& command, const std::string& flag, StateType& type,
                    const std::string& help) {
  static const std::map<std::string, StateType> kTypes = {
      {"f32", StateType::kF32}, {"f16", StateType::kF16}, {"bf16", StateType::kBF16}};
  const auto parse = [&type](const std::string& text) {
    const auto found = kTypes.find(CLI::detail::to_lower(text));
    if (found == kTypes.end()) throw CLI::ValidationError(text + ", expected f32, f16 or bf16");
    type = found->second;
  };
  command.add_option_function<std::string>(flag, parse, help)->type_name("f32|f16|bf16");
}

}  // namespace

void add_threads_option(CLI::App& command, EngineOptions& engine) {
  command.add_option("-t,--threads", engine.n_threads, "threads; 0: one for each physical core")
      ->type_name("N")
      ->check(CLI::Range(0, 256));
}

void add_model_options(CLI::App& command, ModelOptions& options) {
  EngineOptions& engine = options.engine;
  command.add_option("MODEL", options.path, "GGUF file; of a split model its first part")
      ->required()
      ->type_name("");
  command.add_option("--isa", engine.isa, "instruction set; default: the best the machine has")
      ->type_name("NAME");
  add_state_type(command, "--type-r", engine.type_r, "element type of the recurrent state");
  add_state_type(command, "--type-s", engine.type_s, "element type of the short-convolution state");
  command.add_option("--batch", engine.n_batch, "tokens looked at in one step")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
  command.add_option("--ubatch", engine.n_ubatch, "tokens computed at once")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
}

Result<Engine> open_engine(const ModelOptions& options) {
  ProgressBar bar("loading");
  EngineOptions engine = options.engine;
  engine.n_batch = std::max(engine.n_batch, engine.n_ubatch);
  engine.on_load = [&bar](double fraction) { bar.update(fraction); };
  return Engine::open(options.path, engine);
}

}  // namespace eddy
