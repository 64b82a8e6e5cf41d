#include "engine/step.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "base/try.h"

namespace eddy {
namespace {

// Nobody cancels a batch of several: who is cancelled takes no part in the next one.
const std::atomic<bool> kNever = false;

constexpr std::size_t kMostTogether = 16;  // unread tokens that are read in a step

bool is_full(const Status& done) { return !done && done.error().code == ErrorCode::kFull; }

}  // namespace

void Step::run() {
  if (!prepare(session_.core->runner->n_ubatch())) return;
  end(session_.run(join_draft(), [this](const Output& output) { choose(output); }));
}

// Reads what is unread, but the newest token; a few more are read in the step itself, if nothing is
// guessed. Whether there is something to run; if not, status() says how it went.
bool Step::prepare(std::size_t n_tokens_max) {
  chosen_.clear();
  sampled_ = {};
  n_outputs_ = 0;
  n_before_ = session_.tokens.size();
  if (session_.cancelled.exchange(false)) {
    status_ = fail(ErrorCode::kCancelled, "stopped on request");
    return false;
  }
  if (is_first_ && choose_known()) return false;
  status_ = read_most(draft_.empty() ? std::min(n_tokens_max, kMostTogether) : 1);
  if (status_) status_ = session_.begin();
  n_read_ = static_cast<std::size_t>(session_.core->n_read(session_.seq));
  return status_.ok();
}

// All but the newest n_left tokens, or fewer.
Status Step::read_most(std::size_t n_left) {
  EDDY_TRY_ASSIGN(const Pos n_read, session_.core->wake(session_.seq));
  if (n_before_ - static_cast<std::size_t>(n_read) <= n_left) return {};
  return session_.read_up_to(n_before_ - 1);
}

bool Step::choose_known() {
  if (!session_.core->cache) return false;
  const auto logits = session_.core->cache->logits_after(session_.key, session_.tokens);
  if (logits.empty()) return false;
  choose({.logits = logits});
  status_ = sampled_;
  return true;
}

BatchPart Step::join_draft() {
  session_.tokens.insert(session_.tokens.end(), draft_.begin(), draft_.end());
  has_draft_ = true;
  return {.seq = session_.seq,
          .tokens = std::span(session_.tokens).subspan(n_read_),
          .outputs = draft_.empty() ? Outputs::kLast : Outputs::kAll,
          .wants_anchor = !draft_.empty()};
}

void Step::drop_draft() {
  if (std::exchange(has_draft_, false)) session_.tokens.resize(n_before_);
}

void Step::choose(const Output& output) {
  const std::size_t i = n_outputs_++;
  const bool is_reached = i == chosen_.size() && (i == 0 || chosen_[i - 1] == draft_[i - 1]);
  if (!sampled_ || !is_reached) return;
  const auto history = std::span(session_.tokens).first(n_before_ + i);
  const Result<Token> token =
      output.is_finite ? sampler_.sample(output.logits, history) : Result<Token>(non_finite());
  if (!token) {
    sampled_ = token.error();
    return;
  }
  chosen_.push_back(*token);
  if (i == 0 && is_first_ && session_.core->cache) {
    session_.core->cache->store_logits(session_.key, history, output.logits);
  }
}

// The state keeps what it has seen of the tokens that are the session's, or will be.
void Step::end(Status done) {
  drop_draft();
  if (!done) chosen_.clear();
  if (!sampled_) session_.core->forget(session_.seq);
  const std::size_t n_seen = n_before_ + std::max<std::size_t>(chosen_.size(), 1) - 1;
  if (!draft_.empty()) session_.core->keep_first(session_.seq, static_cast<Pos>(n_seen));
  status_ = done ? sampled_ : std::move(done);
}

// A batch that failed has computed some steps whole; the others are taken back and run alone.
void Step::end_of_batch(const Status& done) {
  if (done || n_outputs_ == draft_.size() + 1) return end({});
  drop_draft();
  session_.core->keep_first(session_.seq, static_cast<Pos>(n_read_));
  run();
}

void run_steps(std::span<Step* const> all) {
  if (all.size() == 1) return all.front()->run();
  std::vector<Step*> steps;
  Engine::Core& core = *all.front()->session_.core;
  const std::size_t n_tokens_max =
      std::min(std::size_t{core.runner->n_ubatch()}, core.runner->n_batch() / all.size());
  std::ranges::copy_if(all, std::back_inserter(steps),
                       [&](Step* step) { return step->prepare(n_tokens_max); });
  if (steps.empty()) return;
  std::vector<BatchPart> parts;
  for (Step* step : steps) parts.push_back(step->join_draft());
  // To have brought one state back may have parked another.
  const bool is_parked = std::ranges::any_of(
      parts, [&](const BatchPart& part) { return core.memory->is_parked(part.seq); });
  const auto on_output = [&](const Output& output) {
    steps[static_cast<std::size_t>(output.part)]->choose(output);
  };
  const Status done = is_parked ? fail(ErrorCode::kFull, "") : core.run(parts, kNever, on_output);
  if (!is_full(done) || steps.size() == 1) {
    for (Step* step : steps) step->end_of_batch(done);
    return;
  }
  for (Step* step : steps) step->drop_draft();
  run_steps(std::span(steps).first(steps.size() / 2));
  run_steps(std::span(steps).subspan(steps.size() / 2));
}

}  // namespace eddy
