// Chooses the next token from logits: bias, penalties, top-k, top-p, min-p, temperature, draw.
//
// Deterministic: everything depends on the parameters, the logits and the tokens so far, and the
// bits are the same on every machine. Equal logits rank by rising id. The vocabulary is never
// sorted: it is weighed once, by vectors, and then only what can be chosen is looked at.
//
// Threading: a sampler has scratch of its own; one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cpu/isa.h"
#include "eddy/engine.h"
#include "eddy/result.h"
#include "eddy/types.h"

namespace eddy {

class Sampler {
 public:
  // kInvalidArgument where a parameter is outside its range (eddy/engine.h) or a biased token is
  // outside the vocabulary. The scratch for n_vocab candidates is allocated here.
  static Result<Sampler> create(SamplingParams params, std::int64_t n_vocab, Isa isa);

  // The token that follows `history`. logits: n_vocab, finite.
  // kInvalidArgument if the bias bans every token. O(n_vocab).
  Result<Token> sample(std::span<const float> logits, std::span<const Token> history);

 private:
  struct Candidate {
    std::int32_t id;
    float logit, weight;
  };

  Sampler(SamplingParams params, std::int64_t n_vocab, Isa isa);

  bool adjusts() const;
  std::span<const float> adjusted(std::span<const float> logits, std::span<const Token> history);
  void penalise(std::span<const Token> recent);

  // What can be chosen, by rising id, with weights at temperature 1.
  void gather_top_k(std::span<const float> scores);
  void gather_likely(std::span<const float> scores);
  void keep_top_p(double total);
  void keep_if(const auto& is_kept);
  void put(std::size_t i, const Candidate& candidate);

  // Fills weights_ and sums_; the sum of all.
  double weigh(std::span<const float> logits, float temperature);
  // One of these, by the temperature's weights and the random number of the counter.
  std::size_t draw(std::span<const float> logits, std::uint64_t counter);

  static bool better(const Candidate& a, const Candidate& b);

  SamplingParams params_;
  Isa isa_;
  float best_ = 0;                     // the highest logit
  std::vector<float> scores_;          // logits after bias and penalties
  std::vector<std::uint32_t> counts_;  // by token, all 0 between calls
  std::vector<std::int32_t> ids_;      // of the candidates, rising
  std::vector<float> logits_;          // theirs
  std::vector<float> weights_;         // theirs or all tokens', relative to the best one's
  std::vector<float> sums_;            // of weights_, by kWeightBlock
  std::vector<Candidate> ranked_;
};

}  // namespace eddy
