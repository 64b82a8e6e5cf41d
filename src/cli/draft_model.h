// --draft: a small model guesses what a large one will say.
#pragma once

#include <optional>
#include <string>

#include "cli/model_options.h"
#include "eddy/engine.h"

namespace CLI {
class App;
}  // namespace CLI

namespace eddy {

// `path` outlives the program's options; empty: no such model.
void add_draft_option(CLI::App& command, std::string& path);

// How many tokens it guesses at once where --speculate does not say.
void set_draft_length(const std::string& path, SpeculationParams& guesses);

// Its engine, with room for as many sessions as the large model's options say. kMismatch: a
// vocabulary of another size than the large one's.
Result<std::optional<Engine>> open_draft(const std::string& path, const ModelOptions& options,
                                         const Engine& large);

}  // namespace eddy
