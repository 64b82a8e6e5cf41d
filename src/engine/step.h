// A step of an answer: the newest token and what is guessed to follow it go in, the tokens that do
// follow come out.
//
// run_steps() computes the steps of several sessions as one batch, so that the weights are read
// once for all of them. By law 1 each gets the bits that it would have got alone.
//
// Threading: the engine's thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "eddy/engine.h"
#include "engine/sampler.h"
#include "engine/session.h"

namespace eddy {

class Step {
 public:
  // All are borrowed and outlive the step. What is chosen goes to `chosen`: the token that follows;
  // if that is the first of the draft, also the one after it, and so on. The session's tokens and
  // what was chosen are the caller's to join. Precondition: capacity in the session's tokens and in
  // `chosen` for the draft and one more.
  //
  // The first step of an answer takes logits that are stored for the session's tokens, or stores
  // them: who asks again what was asked before waits for no computation.
  Step(Session::Impl& session, Sampler& sampler, std::span<const Token> draft,
       std::vector<Token>& chosen, bool is_first)
      : session_(session), sampler_(sampler), draft_(draft), chosen_(chosen), is_first_(is_first) {}
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;
  ~Step() { drop_draft(); }

  std::size_t n_tokens() const { return draft_.size() + 1; }

  // Computes it alone.
  void run();

  // How it went, when it has been run. kCancelled: the session was, and nothing is chosen. Also
  // kFull, kStateLost, kNonFinite, or the sampler's error.
  const Status& status() const { return status_; }

 private:
  friend void run_steps(std::span<Step* const> steps);

  bool prepare(std::size_t n_tokens_max);
  Status read_most(std::size_t n_left);
  bool choose_known();
  BatchPart join_draft();
  void drop_draft();
  void choose(const Output& output);
  void end(Status done);
  void end_of_batch(const Status& done);

  Session::Impl& session_;
  Sampler& sampler_;
  std::span<const Token> draft_;
  std::vector<Token>& chosen_;
  bool is_first_;
  std::size_t n_before_ = 0;   // tokens of the session before the draft joined them
  std::size_t n_read_ = 0;     // of them, the state has seen
  bool has_draft_ = false;     // it is there now
  std::size_t n_outputs_ = 0;  // seen
  Status sampled_, status_;
};

// Runs steps of different sessions of one engine: together if they fit into a batch, or else in
// parts. Where a batch fails each step is run alone, so that no session suffers for another.
void run_steps(std::span<Step* const> steps);

}  // namespace eddy
