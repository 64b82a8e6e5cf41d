#include "cli/memory_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

namespace eddy {
namespace {

double mib(std::uint64_t n_bytes) { return static_cast<double>(n_bytes) / (1 << 20); }

// Branches that share a cell are one line; those outside of cells have one each.
struct Line {
  StatePlace place;
  std::string names;
};

std::vector<Line> lines_of(std::span<const BranchPlace> branches) {
  std::vector<Line> lines;
  for (const auto& [name, place] : branches) {
    const auto shares = [&place = place](const Line& line) {
      return place.kind == StatePlace::Kind::kCell && line.place.cell == place.cell;
    };
    const auto found = std::ranges::find_if(lines, shares);
    if (found == lines.end()) {
      lines.push_back({place, name});
    } else {
      found->names += ", " + name;
    }
  }
  const auto key = [](const Line& line) {
    return std::tuple(line.place.kind != StatePlace::Kind::kCell, line.place.cell);
  };
  std::ranges::stable_sort(lines, {}, key);
  return lines;
}

std::string show_line(const Line& line) {
  const StatePlace& place = line.place;
  switch (place.kind) {
    case StatePlace::Kind::kNone:
      return fmt::format("{:>6}  {:>8}  {:>8}  {:>7}  {:>6}  {}\n", "none", "-", "-", "-", "-",
                         line.names);
    case StatePlace::Kind::kParked:
      return fmt::format("{:>6}  {:>8}  {:>8.2f}  {:>7}  {:>6}  {}\n", "parked", place.n_tokens,
                         mib(place.n_bytes), "-", "-", line.names);
    case StatePlace::Kind::kCell: break;
  }
  return fmt::format("{:>6}  {:>8}  {:>8.2f}  {:>7}  {:>6}  {}\n", place.cell, place.n_tokens,
                     mib(place.n_bytes), place.n_anchors, place.n_rewind, line.names);
}

std::string show_cells(const Engine& engine) {
  const EngineInfo& info = engine.info();
  const MemoryMap map = engine.memory_map();
  std::string out = fmt::format(
      "cells: {} of {:.2f} MiB each: {} held, {} stored, {} with earlier states, {} free\n",
      map.n_cells, mib(info.n_r_bytes + info.n_s_bytes), map.n_held, map.n_stored, map.n_earlier,
      map.n_cells - map.n_held - map.n_stored - map.n_earlier);
  out += fmt::format("parked: {} sessions, {:.2f} MiB\n", map.n_parked, mib(map.n_parked_bytes));
  if (info.n_log_bytes > 0) {
    out += fmt::format("update log: {} bytes for each token\n", info.n_log_bytes);
  }
  return out;
}

std::string show_cache(const CacheStats& cache) {
  std::string out = fmt::format("prefix cache: {} states, {:.1f} of {:.1f} MiB", cache.n_states,
                                mib(cache.n_bytes), mib(cache.n_bytes_max));
  const std::pair<const char*, std::uint64_t> kinds[] = {{"ends of prompts", cache.kinds.n_prompts},
                                                         {"ends of answers", cache.kinds.n_answers},
                                                         {"starts of turns", cache.kinds.n_turns},
                                                         {"partings", cache.kinds.n_partings},
                                                         {"on the way", cache.kinds.n_rungs}};
  const char* before = ": ";
  for (const auto& [name, n] : kinds) {
    if (n == 0) continue;
    out += fmt::format("{}{} {}", before, n, name);
    before = ", ";
  }
  return out + fmt::format(
                   "\n  {} of {} prompts found one; {} of {} known tokens were restored; {} states "
                   "stored, {} evicted\n",
                   cache.n_hits, cache.n_prompts, cache.n_restored, cache.n_known, cache.n_stored,
                   cache.n_evicted);
}

}  // namespace

std::string show_memory_map(const Engine& engine, std::span<const BranchPlace> branches) {
  std::string out = fmt::format("{:>6}  {:>8}  {:>8}  {:>7}  {:>6}  {}\n", "cell", "position",
                                "MiB", "anchors", "rewind", "branches");
  for (const Line& line : lines_of(branches)) out += show_line(line);
  return out + show_cells(engine) + show_cache(engine.cache_stats());
}

}  // namespace eddy
