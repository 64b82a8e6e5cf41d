#include "cpu/token_weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace eddy {
namespace {

struct Weights {
  std::vector<float> weights, sums;
  bool operator==(const Weights&) const = default;
};

Weights weigh(Isa isa, const std::vector<float>& logits, float best, float temperature) {
  const auto n = static_cast<std::int64_t>(logits.size());
  Weights out = {.weights = std::vector<float>(logits.size()),
                 .sums = std::vector<float>(static_cast<std::size_t>(n_weight_blocks(n)))};
  kTokenWeights[isa]({.logits = logits.data(),
                      .n = n,
                      .best = best,
                      .temperature = temperature,
                      .weights = out.weights.data(),
                      .sums = out.sums.data()});
  return out;
}

TEST(TokenWeights, AreThoseOfTheCLibraryOnEverySet) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(-90, 0);
  for (const std::size_t n : {1U, 15U, 512U, 513U, 3001U}) {
    std::vector<float> logits(n);
    for (float& logit : logits) logit = uniform(random);
    logits[n / 2] = 1.5f;
    for (const float temperature : {0.7f, 1.0f, 3.0f}) {
      const Weights plain = weigh(Isa::kPlain, logits, 1.5f, temperature);
      for (std::size_t i = 0; i < n; ++i) {
        const double exact = std::exp((double{logits[i]} - 1.5) / double{temperature});
        // The argument is rounded twice, at up to 130.
        ASSERT_NEAR(plain.weights[i], exact, 3e-5 * exact + 1e-44) << logits[i];
      }
      for (std::size_t b = 0; b < plain.sums.size(); ++b) {
        double sum = 0;
        for (std::size_t i = b * 512; i < std::min(n, (b + 1) * 512); ++i) sum += plain.weights[i];
        ASSERT_NEAR(plain.sums[b], sum, 1e-5 * sum);
      }
      for (const Isa isa : available_isas()) {
        ASSERT_EQ(weigh(isa, logits, 1.5f, temperature), plain) << isa_name(isa);
      }
    }
  }
}

TEST(TokenWeights, TheBestWeighsOneAndWhatCannotBeNothing) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float most = std::numeric_limits<float>::max();
  for (const Isa isa : available_isas()) {
    const Weights found = weigh(isa, {-infinity, -most, 0, most}, most, 1e-40f);
    EXPECT_EQ(found.weights, (std::vector<float>{0, 0, 0, 1})) << isa_name(isa);
    EXPECT_EQ(found.sums, std::vector<float>{1}) << isa_name(isa);
  }
}

}  // namespace
}  // namespace eddy
