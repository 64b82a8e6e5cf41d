#include "reference/reference.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "reference/architectures.h"
#include "reference/tensors.h"

namespace eddy::reference {

std::unique_ptr<Reference> make_reference(const GgufFile& file) {
  const std::string name = text_key(file, "general.architecture");
  if (name == "mamba") return make_mamba_reference(file);
  if (name == "mamba2") return make_mamba2_reference(file);
  return nullptr;
}

double tolerance(const Reference& reference, std::span<const Token> tokens, Noise noise) {
  constexpr int kRuns = 8;
  constexpr double kMargin = 4;
  const Logits truth = reference.logits(tokens, {});
  double largest = 0;
  for (int run = 0; run < kRuns; ++run) {
    noise.seed = static_cast<std::uint64_t>(run);
    const Logits disturbed = reference.logits(tokens, noise);
    for (std::size_t t = 0; t < truth.size(); ++t) {
      for (std::size_t i = 0; i < truth[t].size(); ++i) {
        largest = std::max(largest, std::abs(disturbed[t][i] - truth[t][i]));
      }
    }
  }
  return kMargin * largest;
}

}  // namespace eddy::reference
