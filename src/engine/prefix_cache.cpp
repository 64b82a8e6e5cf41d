#include "engine/prefix_cache.h"

#include <algorithm>
#include <new>
#include <utility>

#include "memory/state_codec.h"

namespace eddy {

PrefixCache::PrefixCache(RecurrentMemory& memory, const PinnedStates& pinned, const Limits& limits,
                         StateCodec codec)
    : memory_(memory), pinned_(pinned), limits_(limits), codec_(codec) {
  in_cells_.reserve(limits.n_cells);
}

PromptReport PrefixCache::restore(const Place& place, std::span<const Token> tokens, Pos n_have) {
  const PrefixMatch match = tree_.match(place.key, tokens);
  const auto n_tokens = static_cast<Pos>(tokens.size()) - 1;
  PromptReport report = {.n_tokens = n_tokens,
                         .n_own = n_have,
                         .n_known = std::clamp(match.n_known, n_have, n_tokens)};
  // A state is worth it where it could save as many tokens as states lie apart.
  if (n_tokens - n_have < kMinCaptureGap) return report;
  ++stats_.n_prompts;
  const Pos n_found = std::max(match.hit ? match.hit->n_tokens : 0, n_have);
  if (n_found > n_have) {
    const Tier tier = states_.at(match.hit->id).tier();
    if (give(match.hit->id, place.seq)) {
      report.n_restored = n_found;
      report.tier = tier == Tier::kCell ? PromptReport::Tier::kCell : PromptReport::Tier::kHost;
      static_cast<void>(tree_.use(match.hit->id));
      ++stats_.n_hits;
    } else {
      report.n_refused = n_found - n_have;
    }
  }
  const Pos n_from = std::max(report.n_restored, n_have);
  report.n_evicted = std::clamp<Pos>(match.n_given_up - n_found, 0, report.n_known - n_found);
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
  Stored stored;
  if (!take(place.seq, stored) || stored.n_bytes() > n_bytes_max()) return;
  const EntryId id(next_id_++);
  const auto replaced = tree_.insert(place.key, tokens,
                                     {.id = id,
                                      .tier = stored.tier(),
                                      .kind = kind,
                                      .n_turns = static_cast<std::uint32_t>(n_turns),
                                      .n_bytes = stored.n_bytes(),
                                      .ms_per_token = ms_per_token});
  if (!replaced) return;
  if (*replaced) drop(**replaced);
  const bool is_in_cell = stored.cell.has_value();
  try {
    states_.emplace(id, std::move(stored));
  } catch (const std::bad_alloc&) {
    static_cast<void>(tree_.erase(id));
    return;
  }
  if (is_in_cell) in_cells_.push_back(id);
  ++stats_.n_stored;
  shrink();
}

// Keeps the sequence's state, in a cell if there may be one.
bool PrefixCache::take(SeqId seq, Stored& stored) {
  if (in_cells_.size() == limits_.n_cells) free_a_cell();
  if (in_cells_.size() < limits_.n_cells) {
    auto pinned = memory_.checkpoint(seq, static_cast<double>(++n_cell_uses_));
    if (!pinned) return false;
    stored.cell.emplace(std::move(*pinned));
    stored.n_cell_bytes = memory_.n_state_bytes(seq);
    return true;
  }
  auto state = pack(memory_.state_write(seq, {.checksums = checksums()}));
  if (!state) return false;
  stored.state = std::move(*state);
  return true;
}

// The bytes as they are kept.
Result<std::vector<std::byte>> PrefixCache::pack(Result<std::vector<std::byte>> state) const {
  if (state && codec_ != StateCodec::kNone) {
    state = encode_state(codec_, std::move(*state));
  }
  if (state) state->shrink_to_fit();
  return state;
}

// Puts a stored state into the sequence.
bool PrefixCache::give(EntryId id, SeqId seq) {
  const auto read = [this](std::span<const std::byte> state, SeqId into) {
    return memory_.state_read(state, into, Checksums::kIgnore).ok();
  };
  const auto found = states_.find(id);
  if (found == states_.end()) return false;
  Stored& stored = found->second;
  if (!stored.cell) {
    if (codec_ == StateCodec::kNone) return read(stored.state, seq);
    const auto state = decode_state(stored.state);
    return state && read(*state, seq);
  }
  if (!memory_.start(seq, *stored.cell)) {
    erase(id);  // it was evicted, and could not be written
    return false;
  }
  static_cast<void>(memory_.set_worth(*stored.cell, static_cast<double>(++n_cell_uses_)));
  std::erase(in_cells_, id);
  in_cells_.push_back(id);
  return true;
}

void PrefixCache::free_a_cell() {
  if (in_cells_.empty()) return;
  const EntryId id = in_cells_.front();
  move_to_host(id, memory_.state_write(*states_.at(id).cell, {.checksums = checksums()}));
}

void PrefixCache::note_evicted(const EvictedCheckpoint& evicted) {
  const auto id = std::ranges::find_if(
      in_cells_, [&](EntryId in) { return states_.at(in).cell->cell() == evicted.cell; });
  if (id == in_cells_.end()) return;
  try {
    move_to_host(*id, std::vector(evicted.state.begin(), evicted.state.end()));
  } catch (const std::bad_alloc&) {
    erase(*id);
  }
}

// A state that could not be written is lost.
void PrefixCache::move_to_host(EntryId id, Result<std::vector<std::byte>> state) {
  state = pack(std::move(state));
  if (!state) return erase(id);
  Stored& stored = states_.at(id);
  stored.cell.reset();
  stored.n_cell_bytes = 0;
  stored.state = std::move(*state);
  std::erase(in_cells_, id);
  static_cast<void>(tree_.set_tier(id, Tier::kHost, stored.n_bytes()));
}

// The state that has seen all of these tokens but the last.
std::optional<EntryId> PrefixCache::before_last(const PrefixKey& key,
                                                std::span<const Token> tokens) const {
  const std::size_t n = tokens.size() - 1;
  if (n < static_cast<std::size_t>(kMinCaptureGap)) return {};
  const auto states = tree_.states_on_path(key, tokens.first(n));
  if (states.empty() || states.back().n_tokens != static_cast<Pos>(n)) return {};
  return states.back().id;
}

void PrefixCache::store_logits(const PrefixKey& key, std::span<const Token> tokens,
                               std::span<const float> logits) {
  const auto id = before_last(key, tokens);
  if (!id) return;
  Stored& stored = states_.at(*id);
  if (stored.next == tokens.back() && !stored.logits.empty()) return;
  try {
    stored.logits.assign(logits.begin(), logits.end());
  } catch (const std::bad_alloc&) {
    return;
  }
  stored.next = tokens.back();
  static_cast<void>(tree_.set_tier(*id, stored.tier(), stored.n_bytes()));
  shrink();
}

std::span<const float> PrefixCache::logits_after(const PrefixKey& key,
                                                 std::span<const Token> tokens) const {
  const auto id = before_last(key, tokens);
  if (!id) return {};
  const Stored& stored = states_.at(*id);
  return stored.next == tokens.back() ? std::span<const float>(stored.logits)
                                      : std::span<const float>();
}

void PrefixCache::finish(const PrefixKey& key, std::span<const Token> tokens, bool is_whole) {
  const std::vector<EntryId> drops = std::exchange(drops_, {});
  for (std::size_t i = 0; is_whole && i < drops.size(); ++i) erase(drops[i]);
  note(key, tokens);
}

void PrefixCache::note(const PrefixKey& key, std::span<const Token> tokens) {
  if (tokens.empty()) return;
  static_cast<void>(tree_.note_path(key, tokens));
  shrink();
}

void PrefixCache::erase(EntryId id) {
  if (!tree_.contains(id)) return;
  static_cast<void>(tree_.erase(id));
  drop(id);
}

void PrefixCache::drop(EntryId id) {
  std::erase(in_cells_, id);
  states_.erase(id);
}

std::uint64_t PrefixCache::n_bytes_max() const {
  return limits_.n_bytes - std::min(limits_.n_bytes, pinned_.n_bytes());
}

void PrefixCache::shrink() {
  if (tree_.n_bytes() <= n_bytes_max()) return;
  const auto evicted = tree_.evict({.n_bytes = tree_.n_bytes() - n_bytes_max()});
  if (!evicted) return;
  for (const EvictedState& state : *evicted) drop(state.id);
  stats_.n_evicted += evicted->size();
}

CacheStats PrefixCache::stats() const {
  CacheStats stats = stats_;
  stats.n_states = tree_.n_entries();
  stats.n_in_cells = in_cells_.size();
  stats.n_bytes = tree_.n_bytes();
  stats.n_bytes_max = n_bytes_max();
  const auto counts = tree_.n_entries_by_kind();
  const auto n = [&](CaptureKind kind) { return counts[static_cast<std::size_t>(kind)]; };
  stats.kinds = {.n_prompts = n(CaptureKind::kPrompt),
                 .n_answers = n(CaptureKind::kAnswer),
                 .n_turns = n(CaptureKind::kTurn),
                 .n_partings = n(CaptureKind::kFork),
                 .n_rungs = n(CaptureKind::kStem) + n(CaptureKind::kLadder)};
  return stats;
}

}  // namespace eddy
