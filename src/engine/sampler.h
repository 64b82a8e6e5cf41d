// Chooses the next token from logits: bias, penalties, top-k, top-p, min-p, temperature, draw.
//
// Deterministic: everything depends on the parameters, the logits and the tokens so far, and the
// bits are the same on every machine. Equal logits rank by rising id. The vocabulary is never
// sorted whole: the best are selected, then only they are sorted.
//
// Threading: a sampler has scratch of its own; one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "eddy/engine.h"
#include "eddy/result.h"
#include "eddy/types.h"

namespace eddy {

class Sampler {
 public:
  // kInvalidArgument where a parameter is outside its range (eddy/engine.h) or a biased token is
  // outside the vocabulary. The scratch for n_vocab candidates is allocated here.
  static Result<Sampler> create(SamplingParams params, std::int64_t n_vocab);

  // The token that follows `history`. logits: n_vocab, finite.
  // kInvalidArgument if the bias bans every token. O(n_vocab).
  Result<Token> sample(std::span<const float> logits, std::span<const Token> history);

 private:
  struct Candidate {
    Token id;
    float logit;
  };

  Sampler(SamplingParams params, std::int64_t n_vocab);

  bool adjusts() const;
  std::span<const float> adjusted(std::span<const float> logits, std::span<const Token> history);
  void penalise(std::span<const Token> recent);
  void collect(std::span<const float> logits);
  void keep_top_k();
  void keep_top_p();
  void keep_min_p();
  Token draw(std::uint64_t counter);

  static bool better(const Candidate& a, const Candidate& b);
  void order_by_id();
  double weight(const Candidate& candidate) const;

  SamplingParams params_;
  float best_ = 0;                     // the highest logit among the candidates
  std::vector<float> scores_;          // logits after bias and penalties
  std::vector<std::uint32_t> counts_;  // by token, all 0 between calls
  std::vector<Candidate> candidates_;  // by rising id between the steps
  std::vector<double> weights_;        // by candidate
};

}  // namespace eddy
