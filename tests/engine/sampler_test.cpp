#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "engine/counter_random.h"

namespace eddy {
namespace {

constexpr float kBanned = -std::numeric_limits<float>::infinity();

std::vector<float> random_logits(std::mt19937& rng, std::size_t n) {
  std::normal_distribution<float> normal(0, 4);
  std::vector<float> logits(n);
  // Rounded, so that ties are common.
  for (float& logit : logits) logit = std::round(normal(rng) * 8) / 8;
  return logits;
}

std::vector<Token> random_history(std::mt19937& rng, std::size_t n, std::size_t n_vocab) {
  std::vector<Token> history(n);
  for (Token& token : history) token = Token(static_cast<std::int32_t>(rng() % n_vocab));
  return history;
}

struct Ranked {
  std::int32_t id;
  double logit;
};

// The parameters' documented meaning, step by step, over a fully sorted vocabulary.
std::vector<Ranked> reference_candidates(const SamplingParams& p, const std::vector<float>& logits,
                                         const std::vector<Token>& history) {
  std::vector<Ranked> all;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    all.push_back({static_cast<std::int32_t>(i), logits[i]});
  }
  for (const auto& [token, bias] : p.logit_bias) all[std::size_t(token.value)].logit += bias;
  std::map<std::int32_t, int> counts;
  const std::size_t n_recent = p.penalty_last_n < 0
                                   ? history.size()
                                   : std::min(history.size(), std::size_t(p.penalty_last_n));
  for (std::size_t i = history.size() - n_recent; i < history.size(); ++i) {
    ++counts[history[i].value];
  }
  for (const auto& [id, count] : counts) {
    double& logit = all[std::size_t(id)].logit;
    logit = logit > 0 ? logit / p.repetition_penalty : logit * p.repetition_penalty;
    logit = static_cast<float>(logit - static_cast<double>(p.frequency_penalty) * count -
                               p.presence_penalty);
  }
  std::erase_if(all, [](const Ranked& r) { return std::isinf(r.logit); });
  std::stable_sort(all.begin(), all.end(),
                   [](const Ranked& a, const Ranked& b) { return a.logit > b.logit; });
  if (p.top_k > 0 && all.size() > std::size_t(p.top_k)) all.resize(std::size_t(p.top_k));
  const auto weight = [best = all[0].logit](const Ranked& r) { return std::exp(r.logit - best); };
  if (p.top_p < 1) {
    double total = 0;
    for (const Ranked& r : all) total += weight(r);
    double sum = 0;
    std::size_t n = 0;
    while (n < all.size() && sum < total * p.top_p) sum += weight(all[n++]);
    all.resize(n);
  }
  std::erase_if(all, [&](const Ranked& r) { return weight(r) < p.min_p; });
  return all;
}

std::int32_t reference_sample(const SamplingParams& p, const std::vector<float>& logits,
                              const std::vector<Token>& history) {
  auto kept = reference_candidates(p, logits, history);
  if (p.temperature == 0) return kept[0].id;
  const double best = kept[0].logit;
  std::sort(kept.begin(), kept.end(), [](const Ranked& a, const Ranked& b) { return a.id < b.id; });
  double total = 0;
  for (const Ranked& r : kept) total += std::exp((r.logit - best) / p.temperature);
  const double mark = total * counter_random(p.seed, history.size());
  double sum = 0;
  for (const Ranked& r : kept) {
    sum += std::exp((r.logit - best) / p.temperature);
    if (sum > mark) return r.id;
  }
  return kept.back().id;
}

SamplingParams random_params(std::mt19937& rng, std::size_t n_vocab) {
  const auto pick = [&](auto... values) {
    const std::array options = {static_cast<float>(values)...};
    return options[rng() % options.size()];
  };
  SamplingParams p;
  for (std::size_t i = rng() % 4; i > 0; --i) {
    p.logit_bias.push_back(
        {Token(static_cast<std::int32_t>(rng() % n_vocab)), pick(-5, 3, kBanned)});
  }
  p.penalty_last_n = static_cast<std::int64_t>(rng() % 40) - 1;
  p.repetition_penalty = pick(1, 1.25, 0.5);
  p.frequency_penalty = pick(0, 0.5, -0.25);
  p.presence_penalty = pick(0, 1.5);
  p.top_k = static_cast<std::int32_t>(pick(0, 1, 5, 40, 100000));
  p.top_p = pick(1, 0.95, 0.5, 0.01);
  p.min_p = pick(0, 0.1, 0.5, 1);
  p.temperature = pick(0, 0.7, 1, 3);
  p.seed = rng();
  return p;
}

Isa best_isa() { return available_isas().back(); }

Token sample(const SamplingParams& params, const std::vector<float>& logits,
             const std::vector<Token>& history = {}, Isa isa = best_isa()) {
  auto sampler = Sampler::create(params, static_cast<std::int64_t>(logits.size()), isa);
  EXPECT_TRUE(sampler.ok()) << sampler.error().message;
  return *sampler->sample(logits, history);
}

TEST(Sampler, EqualsTheSortedReference) {
  std::mt19937 rng(1);
  for (int round = 0; round < 5000; ++round) {
    const std::size_t n_vocab = 1 + rng() % 700;
    const auto params = random_params(rng, n_vocab);
    const auto logits = random_logits(rng, n_vocab);
    const auto history = random_history(rng, rng() % 60, n_vocab);
    std::size_t n_banned = 0;
    for (const auto& [token, bias] : params.logit_bias) n_banned += bias == kBanned;
    if (n_banned >= n_vocab) continue;
    ASSERT_EQ(sample(params, logits, history).value, reference_sample(params, logits, history))
        << "round " << round;
  }
}

// Vocabularies of many blocks, some of them without a token that can be chosen.
TEST(Sampler, EqualsTheSortedReferenceOfLargeVocabularies) {
  std::mt19937 rng(8);
  for (int round = 0; round < 60; ++round) {
    const std::size_t n_vocab = 5000 + rng() % 5000;
    const auto params = random_params(rng, n_vocab);
    auto logits = random_logits(rng, n_vocab);
    const std::size_t n_far = round % 3 == 0 ? n_vocab - 700 : 0;
    for (std::size_t i = 0; i < n_far; ++i) logits[i] = -1000;
    const auto history = random_history(rng, 60, n_vocab);
    const std::int32_t expected = reference_sample(params, logits, history);
    for (const Isa isa : available_isas()) {
      ASSERT_EQ(sample(params, logits, history, isa).value, expected)
          << "round " << round << ", " << isa_name(isa);
    }
  }
}

TEST(Sampler, AReusedSamplerForgetsEarlierCalls) {
  std::mt19937 rng(2);
  SamplingParams params{.penalty_last_n = -1, .repetition_penalty = 1.5F, .top_p = 0.9F};
  params.temperature = 1;
  auto reused = Sampler::create(params, 300, best_isa());
  for (int round = 0; round < 100; ++round) {
    const auto logits = random_logits(rng, 300);
    const auto history = random_history(rng, 50, 300);
    ASSERT_EQ(*reused->sample(logits, history), sample(params, logits, history));
  }
}

TEST(Sampler, GreedyTakesTheLowestOfEqualTokens) {
  EXPECT_EQ(sample({}, {0, 3, 1, 3, 3}), Token(1));
  EXPECT_EQ(sample({.top_k = 1, .temperature = 1}, {0, 3, 1, 3, 3}), Token(1));
}

TEST(Sampler, DrawsAsOftenAsTheProbabilitiesSay) {
  const std::vector<double> wanted = {0.5, 0.25, 0.125, 0.125};
  std::vector<float> logits;
  for (const double p : wanted) logits.push_back(static_cast<float>(std::log(p)));
  auto sampler = Sampler::create({.temperature = 1, .seed = 7}, 4, best_isa());
  constexpr int kDraws = 40000;
  std::array<int, 4> counts{};
  std::vector<Token> history;
  for (int i = 0; i < kDraws; ++i) {
    ++counts[std::size_t(sampler->sample(logits, history)->value)];
    history.push_back(Token(0));
  }
  double chi_squared = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const double expected = kDraws * wanted[i];
    chi_squared += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  EXPECT_LT(chi_squared, 16.27);  // the 99.9 % point for 3 degrees of freedom
}

TEST(Sampler, TheDrawDependsOnSeedAndPositionAlone) {
  std::mt19937 rng(3);
  const auto logits = random_logits(rng, 500);
  const std::vector<Token> history(20, Token(4));
  const SamplingParams params{.temperature = 2, .seed = 11};
  auto sampler = Sampler::create(params, 500, best_isa());
  const Token first = *sampler->sample(logits, history);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(*sampler->sample(logits, history), first);

  int n_different = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    n_different += sample({.temperature = 2, .seed = seed}, logits, history) != first;
  }
  EXPECT_GT(n_different, 10);
}

TEST(Sampler, ABannedTokenIsNeverChosen) {
  for (const float temperature : {0.0F, 1.0F}) {
    const SamplingParams params{.logit_bias = {{Token(1), kBanned}}, .temperature = temperature};
    EXPECT_EQ(sample(params, {-1e30F, 5}), Token(0));
  }
  const SamplingParams all{.logit_bias = {{Token(0), kBanned}, {Token(1), kBanned}}};
  EXPECT_EQ(Sampler::create(all, 2, best_isa())->sample(std::vector<float>{1, 2}, {}).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(Sampler, HugeLogitsStayNumbers) {
  const float huge = std::numeric_limits<float>::max();
  const SamplingParams params{.repetition_penalty = 0.01F, .temperature = 0.001F};
  EXPECT_EQ(sample(params, {huge, -huge, 0}, {Token(0), Token(1)}), Token(0));
}

TEST(Sampler, RefusesParametersOutsideTheirRanges) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<SamplingParams> wrong = {
      {.logit_bias = {{Token(10), 0}}},
      {.logit_bias = {{Token(-1), 0}}},
      {.logit_bias = {{Token(1), nan}}},
      {.logit_bias = {{Token(1), -kBanned}}},
      {.penalty_last_n = -2},
      {.repetition_penalty = 0},
      {.repetition_penalty = nan},
      {.frequency_penalty = 101},
      {.presence_penalty = nan},
      {.top_k = -1},
      {.top_p = 0},
      {.top_p = 1.1F},
      {.top_p = nan},
      {.min_p = -0.1F},
      {.min_p = nan},
      {.temperature = -1},
      {.temperature = nan},
      {.temperature = 101},
  };
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    const auto sampler = Sampler::create(wrong[i], 10, best_isa());
    ASSERT_FALSE(sampler.ok()) << "case " << i;
    EXPECT_EQ(sampler.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(CounterRandom, IsUniform) {
  constexpr int kDraws = 100000;
  for (const std::uint64_t seed : {0ULL, 1ULL, ~0ULL}) {
    std::array<int, 100> counts{};
    for (std::uint64_t i = 0; i < kDraws; ++i) {
      const double u = counter_random(seed, i);
      ASSERT_TRUE(u >= 0 && u < 1);
      ++counts[static_cast<std::size_t>(u * 100)];
    }
    double chi_squared = 0;
    for (const int n : counts) chi_squared += (n - 1000.0) * (n - 1000.0) / 1000;
    EXPECT_LT(chi_squared, 149);  // the 99.9 % point for 99 degrees of freedom
  }
}

}  // namespace
}  // namespace eddy
