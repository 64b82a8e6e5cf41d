#include "memory/prefix_tree.h"

#include <algorithm>
#include <cmath>
#include <new>

#include "base/error.h"
#include "base/guarded.h"
#include "base/try.h"

namespace eddy {
namespace {

Error unknown(EntryId id) { return fail(ErrorCode::kNotFound, "no stored state {}", id.value); }

}  // namespace

PrefixMatch PrefixTree::match(const PrefixKey& key, std::span<const Token> tokens) const {
  PrefixMatch match;
  Pos n_given_up = 0;
  const auto n_tokens = static_cast<Pos>(tokens.size());
  match.n_known = walk(key, tokens, [&](const PrefixNode& node, std::size_t n) {
    const Pos n_here = node.begin() + static_cast<Pos>(n);
    if (node.n_given_up <= n_here) n_given_up = std::max(n_given_up, node.n_given_up);
    if (!node.entry || n < node.edge.size()) return;
    if (node.end == n_tokens && !node.entry->has_logits) return;
    match.hit = PrefixHit{node.entry->id, node.end, node.entry->tier};
  });
  if (n_given_up > (match.hit ? match.hit->n_tokens : 0)) match.n_given_up = n_given_up;
  return match;
}

RetentionFacts PrefixTree::facts_of(const PrefixNode& node, Pos n_before) const {
  const PrefixEntry& entry = *node.entry;
  return {.rebuild_ms = entry.ms_per_token * static_cast<double>(node.end - n_before),
          .n_bytes = entry.n_bytes,
          .age = clock_ - node.last_used,
          .reuse_share = reuse_.share(entry.kind, node.n_uses),
          .is_pinned = node.is_pinned};
}

std::vector<KeptState> PrefixTree::states_on_path(const PrefixKey& key,
                                                  std::span<const Token> tokens) const {
  std::vector<KeptState> states;
  walk(key, tokens, [&](const PrefixNode& node, std::size_t n) {
    if (!node.entry || n < node.edge.size()) return;
    states.push_back({.id = node.entry->id,
                      .n_tokens = node.end,
                      .kind = node.entry->kind,
                      .has_logits = node.entry->has_logits,
                      .is_pinned = node.is_pinned,
                      .is_used = node.n_uses > 0,
                      .worth_per_token = worth(facts_of(node, node.end - 1))});
  });
  return states;
}

std::uint64_t PrefixTree::n_own_bytes() const {
  constexpr std::size_t kPlace = sizeof(void*) + sizeof(std::pair<const EntryId, PrefixNode*>);
  const std::size_t n_buckets = entries_.bucket_count();
  return nodes_.n_bytes() + entries_.size() * allocated_bytes(kPlace) +
         (n_buckets > 1 ? allocated_bytes(n_buckets * sizeof(void*)) : 0);
}

std::uint64_t PrefixTree::n_bytes() const {
  std::uint64_t n = n_own_bytes();
  for (const std::uint64_t n_tier : n_tier_bytes_) n += n_tier;
  return n;
}

std::array<std::uint64_t, kNCaptureKinds> PrefixTree::n_entries_by_kind() const {
  std::array<std::uint64_t, kNCaptureKinds> counts{};
  for (const auto& [id, node] : entries_) ++counts[static_cast<std::size_t>(node->entry->kind)];
  return counts;
}

PrefixNode* PrefixTree::find(EntryId id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second;
}

// --- A request ----------------------------------------------------------------------------------

Status PrefixTree::use(EntryId id) {
  PrefixNode* const node = find(id);
  if (!node) return unknown(id);
  reuse_.add(node->entry->kind, ++node->n_uses);
  node->last_used = clock_;
  return {};
}

// The node where the tokens end, made if need be; without ends_there the one on whose edge they do.
// When an allocation fails (std::bad_alloc) nothing has changed.
PrefixNode& PrefixTree::reach(const PrefixKey& key, std::span<const Token> tokens,
                              bool ends_there) {
  PrefixNode* at = &nodes_.make_root(key);
  PrefixNode* cut = nullptr;
  try {
    for (at->last_seen = clock_; !tokens.empty();) {
      PrefixNode* const next = nodes_.child(*at, tokens.front());
      if (!next) break;
      const std::size_t n = n_common(next->edge, tokens);
      tokens = tokens.subspan(n);
      next->last_seen = clock_;
      at = next;
      if (n == next->edge.size()) continue;
      if (!tokens.empty() || ends_there) {
        at = cut = &nodes_.split(*next, n);
        nodes_.merge(*next);
      }
      break;
    }
    PrefixNode& end = tokens.empty() ? *at : nodes_.append(*at, tokens);
    if (&end != at) nodes_.merge(*at);
    if (cut) nodes_.merge(*cut->parent);
    return end;
  } catch (const std::bad_alloc&) {
    if (cut) {
      nodes_.merge(*cut);
    } else if (!at->parent && !at->first_child) {
      nodes_.remove(*at);
    }
    throw;
  }
}

Status PrefixTree::check_new(std::span<const Token> tokens, const PrefixEntry& entry) const {
  if (tokens.empty()) return fail(ErrorCode::kInvalidArgument, "a state of no tokens");
  if (!std::isfinite(entry.ms_per_token) || entry.ms_per_token < 0) {
    return fail(ErrorCode::kInvalidArgument, "{} ms per token, expected a time",
                entry.ms_per_token);
  }
  if (contains(entry.id)) {
    return fail(ErrorCode::kInvalidArgument, "there is a stored state {} already", entry.id.value);
  }
  return {};
}

Result<std::optional<EntryId>> PrefixTree::insert(const PrefixKey& key,
                                                  std::span<const Token> tokens,
                                                  const PrefixEntry& entry) {
  EDDY_TRY(check_new(tokens, entry));
  return guarded([&]() -> Result<std::optional<EntryId>> {
    const auto place = entries_.emplace(entry.id, nullptr).first;
    try {
      place->second = &reach(key, tokens, true);
    } catch (const std::bad_alloc&) {
      entries_.erase(place);
      throw;
    }
    return put(*place->second, entry);
  });
}

std::optional<EntryId> PrefixTree::put(PrefixNode& node, const PrefixEntry& entry) {
  std::optional<EntryId> replaced;
  if (node.entry) {
    replaced = node.entry->id;
    tier_bytes(node.entry->tier) -= node.entry->n_bytes;
    entries_.erase(*replaced);
  } else {
    node.n_uses = 0;
    node.is_pinned = false;
    reuse_.add(entry.kind, 0);
  }
  node.entry = entry;
  node.last_used = clock_;
  tier_bytes(entry.tier) += entry.n_bytes;
  return replaced;
}

Status PrefixTree::note_path(const PrefixKey& key, std::span<const Token> tokens) {
  if (tokens.empty()) return {};
  return guarded([&]() -> Status {
    reach(key, tokens, false);
    return {};
  });
}

// --- Owning -------------------------------------------------------------------------------------

void PrefixTree::drop(PrefixNode& node, bool is_evicted) {
  tier_bytes(node.entry->tier) -= node.entry->n_bytes;
  entries_.erase(node.entry->id);
  node.entry.reset();
  if (is_evicted) node.n_given_up = node.end;
  nodes_.merge(node);
}

Status PrefixTree::erase(EntryId id) {
  PrefixNode* const node = find(id);
  if (!node) return unknown(id);
  drop(*node, false);
  return {};
}

Status PrefixTree::set_tier(EntryId id, Tier tier, std::uint64_t n_bytes) {
  PrefixNode* const node = find(id);
  if (!node) return unknown(id);
  tier_bytes(node->entry->tier) -= node->entry->n_bytes;
  node->entry->tier = tier;
  node->entry->n_bytes = n_bytes;
  tier_bytes(tier) += n_bytes;
  return {};
}

Status PrefixTree::set_pinned(EntryId id, bool is_pinned) {
  PrefixNode* const node = find(id);
  if (!node) return unknown(id);
  node->is_pinned = is_pinned;
  return {};
}

Result<std::vector<EvictedState>> PrefixTree::forget(const PrefixKey& key) {
  return guarded([&]() -> Result<std::vector<EvictedState>> {
    std::vector<EvictedState> gone;
    gone.reserve(entries_.size());
    PrefixNode* at = nodes_.root(key);
    while (at) {
      while (at->first_child) at = at->first_child;
      if (at->entry) {
        const PrefixEntry& entry = *at->entry;
        gone.push_back({entry.id, entry.tier, entry.n_bytes});
        tier_bytes(entry.tier) -= entry.n_bytes;
        entries_.erase(entry.id);
      }
      PrefixNode* const parent = at->parent;
      nodes_.remove(*at);
      at = parent;
    }
    return gone;
  });
}

}  // namespace eddy
