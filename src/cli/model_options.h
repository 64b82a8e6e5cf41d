// The options that every subcommand with an open model shares.
#pragma once

#include <string>

#include "eddy/engine.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace eddy {

struct ModelOptions {
  std::string path;
  EngineOptions engine;
  std::string init_state = {};  // a file; empty: zeros
};

// Adds MODEL, --isa, --type-r, --type-s, --rounding-r, --batch and --ubatch. `options` outlives the
// command.
void add_model_options(CLI::App& command, ModelOptions& options);

// Adds --rewind, --prefix-cache, --prefix-cache-cells, --prefix-cache-codec, --park-folder and
// --park-limit: what is kept beside the states at work.
void add_memory_options(CLI::App& command, EngineOptions& engine);

// Adds --init-state; the option.
CLI::Option* add_init_state_option(CLI::App& command, ModelOptions& options);

// Adds --threads.
void add_threads_option(CLI::App& command, EngineOptions& engine);

// Opens the engine, with a progress bar.
Result<Engine> open_engine(const ModelOptions& options);

// What sessions begin from, by --init-state. The errors of Engine::read_init_state.
Result<SessionOptions> session_options(const Engine& engine, const ModelOptions& options);

}  // namespace eddy
