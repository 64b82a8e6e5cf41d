// PrefixTree: what a request's path looks like to capture_plan.h, and what the plan does to others.
#include <algorithm>

#include "base/error.h"
#include "base/guarded.h"
#include "base/try.h"
#include "memory/prefix_tree.h"

namespace eddy {
namespace {

// A turn that begins at 0 has no system prompt before it.
Status check_plan(const PlanRequest& request) {
  const auto n = static_cast<Pos>(request.tokens.size());
  if (request.n_start < 0 || request.n_start > n) {
    return fail(ErrorCode::kInvalidArgument, "start at {}, expected 0 .. {}", request.n_start, n);
  }
  Pos before = -1;
  for (const Pos turn : request.turns) {
    if (turn <= before || turn > n) {
      return fail(ErrorCode::kInvalidArgument,
                  "turn at {} after {}, expected them ascending up to {}", turn, before, n);
    }
    before = turn;
  }
  return {};
}

// A rung, or the end of a prompt that nobody has come back to.
bool is_spare(const PrefixNode& node) {
  const bool is_rung = node.entry->kind == CaptureKind::kLadder;
  const bool is_unused_end = node.entry->kind == CaptureKind::kPrompt && node.n_uses == 0;
  return !node.is_pinned && (is_rung || is_unused_end);
}

// Drops what is spare of the states `below` that stand on one path behind a parting, those next to
// the parting first, until the path is within its limit.
void thin(std::span<const PrefixNode* const> below, std::size_t n_above, Pos end,
          CapturePlan& plan) {
  const auto is_dropped = [&](const PrefixNode* node) {
    return std::find(plan.drops.begin(), plan.drops.end(), node->entry->id) != plan.drops.end();
  };
  const std::size_t n_turns = below.empty() ? 1 : below.back()->entry->n_turns;
  std::size_t n_states =
      n_above + below.size() -
      static_cast<std::size_t>(std::count_if(below.begin(), below.end(), is_dropped));
  for (const PrefixNode* const node : below) {
    if (n_states <= max_states_on_path(end, n_turns)) return;
    if (!is_spare(*node) || is_dropped(node)) continue;
    plan.drops.push_back(node->entry->id);
    --n_states;
  }
}

}  // namespace

// Where tokens leave a known path that goes on; n_tokens = 0: they do not.
struct PrefixTree::Parting {
  Pos n_tokens = 0;
  const PrefixNode* node = nullptr;  // the one on whose edge, or at whose end
};

PrefixTree::Parting PrefixTree::parting(const PrefixKey& key, std::span<const Token> tokens) const {
  Parting found;
  bool goes_on = false;
  found.n_tokens = walk(key, tokens, [&](const PrefixNode& node, std::size_t n) {
    found.node = &node;
    goes_on = n < node.edge.size() || node.first_child;
  });
  return goes_on && found.n_tokens < static_cast<Pos>(tokens.size()) ? found : Parting();
}

Result<CapturePlan> PrefixTree::plan(const PlanRequest& request) {
  EDDY_TRY(check_plan(request));
  return guarded([&]() -> Result<CapturePlan> {
    const std::vector<KeptState> kept = states_on_path(request.key, request.tokens);
    const Parting parted = parting(request.key, request.tokens);
    CapturePlan made = plan_captures({.n_tokens = static_cast<Pos>(request.tokens.size()),
                                      .n_start = request.n_start,
                                      .n_parted = parted.n_tokens,
                                      .turns = request.turns,
                                      .kept = kept,
                                      .is_answer = request.is_answer});
    thin_others(parted, kept.size() - made.drops.size(), made);
    if (!request.is_answer) ++clock_;
    return made;
  });
}

// n_shared: how many states the plan leaves on the shared part. With those that it adds there,
// walks all paths that go on behind the parting.
void PrefixTree::thin_others(const Parting& parting, std::size_t n_shared, CapturePlan& plan) {
  const auto n_added = static_cast<std::size_t>(
      std::count_if(plan.captures.begin(), plan.captures.end(),
                    [&](const Capture& c) { return c.n_tokens <= parting.n_tokens; }));
  if (n_added == 0) return;
  std::vector<const PrefixNode*> below;
  for (const PrefixNode* at = parting.node;;) {
    if (at->entry && at->end > parting.n_tokens) below.push_back(at);
    if (at->first_child) {
      at = at->first_child;
      continue;
    }
    thin(below, n_shared + n_added, at->end, plan);
    for (;; at = at->parent) {
      if (!below.empty() && below.back() == at) below.pop_back();
      if (at == parting.node) return;
      if (at->next) break;
    }
    at = at->next;
  }
}

}  // namespace eddy
