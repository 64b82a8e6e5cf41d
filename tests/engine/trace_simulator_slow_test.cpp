// The four traces: what the prefix cache promises on them, counted by plain comparison of tokens.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/trace_simulator.h"

namespace eddy::test {
namespace {

constexpr std::uint64_t kSeeds = 6;
constexpr std::uint64_t kStateBytes = 2736 * 1024;

std::uint64_t n_common(const std::vector<Token>& a, const std::vector<Token>& b) {
  const std::size_t n = std::min(a.size(), b.size());
  const auto end = a.begin() + static_cast<std::ptrdiff_t>(n);
  return static_cast<std::uint64_t>(std::mismatch(a.begin(), end, b.begin()).first - a.begin());
}

// Tokens that each prompt shares with anything before it.
std::uint64_t n_shared(const std::vector<TraceRequest>& trace) {
  std::vector<std::vector<Token>> seen;
  std::uint64_t n = 0;
  for (const TraceRequest& request : trace) {
    std::uint64_t most = 0;
    for (const auto& path : seen) most = std::max(most, n_common(path, request.prompt));
    n += most;
    seen.push_back(request.prompt);
    seen.back().insert(seen.back().end(), request.answer.begin(), request.answer.end());
  }
  return n;
}

TraceResult run(TraceKind kind, std::uint64_t seed, SimulatorOptions options = {}) {
  const auto result = simulate(make_trace(kind, seed), options);
  EXPECT_TRUE(result.ok());
  return *result;
}

class TraceTest : public ::testing::TestWithParam<TraceKind> {};

TEST_P(TraceTest, EqualSeedsMakeEqualTraces) {
  const auto a = make_trace(GetParam(), 3), b = make_trace(GetParam(), 3),
             c = make_trace(GetParam(), 4);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].prompt, b[i].prompt);
    EXPECT_EQ(a[i].answer, b[i].answer);
    EXPECT_EQ(a[i].turns, b[i].turns);
    EXPECT_TRUE(std::is_sorted(a[i].turns.begin(), a[i].turns.end()));
    EXPECT_LE(a[i].turns.back(), static_cast<Pos>(a[i].prompt.size()));
  }
  EXPECT_NE(a[0].prompt, c[0].prompt);
}

TEST_P(TraceTest, SharedTokensAreThoseThatAPlainComparisonFinds) {
  EXPECT_EQ(run(GetParam(), 1).n_shared_tokens, n_shared(make_trace(GetParam(), 1)));
}

// With enough room, no request computes more than max(64, 3 %) of what it shares again, and no path
// holds more than 2 log2(L / 64) + turns states.
TEST_P(TraceTest, RecomputesWithinTheBoundAndStaysWithinTheLimit) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const TraceResult result = run(GetParam(), seed);
    EXPECT_EQ(result.n_over_bound, 0u) << seed;
    EXPECT_LE(result.worst_replay, 1) << seed;
    EXPECT_LE(result.n_over_limit, 0) << seed;
    EXPECT_EQ(result.n_hits, result.n_sharing) << seed;
    EXPECT_EQ(result.n_evicted, 0u) << seed;
    EXPECT_GT(result.shared_hit_rate(), 0.98) << seed;
  }
}

TEST_P(TraceTest, StaysWithinItsBytes) {
  for (const std::uint64_t n_states : {3u, 20u, 100u}) {
    SimulatorOptions options;
    options.n_state_bytes = kStateBytes;
    options.n_bytes_max = n_states * kStateBytes;
    const TraceResult result = run(GetParam(), 1, options);
    EXPECT_LE(result.n_bytes_most, options.n_bytes_max);
    EXPECT_GT(result.n_bytes_most, options.n_bytes_max / 2);
    EXPECT_EQ(result.n_restored_tokens + result.n_replayed_tokens, result.n_shared_tokens);
  }
}

TEST_P(TraceTest, MoreRoomIsNoWorse) {
  double before = 0;
  for (const std::uint64_t n_states : {8u, 32u, 128u, 512u}) {
    SimulatorOptions options;
    options.n_state_bytes = kStateBytes;
    options.n_bytes_max = n_states * kStateBytes;
    const double rate = run(GetParam(), 2, options).hit_rate();
    EXPECT_GE(rate, before - 0.002);
    before = rate;
  }
}

// At every budget between little and plenty.
TEST_P(TraceTest, WorthBeatsAgeAndMarconi) {
  for (const std::uint64_t n_states : {24u, 96u, 384u}) {
    SimulatorOptions options;
    options.n_state_bytes = kStateBytes;
    options.n_bytes_max = n_states * kStateBytes;
    const double ours = run(GetParam(), 1, options).hit_rate();
    options.policy.rule = RetentionRule::kLru;
    EXPECT_GE(ours, run(GetParam(), 1, options).hit_rate() - 0.001) << n_states;
    for (const double alpha : {0.1, 1.0}) {
      options.policy = {.rule = RetentionRule::kMarconi, .alpha = alpha};
      for (const Placement placement : {Placement::kLadders, Placement::kEndAndFork}) {
        options.placement = placement;
        EXPECT_GE(ours, run(GetParam(), 1, options).hit_rate() - 0.001) << n_states << " " << alpha;
      }
      options.placement = Placement::kLadders;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, TraceTest, ::testing::ValuesIn(kTraceKinds),
                         [](const auto& info) { return std::string(trace_name(info.param)); });

TEST(TraceSimulator, AnEmptyTraceIsNothing) {
  const auto result = simulate({}, {});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->n_requests, 0u);
  EXPECT_EQ(result->hit_rate(), 0);
}

TEST(TraceSimulator, AnExactRepeatComputesNothing) {
  std::vector<TraceRequest> trace(2);
  for (int i = 0; i < 1000; ++i) trace[0].prompt.push_back(Token(i));
  trace[1] = trace[0];
  const auto result = simulate(trace, {});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->n_restored_tokens, 1000u);
  EXPECT_EQ(result->n_replayed_tokens, 0u);
}

}  // namespace
}  // namespace eddy::test
