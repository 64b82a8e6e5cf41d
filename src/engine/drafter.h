// Drafts: guesses at the tokens that follow, which the model then checks in one lane.
//
// A draft can be anything: what is accepted is what the model would have chosen, so a bad one costs
// time and no bit of the answer. How long drafts are follows from how they have fared.
//
// Threading: one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "eddy/engine.h"
#include "eddy/result.h"
#include "eddy/types.h"

namespace eddy {

// What followed where the newest tokens stood before: where the most of them did, and of equal
// places where the last guess came from, which keeps to its place in a text that is copied. The
// more of them match, the longer the guess; a text that goes round in circles is guessed to go on
// so. A call compares the text with what is in the index, O(tokens), and adds what is new.
class NgramDrafter {
 public:
  // Appends at most n tokens that may follow these; none where there is no guess.
  void draft(std::span<const Token> tokens, std::size_t n, std::vector<Token>& out);

 private:
  static constexpr std::size_t kLengths[] = {16, 8, 5, 3, 2};  // tokens that must match

  void index(std::span<const Token> tokens);
  static std::uint64_t key(std::span<const Token> gram);

  // How many of the newest tokens stand before `at` too, at most kMostMatched.
  static constexpr std::size_t kMostMatched = 64;
  static std::size_t n_matched(std::span<const Token> tokens, std::size_t at);

  std::vector<Token> seen_;  // what is in the index: a prefix of the text, its last token excepted
  // By n-gram: the position after its newest occurrence. Keys may collide: tokens are compared.
  std::unordered_map<std::uint64_t, std::size_t> next_;
  std::size_t n_apart_ = 0;  // from where the last guess came from to where it stood; 0: no guess
};

// What a small model of the same vocabulary finds most likely. Its session follows the text, and is
// rewound where the text went another way. While this lives the session guesses for nobody else;
// who cancels the one that it guesses for is heard also while a long text is read.
class ModelDrafter {
 public:
  ModelDrafter(Session& session, const Session::Impl& guesses_for);
  ~ModelDrafter();
  ModelDrafter(const ModelDrafter&) = delete;
  ModelDrafter& operator=(const ModelDrafter&) = delete;

  // The small model's answer to these tokens, n of its own: for its engine to make, together with
  // others'. Valid until the next call.
  Result<GenerateRequest*> ask(std::span<const Token> tokens, std::size_t n);
  // Appends that answer, when it has been made.
  Status take(std::vector<Token>& out) const;

 private:
  Session& session_;
  GenerateRequest request_;
  std::size_t n_known_ = 0;  // tokens that were not guessed
};

// How long the next draft should be.
class DraftLength {
 public:
  explicit DraftLength(std::size_t most) : most_(most), next_(most < 4 ? most : 4) {}

  // 0: not this time. Each call is a step of the answer. cost: of a guess, in tokens that would
  // come in the same time without it (StepCost); where fewer of the guesses are right, there are
  // hardly any.
  std::size_t next(double cost);

  // How the last draft has fared.
  void note(std::size_t n_drafted, std::size_t n_accepted);

 private:
  std::size_t most_, next_;
  std::size_t n_failures_ = 0;  // drafts in a row of which nothing was accepted
  std::size_t n_pause_ = 0;     // steps without a draft
  double share_right_ = 1;      // of the guesses, on average of late
  std::size_t n_too_dear_ = 0;  // steps in a row in which guesses cost more than they brought
};

// What one more token in a step costs. A step's time is taken for a constant, to read the weights,
// and a time for each token; both follow from the steps of late.
class StepCost {
 public:
  void note(std::size_t n_tokens, double seconds);

  // The time of one more token in a step of n_answers tokens, in multiples of what the step takes
  // for each of them. 0: nothing is known, since all steps were of one length.
  double of_a_guess(std::size_t n_answers) const;

 private:
  double n_tokens_ = 0, seconds_ = 0;  // means
  double variance_ = 0, covariance_ = 0;
  bool is_first_ = true;
};

}  // namespace eddy
