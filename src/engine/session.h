// The inside of a Session: its tokens, and the sequence whose state follows them.
//
// I1  Between calls the state has seen the first n_read tokens, and n_read < tokens.size() or both
//     are 0: the newest token waits until its logits are wanted, so that no session keeps logits.
// I2  A sequence that has seen no token is empty, or has the initial state: whoever computes begins
//     with begin().
// I3  What was computed by a call that failed or was cancelled is what an undisturbed call would
//     have computed up to there, or it is gone and n_read says so.
//
// Threading: the engine's thread; `cancelled` may be set by any.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "eddy/engine.h"
#include "engine/core.h"
#include "engine/session_text.h"

namespace eddy {

struct Session::Impl : SessionText {
  Impl(std::shared_ptr<Engine::Core> shared_core, PrefixKey prefix_key, InitState init)
      : core(std::move(shared_core)), key(std::move(prefix_key)), init_state(std::move(init)) {}
  ~Impl() {
    if (seq != SeqId()) core->release(seq);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // kInvalidArgument inside a callback of this session's generate() or of a running computation.
  Status check_idle() const;

  // Puts the initial state into a sequence that has seen no token; without one it does nothing.
  // kFull, kOutOfMemory.
  Status begin();

  // Appends tokens, to be computed when that is needed.
  Status append(std::span<const Token> new_tokens);

  // Appends tokens and computes all but the last. Told of progress: the read fraction.
  Status feed(std::span<const Token> new_tokens, const Session::OnProgress& on_progress);

  // Computes the tokens before `end`, from a stored state where there is a better one. kCancelled,
  // kFull, kStateLost, ...
  Status read_up_to(std::size_t end, const Session::OnProgress& on_progress = {});

  // The same, and stores states on the way.
  Status read_prompt(std::size_t end, const Session::OnProgress& on_progress);

  // Where prompts begin, but the first, in the tokens before `end`.
  std::vector<Pos> prompts_before(Pos end) const;

  // Stores the state at the end of an answer.
  void store_answer();

  // Where a stored state leads further than this sequence's own, takes it. end < tokens.size().
  void restore(std::size_t end);
  // The tokens before `end`, and the progress from `first` to `last`.
  Status compute_up_to(std::size_t end, std::size_t first, std::size_t last,
                       const Session::OnProgress& on_progress);

  // Drops the tokens from n_kept on, and the state if it has seen too many of them.
  void forget_from(std::size_t n_kept) noexcept;

  // Takes the state back where it has seen more than the tokens but the last.
  void settle() noexcept;

  // Puts a serialised state in the place of this sequence's, or fails and nothing has changed.
  Status install(std::span<const std::byte> state, Pos n_tokens);

  // Runs a batch of this sequence's next tokens, at most n_ubatch.
  Status run(const BatchPart& part, const OnOutput& on_output);

  std::shared_ptr<Engine::Core> core;
  PrefixKey key;         // Core::key_of()
  InitState init_state;  // before the first token
  SeqId seq = {};        // none until acquired
  PromptReport report;
  std::atomic<bool> cancelled = false;
  bool is_answering = false;
  const Impl* guesses_for = nullptr;  // whose answer it drafts for; may be cancelled
};

}  // namespace eddy
