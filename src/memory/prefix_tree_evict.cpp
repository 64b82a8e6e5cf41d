// PrefixTree: who goes when bytes are short.
#include <algorithm>
#include <limits>
#include <new>
#include <queue>
#include <unordered_map>
#include <utility>

#include "base/guarded.h"
#include "memory/prefix_tree.h"

namespace eddy {
namespace {

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

// Paths without states are knowledge of where requests part; they may take this share of all bytes.
constexpr std::uint64_t kPathShare = 16;

}  // namespace

// All states as the policy sees them, each with the nearest one before it. States that cannot go
// stand there as pinned: others are measured from them.
struct PrefixTree::Candidates {
  std::vector<const PrefixNode*> nodes;  // by id
  std::vector<RetentionFacts> facts;
  std::vector<std::size_t> before;  // kNone: none

  Pos end(std::size_t i) const { return i == kNone ? 0 : nodes[i]->end; }

  // Takes a state out: those behind it are measured from the one before it.
  void remove(std::size_t victim) {
    facts[victim].is_pinned = true;
    const std::size_t heir = std::exchange(before[victim], kNone);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (before[i] != victim) continue;
      before[i] = heir;
      facts[i].rebuild_ms =
          nodes[i]->entry->ms_per_token * static_cast<double>(nodes[i]->end - end(heir));
      if (heir != kNone) ++facts[heir].n_below;
    }
    if (heir != kNone) --facts[heir].n_below;
  }
};

PrefixTree::Candidates PrefixTree::candidates(std::optional<Tier> tier) const {
  Candidates all;
  for (const auto& [id, node] : entries_) all.nodes.push_back(node);
  std::sort(all.nodes.begin(), all.nodes.end(),
            [](const PrefixNode* a, const PrefixNode* b) { return a->entry->id < b->entry->id; });
  std::unordered_map<const PrefixNode*, std::size_t> index;
  for (std::size_t i = 0; i < all.nodes.size(); ++i) index.emplace(all.nodes[i], i);
  all.facts.reserve(all.nodes.size());
  for (const PrefixNode* const node : all.nodes) {
    const PrefixNode* above = node->parent;
    while (above->parent && !above->entry) above = above->parent;
    all.before.push_back(above->entry ? index.at(above) : kNone);
    all.facts.push_back(facts_of(*node, all.end(all.before.back())));
    all.facts.back().is_pinned |= tier && node->entry->tier != *tier;
  }
  for (const std::size_t i : all.before) {
    if (i != kNone) ++all.facts[i].n_below;
  }
  return all;
}

std::vector<EvictedState> PrefixTree::choose(const EvictRequest& request) const {
  std::vector<EvictedState> chosen;
  if (request.n_bytes == 0) return chosen;
  Candidates all = candidates(request.tier);
  for (std::uint64_t n_freed = 0; n_freed < request.n_bytes;) {
    const std::optional<std::size_t> victim = pick_victim(all.facts, policy_);
    if (!victim) break;
    const PrefixEntry& entry = *all.nodes[*victim]->entry;
    chosen.push_back({entry.id, entry.tier, entry.n_bytes});
    n_freed += entry.n_bytes;
    all.remove(*victim);
  }
  return chosen;
}

Result<std::vector<EvictedState>> PrefixTree::victims(const EvictRequest& request) const {
  return guarded([&]() -> Result<std::vector<EvictedState>> { return choose(request); });
}

Result<std::vector<EvictedState>> PrefixTree::evict(const EvictRequest& request) {
  return guarded([&]() -> Result<std::vector<EvictedState>> {
    const std::uint64_t n_before = n_bytes();
    const auto n_missing = [&] {
      return request.n_bytes - std::min(request.n_bytes, n_before - n_bytes());
    };
    if (!request.tier && n_own_bytes() > n_before / kPathShare)
      trim_paths(n_before / kPathShare / 2);
    std::vector<EvictedState> gone = choose({n_missing(), request.tier});
    for (const EvictedState& state : gone) drop(*find(state.id), true);
    if (!request.tier && n_missing() > 0) {
      trim_paths(n_own_bytes() - std::min(n_own_bytes(), n_missing()));
    }
    return gone;
  });
}

// Forgets ends of paths without states, the one unseen for longest first, until the tree itself
// owns no more than this, or none is left. Stops early where memory ends.
void PrefixTree::trim_paths(std::uint64_t n_bytes_kept) {
  const auto is_later = [](const PrefixNode* a, const PrefixNode* b) {
    return std::pair(a->last_seen, a->number) > std::pair(b->last_seen, b->number);
  };
  const auto is_bare_end = [](const PrefixNode& node) { return !node.first_child && !node.entry; };
  try {
    std::priority_queue<PrefixNode*, std::vector<PrefixNode*>, decltype(is_later)> ends(is_later);
    nodes_.for_each([&](PrefixNode& node) {
      if (is_bare_end(node)) ends.push(&node);
    });
    while (n_own_bytes() > n_bytes_kept && !ends.empty()) {
      PrefixNode* const parent = ends.top()->parent;
      nodes_.remove(*ends.top());
      ends.pop();
      if (!is_bare_end(*parent)) {
        nodes_.merge(*parent);
      } else if (parent->parent) {
        ends.push(parent);
      } else {
        nodes_.remove(*parent);  // a root with nothing below it
      }
    }
  } catch (const std::bad_alloc&) {
  }
}

}  // namespace eddy
