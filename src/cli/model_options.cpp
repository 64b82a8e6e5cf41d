#include "cli/model_options.h"

#include <CLI/CLI.hpp>
#include <limits>
#include <map>

#include "base/try.h"
#include "cli/choice.h"
#include "cli/console.h"

namespace eddy {
namespace {

void add_element_types(CLI::App& command, EngineOptions& engine) {
  const std::map<std::string, StateType> states = {
      {"f32", StateType::kF32}, {"f16", StateType::kF16}, {"bf16", StateType::kBF16}};
  const std::map<std::string, KvType> kvs = {{"f32", KvType::kF32},
                                             {"f16", KvType::kF16},
                                             {"bf16", KvType::kBF16},
                                             {"q8_0", KvType::kQ8_0}};
  add_choice(command, "--type-r", engine.type_r, states, "element type of the recurrent state");
  add_choice(command, "--type-s", engine.type_s, states,
             "element type of the short-convolution state");
  const std::map<std::string, StateRounding> roundings = {{"nearest", StateRounding::kNearest},
                                                          {"chance", StateRounding::kByChance}};
  add_choice(command, "--rounding-r", engine.rounding_r, roundings,
             "how a recurrent state that is not f32 is rounded at each token; bf16 wants chance");
  add_choice(command, "--type-kv", engine.type_kv, kvs,
             "element type of attention's keys and values");
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
  add_element_types(command, engine);
  command
      .add_option("--kv-size", engine.kv_size,
                  "positions that attention layers keep, of all sessions together")
      ->type_name("N")
      ->check(CLI::Range(1, std::numeric_limits<std::int32_t>::max()));
  command.add_option("--batch", engine.n_batch, "tokens looked at in one step")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
  command.add_option("--ubatch", engine.n_ubatch, "tokens computed at once")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
}

CLI::Option* add_init_state_option(CLI::App& command, ModelOptions& options) {
  return command
      .add_option("--init-state", options.init_state,
                  "safetensors or GGUF file with a tuned state of an RWKV, which the text begins "
                  "from in place of zeros")
      ->type_name("FILE");
}

void add_memory_options(CLI::App& command, EngineOptions& engine) {
  command
      .add_option("--rewind", engine.n_rewind,
                  "tokens that can be taken back without reading anything again, a multiple of 32")
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 20));
  command
      .add_option_function<std::uint64_t>(
          "--prefix-cache", [&engine](std::uint64_t n) { engine.prefix_cache_bytes = n << 20; },
          "MiB of states that are kept to restore prompts from; 0: none")
      ->type_name("MIB")
      ->check(CLI::Range(0, 1 << 20));
  command
      .add_option("--prefix-cache-cells", engine.prefix_cache_cells,
                  "cells where the newest of these states stay, to be shared; the others are bytes")
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 16));
  const std::map<std::string, StateCodec> codecs = {{"none", StateCodec::kNone},
                                                    {"zstd", StateCodec::kZstd},
                                                    {"int16", StateCodec::kInt16},
                                                    {"int8", StateCodec::kInt8}};
  add_choice(command, "--prefix-cache-codec", engine.prefix_cache_codec, codecs,
             "how these states are packed; with int16 and int8 they are rounded");
  command
      .add_option("--park-folder", engine.park_folder,
                  "folder for the states of conversations that wait; default: host memory")
      ->type_name("DIR");
  command
      .add_option_function<std::uint64_t>(
          "--park-limit", [&engine](std::uint64_t n) { engine.park_bytes_max = n << 20; },
          "MiB of these states; beyond, who has waited for longest is read again")
      ->type_name("MIB")
      ->check(CLI::Range(0, 1 << 20));
}

Result<Engine> open_engine(const ModelOptions& options) {
  ProgressBar bar("loading");
  EngineOptions engine = options.engine;
  engine.n_batch = std::max(engine.n_batch, engine.n_ubatch);
  engine.on_load = [&bar](double fraction) { bar.update(fraction); };
  return Engine::open(options.path, engine);
}

Result<SessionOptions> session_options(const Engine& engine, const ModelOptions& options) {
  SessionOptions session;
  if (options.init_state.empty()) return session;
  EDDY_TRY_ASSIGN(session.init_state, engine.read_init_state(options.init_state));
  return session;
}

}  // namespace eddy
