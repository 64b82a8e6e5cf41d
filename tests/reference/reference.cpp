#include "reference/reference.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "reference/architectures.h"
#include "reference/tensors.h"

namespace eddy::reference {

std::unique_ptr<Reference> make_reference(const GgufFile& file) {
  const std::string name = text_key(file, "general.architecture");
#define EDDY_TRY_NAME(known) \
  if (name == #known) return make_##known##_reference(file);
  EDDY_REFERENCES(EDDY_TRY_NAME)
#undef EDDY_TRY_NAME
  return nullptr;
}

Distance distance(const Logits& a, const Logits& b) {
  Distance result;
  double squares = 0, n = 0;
  for (std::size_t t = 0; t < a.size(); ++t) {
    for (std::size_t i = 0; i < a[t].size(); ++i) {
      const double difference = std::abs(a[t][i] - b[t][i]);
      result.largest = std::max(result.largest, difference);
      squares += difference * difference;
      ++n;
    }
  }
  result.rms = std::sqrt(squares / n);
  return result;
}

Distance tolerance(const Reference& reference, std::span<const Token> tokens, Noise noise) {
  constexpr int kRuns = 8;
  const Logits truth = reference.logits(tokens, {});
  Distance most;
  for (int run = 0; run < kRuns; ++run) {
    noise.seed = static_cast<std::uint64_t>(run);
    const Distance found = distance(reference.logits(tokens, noise), truth);
    most = {std::max(most.largest, found.largest), std::max(most.rms, found.rms)};
  }
  return {4 * most.largest, 2 * most.rms};
}

}  // namespace eddy::reference
