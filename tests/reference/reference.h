// References: each architecture once more, in plain double loops straight from the tensors of the
// file, one token after another. Nothing is shared with src/ but the reader of the file.
//
// How far may the engine be from them? Rounding errors are small and known at their source, but
// what the layers make of them depends on the model. So a reference can disturb itself: with a
// Noise, a random error of the size that the engine's arithmetic may have is added wherever the
// engine rounds. How far the disturbed logits wander from the true ones is the bound (tolerance()).
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "eddy/types.h"
#include "reference/noise.h"

namespace eddy {
class GgufFile;
}

namespace eddy::reference {

using Logits = std::vector<std::vector<double>>;  // by token: {n_vocab}

class Reference {
 public:
  virtual ~Reference() = default;

  // The logits after each token of a sequence that starts empty.
  virtual Logits logits(std::span<const Token> tokens, Noise noise) const = 0;

  // From now on sequences of RWKV start from these matrices, by layer: {n_head, values, keys}, the
  // last extent contiguous.
  void start_from(std::vector<std::vector<double>> matrices) { initial_ = std::move(matrices); }

 protected:
  // Of a layer; none: zeros.
  std::vector<double> initial(std::size_t layer) const {
    return initial_.empty() ? std::vector<double>() : initial_.at(layer);
  }

 private:
  std::vector<std::vector<double>> initial_;
};

// The reference of the file's architecture; nullptr if there is none.
std::unique_ptr<Reference> make_reference(const GgufFile& file);

// How far two tables of logits are apart.
struct Distance {
  double largest = 0;  // of any logit
  double rms = 0;      // root of the mean square over all
};
Distance distance(const Logits& a, const Logits& b);

// What a correct engine may differ by from logits(tokens, {}): the largest deviations that eight
// runs with this noise show; any logit's times four, the root mean square, which hardly varies from
// run to run, times two.
Distance tolerance(const Reference& reference, std::span<const Token> tokens, Noise noise);

}  // namespace eddy::reference
