// /map of a conversation: which branches have which cell, which wait outside, and what else is
// kept.
#pragma once

#include <span>
#include <string>

#include "eddy/engine.h"

namespace eddy {

struct BranchPlace {
  std::string name;
  StatePlace place = {};
};

// A table of the branches' states, each with all branches that share it, and lines for the rest.
std::string show_memory_map(const Engine& engine, std::span<const BranchPlace> branches);

}  // namespace eddy
