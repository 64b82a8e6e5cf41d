#include "engine/prefix_cache.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/try.h"
#include "memory/state_codec.h"

namespace eddy {

PromptReport PrefixCache::restore(const Place& place, std::span<const Token> tokens, Pos n_have) {
  const PrefixMatch match = tree_.match(place.key, tokens);
  const auto n_tokens = static_cast<Pos>(tokens.size()) - 1;
  PromptReport report = {.n_tokens = n_tokens,
                         .n_own = n_have,
                         .n_known = std::clamp(match.n_known, n_have, n_tokens)};
  ++stats_.n_prompts;
  if (match.hit && match.hit->n_tokens > n_have) {
    const auto state = states_.find(match.hit->id);
    if (state != states_.end() && read(state->second, place.seq)) {
      report.n_restored = match.hit->n_tokens;
      static_cast<void>(tree_.use(match.hit->id));
      ++stats_.n_hits;
    } else {
      report.n_refused = match.hit->n_tokens;  // no cell was free for it
    }
  }
  const Pos n_from = std::max(report.n_restored, n_have);
  report.n_evicted = std::clamp<Pos>(match.n_given_up - n_from, 0, report.n_known - n_from);
  stats_.n_tokens += report.n_tokens - n_have;
  stats_.n_restored += n_from - n_have;
  stats_.n_known += report.n_known - n_have;
  return report;
}

std::vector<Capture> PrefixCache::plan(const PlanRequest& request) {
  auto plan = tree_.plan(request);
  if (!plan) return {};
  drops_ = std::move(plan->drops);
  return std::move(plan->captures);
}

void PrefixCache::store(const Place& place, std::span<const Token> tokens, CaptureKind kind,
                        std::size_t n_turns, double ms_per_token) {
  auto bytes = memory_.state_write(place.seq);
  if (bytes) bytes = encode_state(codec_, std::move(*bytes));
  if (!bytes || bytes->size() > n_bytes_max_) return;
  bytes->shrink_to_fit();
  const EntryId id(next_id_++);
  const auto replaced = tree_.insert(place.key, tokens,
                                     {.id = id,
                                      .tier = Tier::kHost,
                                      .kind = kind,
                                      .n_turns = static_cast<std::uint32_t>(n_turns),
                                      .n_bytes = bytes->capacity(),
                                      .ms_per_token = ms_per_token});
  if (!replaced) return;
  if (*replaced) states_.erase(**replaced);
  try {
    states_.emplace(id, std::move(*bytes));
  } catch (const std::bad_alloc&) {
    static_cast<void>(tree_.erase(id));
    return;
  }
  ++stats_.n_stored;
  shrink();
}

void PrefixCache::finish(const PrefixKey& key, std::span<const Token> tokens, bool is_whole) {
  const std::vector<EntryId> drops = std::exchange(drops_, {});
  for (std::size_t i = 0; is_whole && i < drops.size(); ++i) erase(drops[i]);
  static_cast<void>(tree_.note_path(key, tokens));
  shrink();
}

Status PrefixCache::read(std::span<const std::byte> stored, SeqId seq) {
  if (codec_ == StateCodec::kNone) return memory_.state_read(stored, seq, Checksums::kIgnore);
  EDDY_TRY_ASSIGN(const auto state, decode_state(stored));
  return memory_.state_read(state, seq, Checksums::kIgnore);
}

void PrefixCache::erase(EntryId id) {
  if (!tree_.contains(id)) return;
  static_cast<void>(tree_.erase(id));
  states_.erase(id);
}

void PrefixCache::shrink() {
  if (tree_.n_bytes() <= n_bytes_max_) return;
  const auto evicted = tree_.evict({.n_bytes = tree_.n_bytes() - n_bytes_max_});
  if (!evicted) return;
  for (const EvictedState& state : *evicted) states_.erase(state.id);
  stats_.n_evicted += evicted->size();
}

CacheStats PrefixCache::stats() const {
  CacheStats stats = stats_;
  stats.n_states = tree_.n_entries();
  stats.n_bytes = tree_.n_bytes();
  stats.n_bytes_max = n_bytes_max_;
  return stats;
}

}  // namespace eddy
