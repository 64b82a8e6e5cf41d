// The options that every subcommand with an open model shares.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "eddy/engine.h"

namespace eddy {

struct ModelOptions {
  std::string path;
  EngineOptions engine;
};

// Adds MODEL, --isa, --type-r, --type-s, --batch and --ubatch. `options` outlives the command.
void add_model_options(CLI::App& command, ModelOptions& options);

// Adds --rewind and --prefix-cache: what is kept beside the states at work.
void add_memory_options(CLI::App& command, EngineOptions& engine);

// Adds --threads.
void add_threads_option(CLI::App& command, EngineOptions& engine);

// Opens the engine, with a progress bar.
Result<Engine> open_engine(const ModelOptions& options);

}  // namespace eddy
