#include "prefix_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "memory/prefix_tree.h"

namespace eddy::test {
namespace {

using Tokens = std::vector<Token>;

// What the model knows of a stored state: the tokens themselves.
struct State {
  int key = 0;
  Tokens tokens;
  PrefixEntry entry;
  bool is_pinned = false;
  std::uint32_t n_uses = 0;
  std::uint64_t last_used = 0;
};

std::size_t n_common(const Tokens& a, const Tokens& b) {
  std::size_t n = 0;
  while (n < a.size() && n < b.size() && a[n] == b[n]) ++n;
  return n;
}

bool is_prefix(const Tokens& a, const Tokens& b) { return n_common(a, b) == a.size(); }

struct Model {
  std::map<EntryId, State> states;
  std::set<std::pair<int, Tokens>> seen;
  ReuseCounts reuse;
  std::uint64_t clock = 0;

  std::size_t n_known(int key, const Tokens& tokens) const {
    std::size_t most = 0;
    for (const auto& [k, path] : seen) {
      if (k == key) most = std::max(most, n_common(path, tokens));
    }
    return most;
  }

  // States along the tokens, by length.
  std::map<std::size_t, EntryId> along(int key, const Tokens& tokens) const {
    std::map<std::size_t, EntryId> found;
    for (const auto& [id, state] : states) {
      if (state.key == key && is_prefix(state.tokens, tokens)) found[state.tokens.size()] = id;
    }
    return found;
  }

  std::uint64_t n_bytes(std::optional<Tier> tier) const {
    std::uint64_t n = 0;
    for (const auto& [id, state] : states) {
      if (!tier || state.entry.tier == *tier) n += state.entry.n_bytes;
    }
    return n;
  }

  // The nearest state that is a true prefix; nullopt: none.
  std::optional<EntryId> before(const State& state) const {
    const auto all = along(state.key, state.tokens);
    auto at = all.find(state.tokens.size());
    if (at == all.begin()) return std::nullopt;
    return std::prev(at)->second;
  }

  RetentionFacts facts(const State& state, std::optional<Tier> tier) const {
    const auto ancestor = before(state);
    const std::size_t start = ancestor ? states.at(*ancestor).tokens.size() : 0;
    RetentionFacts made{
        .rebuild_ms = state.entry.ms_per_token * static_cast<double>(state.tokens.size() - start),
        .n_bytes = state.entry.n_bytes,
        .age = clock - state.last_used,
        .reuse_share = reuse.share(state.entry.kind, state.n_uses),
        .is_pinned = state.is_pinned || (tier && state.entry.tier != *tier)};
    for (const auto& [id, other] : states) {
      const auto its = before(other);
      if (its && &states.at(*its) == &state) ++made.n_below;
    }
    return made;
  }

  // What a plain loop evicts: one after the other, everything computed anew for each.
  std::vector<EntryId> evict(std::uint64_t n_bytes, std::optional<Tier> tier,
                             const RetentionPolicy& policy) {
    std::vector<EntryId> gone;
    for (std::uint64_t n_freed = 0; n_freed < n_bytes;) {
      std::vector<RetentionFacts> all;
      std::vector<EntryId> ids;
      for (const auto& [id, state] : states) {
        ids.push_back(id);
        all.push_back(facts(state, tier));
      }
      const auto victim = pick_victim(all, policy);
      if (!victim) break;
      n_freed += states.at(ids[*victim]).entry.n_bytes;
      gone.push_back(ids[*victim]);
      states.erase(ids[*victim]);
    }
    return gone;
  }
};

class PrefixWorld {
 public:
  PrefixWorld(const PrefixWorldConfig& config, std::uint64_t seed)
      : config_(config), random_(seed), policy_(any_policy()), tree_(policy_) {}

  // One operation; empty, or what differed.
  std::string step() {
    switch (below(12)) {
      case 0:
      case 1:
      case 2: return insert();
      case 3: return note();
      case 4: return erase();
      case 5: return use();
      case 6: return set_tier();
      case 7: return pin();
      case 8: return evict();
      case 9: return plan();
      case 10: return below(20) == 0 ? forget() : std::string();
      default: return match(below(config_.n_keys), any_tokens());
    }
  }

  std::string check() const {
    if (std::string broken = tree_.check(); !broken.empty()) return broken;
    if (tree_.n_entries() != model_.states.size()) return "number of states";
    for (const Tier tier : {Tier::kCell, Tier::kHost}) {
      if (tree_.n_bytes(tier) != model_.n_bytes(tier)) return "bytes of a tier";
    }
    if (tree_.n_bytes() != model_.n_bytes({}) + tree_.n_own_bytes()) return "all bytes";
    return {};
  }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }

  RetentionPolicy any_policy() {
    constexpr RetentionRule kRules[] = {RetentionRule::kWorth, RetentionRule::kLru,
                                        RetentionRule::kMarconi};
    return {.rule = kRules[below(3)], .alpha = below(3) * 0.7};
  }

  PrefixKey key_of(int key) const {
    PrefixKey made;
    made.salt = std::string(static_cast<std::size_t>(key) * 20, 's');
    return made;
  }

  // Often a path that is known, cut or changed somewhere, and continued.
  Tokens any_tokens() {
    Tokens tokens;
    if (!model_.seen.empty() && below(4) > 0) {
      auto at = model_.seen.begin();
      std::advance(at, below(static_cast<int>(model_.seen.size())));
      tokens = at->second;
      if (below(3) > 0)
        tokens.resize(static_cast<std::size_t>(below(static_cast<int>(tokens.size()) + 1)));
    }
    const int n = below(3) == 0 ? 0 : below(config_.max_tokens);
    const bool is_run = below(2) == 0;  // equal tokens share long paths
    for (int i = 0; i < n && static_cast<int>(tokens.size()) < config_.max_tokens; ++i) {
      tokens.push_back(Token(is_run ? 0 : below(config_.n_vocab)));
    }
    return tokens;
  }

  std::optional<EntryId> any_id() {
    if (model_.states.empty()) return std::nullopt;
    auto at = model_.states.begin();
    std::advance(at, below(static_cast<int>(model_.states.size())));
    return at->first;
  }

  std::string insert() {
    const int key = below(config_.n_keys);
    const Tokens tokens = any_tokens();
    const PrefixEntry entry{.id = EntryId(n_ids_++),
                            .tier = below(2) == 0 ? Tier::kCell : Tier::kHost,
                            .kind = static_cast<CaptureKind>(below(kNCaptureKinds)),
                            .has_logits = below(2) == 0,
                            .n_bytes = static_cast<std::uint64_t>(below(50) + 1),
                            .ms_per_token = below(4) * 0.5};
    const auto made = tree_.insert(key_of(key), tokens, entry);
    if (tokens.empty()) return made.ok() ? "a state of no tokens was taken" : "";
    if (!made.ok()) return made.error().message;
    std::optional<EntryId> replaced;
    State state{.key = key, .tokens = tokens, .entry = entry, .last_used = model_.clock};
    const auto along = model_.along(key, tokens);
    if (const auto old = along.find(tokens.size()); old != along.end()) {
      replaced = old->second;
      state.n_uses = model_.states[old->second].n_uses;
      state.is_pinned = model_.states[old->second].is_pinned;
      model_.states.erase(old->second);
    }
    if (!replaced) model_.reuse.add(entry.kind, 0);
    model_.states[entry.id] = state;
    model_.seen.insert({key, tokens});
    return *made == replaced ? "" : "another state was replaced";
  }

  std::string note() {
    const int key = below(config_.n_keys);
    const Tokens tokens = any_tokens();
    if (!tree_.note_path(key_of(key), tokens).ok()) return "note_path failed";
    if (!tokens.empty()) model_.seen.insert({key, tokens});
    return {};
  }

  std::string erase() {
    const auto id = any_id();
    if (!id) return tree_.erase(EntryId(n_ids_)).ok() ? "erased what is not there" : "";
    model_.states.erase(*id);
    return tree_.erase(*id).ok() && !tree_.erase(*id).ok() ? "" : "erase";
  }

  std::string use() {
    const auto id = any_id();
    if (!id) return {};
    State& state = model_.states[*id];
    model_.reuse.add(state.entry.kind, ++state.n_uses);
    state.last_used = model_.clock;
    return tree_.use(*id).ok() ? "" : "use";
  }

  std::string set_tier() {
    const auto id = any_id();
    if (!id) return {};
    PrefixEntry& entry = model_.states[*id].entry;
    entry.tier = below(2) == 0 ? Tier::kCell : Tier::kHost;
    entry.n_bytes = static_cast<std::uint64_t>(below(50) + 1);
    return tree_.set_tier(*id, entry.tier, entry.n_bytes).ok() ? "" : "set_tier";
  }

  std::string pin() {
    const auto id = any_id();
    if (!id) return {};
    model_.states[*id].is_pinned = below(3) == 0;
    return tree_.set_pinned(*id, model_.states[*id].is_pinned).ok() ? "" : "set_pinned";
  }

  std::string evict() {
    EvictRequest request{.n_bytes = static_cast<std::uint64_t>(below(100))};
    request.tier = below(2) == 0 ? Tier::kCell : Tier::kHost;
    const auto planned = tree_.victims(request);
    if (config_.evicts_paths && below(2) == 0) return evict_all(request.n_bytes);
    const auto gone = tree_.evict(request);
    if (!gone.ok() || !planned.ok()) return "evict failed";
    std::vector<EntryId> ids, planned_ids;
    for (const EvictedState& state : *gone) ids.push_back(state.id);
    for (const EvictedState& state : *planned) planned_ids.push_back(state.id);
    if (ids != planned_ids) return "victims() named others";
    return ids == model_.evict(request.n_bytes, request.tier, policy_) ? "" : "others were evicted";
  }

  // What the tree owns itself counts too: so many bytes are free, or nothing can go.
  std::string evict_all(std::uint64_t n_bytes) {
    const std::uint64_t n_before = tree_.n_bytes();
    const auto gone = tree_.evict({.n_bytes = n_bytes});
    if (!gone.ok()) return "evict failed";
    for (const EvictedState& state : *gone) model_.states.erase(state.id);
    std::set<std::pair<int, Tokens>> still_seen;
    for (const auto& [key, path] : model_.seen) {
      Tokens known = path;
      known.resize(static_cast<std::size_t>(tree_.match(key_of(key), path).n_known));
      if (!known.empty()) still_seen.insert({key, known});
    }
    model_.seen = still_seen;
    for (const auto& [id, state] : model_.states) {
      if (model_.n_known(state.key, state.tokens) != state.tokens.size()) return "a path was lost";
    }
    const bool is_enough = n_before - tree_.n_bytes() >= n_bytes;
    for (const auto& [id, state] : model_.states) {
      if (!is_enough && !state.is_pinned) return "too little was evicted";
    }
    return {};
  }

  std::string forget() {
    const int key = below(config_.n_keys);
    const auto gone = tree_.forget(key_of(key));
    if (!gone.ok()) return "forget failed";
    std::set<EntryId> ids, expected;
    for (const EvictedState& state : *gone) ids.insert(state.id);
    std::erase_if(model_.states, [&](const auto& state) {
      if (state.second.key != key) return false;
      expected.insert(state.first);
      return true;
    });
    std::erase_if(model_.seen, [&](const auto& path) { return path.first == key; });
    return ids == expected ? "" : "other states were forgotten";
  }

  // The plan's own tests look at where; here: within the limit, and of this path only.
  std::string plan() {
    const int key = below(config_.n_keys);
    const Tokens tokens = any_tokens();
    const PrefixKey name = key_of(key);
    const PrefixMatch match = tree_.match(name, tokens);
    const Pos n_start = match.hit ? match.hit->n_tokens : 0;
    const auto made = tree_.plan({.key = name, .tokens = tokens, .n_start = n_start});
    if (!made.ok()) return made.error().message;
    ++model_.clock;
    for (const EntryId id : made->drops) {
      const auto state = model_.states.find(id);
      if (state == model_.states.end() || state->second.is_pinned)
        return "a drop of what must stay";
      if (state->second.key != key) return "a drop of another's";
    }
    if (std::set(made->drops.begin(), made->drops.end()).size() != made->drops.size()) {
      return "dropped twice";
    }
    for (const Capture& capture : made->captures) {
      if (capture.n_tokens <= n_start) return "a capture before the start";
      if (capture.n_tokens > static_cast<Pos>(tokens.size())) return "a capture behind the end";
    }
    return {};
  }

  std::string match(int key, const Tokens& tokens) const {
    const PrefixMatch found = tree_.match(key_of(key), tokens);
    const auto n_known = static_cast<Pos>(model_.n_known(key, tokens));
    if (found.n_known != n_known) return fmt::format("{} known, not {}", found.n_known, n_known);
    std::optional<EntryId> expected;
    for (const auto& [n, id] : model_.along(key, tokens)) {
      if (n < tokens.size() || model_.states.at(id).entry.has_logits) expected = id;
    }
    if (found.hit.has_value() != expected.has_value()) return "a hit, or none";
    if (!expected) return {};
    const State& state = model_.states.at(*expected);
    const bool is_right = found.hit->id == *expected && found.hit->tier == state.entry.tier &&
                          found.hit->n_tokens == static_cast<Pos>(state.tokens.size());
    return is_right ? "" : "another hit";
  }

  const PrefixWorldConfig config_;
  std::mt19937_64 random_;
  const RetentionPolicy policy_;
  PrefixTree tree_;
  Model model_;
  int n_ids_ = 0;
};

}  // namespace

std::string run_prefix_world(const PrefixWorldConfig& config, std::uint64_t seed, int n) {
  PrefixWorld world(config, seed);
  for (int i = 0; i < n; ++i) {
    std::string difference = world.step();
    if (difference.empty()) difference = world.check();
    if (!difference.empty()) return fmt::format("seed {}, step {}: {}", seed, i, difference);
  }
  return {};
}

}  // namespace eddy::test
