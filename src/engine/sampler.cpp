#include "engine/sampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/try.h"
#include "cpu/token_weights.h"
#include "engine/counter_random.h"

namespace eddy {
namespace {

constexpr float kMaxPenalty = 100;
constexpr float kMinRepetition = 0.01F;
constexpr float kMaxBias = 1e6F;
constexpr float kMaxTemperature = 100;
constexpr float kBanned = -std::numeric_limits<float>::infinity();

Status check_range(const char* name, float value, float low, float high) {
  if (value >= low && value <= high) return {};
  return fail(ErrorCode::kInvalidArgument, "{}: {}, expected {} .. {}", name, value, low, high);
}

Status check_bias(const SamplingParams& params, std::int64_t n_vocab) {
  for (const auto& [token, bias] : params.logit_bias) {
    if (token.value < 0 || token.value >= n_vocab) {
      return fail(ErrorCode::kInvalidArgument, "logit_bias: token {}, expected 0 .. {}",
                  token.value, n_vocab - 1);
    }
    if (bias == kBanned) continue;
    EDDY_TRY(check_range("logit_bias", bias, -kMaxBias, kMaxBias));
  }
  return {};
}

Status check_params(const SamplingParams& params, std::int64_t n_vocab) {
  EDDY_TRY(check_bias(params, n_vocab));
  if (params.penalty_last_n < -1) {
    return fail(ErrorCode::kInvalidArgument, "penalty_last_n: {}, expected -1 or more",
                params.penalty_last_n);
  }
  if (params.top_k < 0) {
    return fail(ErrorCode::kInvalidArgument, "top_k: {}, expected 0 or more", params.top_k);
  }
  if (!(params.top_p > 0 && params.top_p <= 1)) {
    return fail(ErrorCode::kInvalidArgument, "top_p: {}, expected above 0, at most 1",
                params.top_p);
  }
  EDDY_TRY(
      check_range("repetition_penalty", params.repetition_penalty, kMinRepetition, kMaxPenalty));
  EDDY_TRY(check_range("frequency_penalty", params.frequency_penalty, -kMaxPenalty, kMaxPenalty));
  EDDY_TRY(check_range("presence_penalty", params.presence_penalty, -kMaxPenalty, kMaxPenalty));
  EDDY_TRY(check_range("min_p", params.min_p, 0, 1));
  return check_range("temperature", params.temperature, 0, kMaxTemperature);
}

std::span<const Token> newest(std::span<const Token> history, std::int64_t last_n) {
  const auto n = static_cast<std::int64_t>(history.size());
  if (last_n < 0 || last_n >= n) return history;
  return history.last(static_cast<std::size_t>(last_n));
}

// Keeps adjusted logits finite, so that their differences are numbers; -infinity stays.
float clamped(double logit) {
  constexpr double kMax = std::numeric_limits<float>::max();
  if (logit == -std::numeric_limits<double>::infinity()) return kBanned;
  return static_cast<float>(std::clamp(logit, -kMax, kMax));
}

Result<Token> nothing_left() {
  return fail(ErrorCode::kInvalidArgument, "logit_bias: every token is banned");
}

// Loops over blocks that the compiler makes vectors of.
constexpr std::size_t kWide = 32;

float largest(std::span<const float> values) {
  std::array<float, kWide> most;
  most.fill(kBanned);
  std::size_t i = 0;
  for (; i + kWide <= values.size(); i += kWide) {
    for (std::size_t j = 0; j < kWide; ++j) {
      most[j] = values[i + j] > most[j] ? values[i + j] : most[j];
    }
  }
  for (; i < values.size(); ++i) most[0] = std::max(most[0], values[i]);
  return *std::ranges::max_element(most);
}

// Calls at(first, last) for blocks in which there is a value of at least `least`, and for the rest;
// ends where that returns false.
void for_blocks_with(std::span<const float> values, const float& least, const auto& at) {
  for (std::size_t first = 0; first < values.size(); first += kWide) {
    const std::size_t last = std::min(first + kWide, values.size());
    if (last - first == kWide) {
      unsigned n = 0;
      for (std::size_t j = 0; j < kWide; ++j) n += values[first + j] >= least ? 1u : 0u;
      if (n == 0) continue;
    }
    if (!at(first, last)) return;
  }
}

float sum_of_at_least(std::span<const float> values, float least) {
  std::array<float, kWide> sums = {};
  std::size_t i = 0;
  for (; i + kWide <= values.size(); i += kWide) {
    for (std::size_t j = 0; j < kWide; ++j) sums[j] += values[i + j] >= least ? values[i + j] : 0;
  }
  for (; i < values.size(); ++i) sums[0] += values[i] >= least ? values[i] : 0;
  return std::accumulate(sums.begin(), sums.end(), 0.0f);
}

// A weight such that what weighs as much holds top_p of the total: not much less than the greatest
// such weight. Where each token weighs too little all of them weigh less than what top_p leaves
// out; from there on powers of two are tried.
float least_likely(std::span<const float> weights, float top_p, double total) {
  if (top_p >= 1) return std::numeric_limits<float>::denorm_min();
  const double left_out = (1 - static_cast<double>(top_p)) * total;
  int low = std::ilogb(left_out / (2 * static_cast<double>(weights.size())));
  constexpr double kForRounding = 1.001;  // of sums of thousands of floats
  const double wanted = kForRounding * static_cast<double>(top_p) * total;
  for (int high = 1; high - low > 1;) {
    const int middle = low + (high - low) / 2;
    const float sum = sum_of_at_least(weights, std::ldexp(1.0f, middle));
    (sum >= wanted ? low : high) = middle;
  }
  return std::ldexp(1.0f, low);
}

std::size_t first_of(float largest, std::span<const float> values) {
  std::size_t i = 0;
  for_blocks_with(values, largest, [&](std::size_t first, std::size_t last) {
    for (i = first; i < last; ++i) {
      if (values[i] == largest) return false;
    }
    return true;
  });
  return i;
}

}  // namespace

Result<Sampler> Sampler::create(SamplingParams params, std::int64_t n_vocab, Isa isa) {
  EDDY_TRY(check_params(params, n_vocab));
  return Sampler(std::move(params), n_vocab, isa);
}

Sampler::Sampler(SamplingParams params, std::int64_t n_vocab, Isa isa)
    : params_(std::move(params)), isa_(isa) {
  const auto n = static_cast<std::size_t>(n_vocab);
  if (adjusts()) {
    scores_.resize(n);
    counts_.resize(n);
  }
  if (params_.temperature == 0) return;
  weights_.resize(n);
  sums_.resize(static_cast<std::size_t>(n_weight_blocks(n_vocab)));
  ids_.reserve(n);
  logits_.reserve(n);
  ranked_.reserve(n);
}

Result<Token> Sampler::sample(std::span<const float> logits, std::span<const Token> history) {
  const auto scores = adjusted(logits, history);
  best_ = largest(scores);
  if (best_ == kBanned) return nothing_left();
  if (params_.temperature == 0) return Token(static_cast<std::int32_t>(first_of(best_, scores)));
  const bool has_top_k = params_.top_k > 0 && std::cmp_less(params_.top_k, scores.size());
  if (!has_top_k && params_.top_p >= 1 && params_.min_p <= 0) {
    return Token(static_cast<std::int32_t>(draw(scores, history.size())));
  }
  if (has_top_k) {
    gather_top_k(scores);
  } else {
    gather_likely(scores);
  }
  return Token(ids_[draw(logits_, history.size())]);
}

bool Sampler::adjusts() const {
  return !params_.logit_bias.empty() || params_.repetition_penalty != 1 ||
         params_.frequency_penalty != 0 || params_.presence_penalty != 0;
}

std::span<const float> Sampler::adjusted(std::span<const float> logits,
                                         std::span<const Token> history) {
  if (!adjusts()) return logits;
  scores_.assign(logits.begin(), logits.end());
  for (const auto& [token, bias] : params_.logit_bias) {
    float& score = scores_[static_cast<std::size_t>(token.value)];
    score = clamped(static_cast<double>(score) + bias);
  }
  penalise(newest(history, params_.penalty_last_n));
  return scores_;
}

void Sampler::penalise(std::span<const Token> recent) {
  for (const Token token : recent) ++counts_[static_cast<std::size_t>(token.value)];
  for (const Token token : recent) {
    auto& count = counts_[static_cast<std::size_t>(token.value)];
    if (count == 0) continue;  // done at an earlier occurrence
    float& score = scores_[static_cast<std::size_t>(token.value)];
    double s = score;
    s = s > 0 ? s / params_.repetition_penalty : s * params_.repetition_penalty;
    s -= static_cast<double>(params_.frequency_penalty) * count + params_.presence_penalty;
    score = clamped(s);
    count = 0;
  }
}

void Sampler::gather_top_k(std::span<const float> scores) {
  const auto k = static_cast<std::size_t>(params_.top_k);
  const std::size_t n_most = std::max(2 * k, k + 1024);
  ranked_.clear();
  const auto cut = [&] {
    const auto end = ranked_.begin() + params_.top_k;
    std::nth_element(ranked_.begin(), end - 1, ranked_.end(), better);
    ranked_.erase(end, ranked_.end());
    return ranked_.back().logit;
  };
  float least = std::numeric_limits<float>::lowest();  // banned tokens are below
  for_blocks_with(scores, least, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      if (scores[i] >= least) ranked_.push_back({static_cast<std::int32_t>(i), scores[i], 0});
    }
    if (ranked_.size() >= n_most) least = cut();
    return true;
  });
  if (ranked_.size() > k) cut();
  std::ranges::sort(ranked_, {}, &Candidate::id);
  ids_.clear();
  logits_.clear();
  for (const Candidate& candidate : ranked_) {
    ids_.push_back(candidate.id);
    logits_.push_back(candidate.logit);
  }
  if (params_.top_p >= 1 && params_.min_p <= 0) return;
  const double total = weigh(logits_, 1);
  keep_top_p(total);
  keep_if([&](const Candidate& c) { return c.weight >= params_.min_p; });
}

void Sampler::gather_likely(std::span<const float> scores) {
  const double total = weigh(scores, 1);
  const float least = std::max(params_.min_p, least_likely(weights_, params_.top_p, total));
  ids_.resize(scores.size());
  logits_.resize(scores.size());
  std::size_t n = 0;
  for_blocks_with(weights_, least, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      if (weights_[i] < least) continue;  // most
      put(n++, {static_cast<std::int32_t>(i), scores[i], weights_[i]});
    }
    return true;
  });
  ids_.resize(n);
  logits_.resize(n);
  keep_top_p(total);
}

// The fewest of the best candidates that hold top_p of the total weight. They are counted into
// buckets by their logits, and only the bucket in which the best so far become enough is sorted.
// Weights are whole numbers here, so that their order does not matter.
void Sampler::keep_top_p(double total) {
  if (params_.top_p >= 1) return;
  constexpr float kPerNat = 32;
  constexpr std::size_t kBuckets = 1024;
  const auto bucket_of = [&](float logit) {
    const float distance = std::min((best_ - logit) * kPerNat, float{kBuckets - 1});
    return static_cast<std::size_t>(distance);
  };
  const auto whole = [](double weight) { return static_cast<std::uint64_t>(weight * 0x1p40); };
  std::uint64_t wanted =
      std::max<std::uint64_t>(1, whole(total * static_cast<double>(params_.top_p)));
  std::array<std::uint64_t, kBuckets> sums = {};
  for (std::size_t i = 0; i < ids_.size(); ++i) sums[bucket_of(logits_[i])] += whole(weights_[i]);
  std::size_t bucket = 0;
  while (bucket < kBuckets && sums[bucket] < wanted) wanted -= sums[bucket++];
  if (bucket == kBuckets) return;
  ranked_.clear();
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    if (bucket_of(logits_[i]) == bucket) ranked_.push_back({ids_[i], logits_[i], weights_[i]});
  }
  std::ranges::sort(ranked_, better);
  auto last = ranked_.begin();
  for (; whole(last->weight) < wanted; ++last) wanted -= whole(last->weight);
  keep_if([&](const Candidate& c) { return !better(*last, c); });
}

// Each is written, and then counted or not: a branch could not be foreseen.
void Sampler::keep_if(const auto& is_kept) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    const Candidate candidate = {ids_[i], logits_[i], weights_[i]};
    put(n, candidate);
    n += is_kept(candidate) ? 1u : 0u;
  }
  ids_.resize(n);
  logits_.resize(n);
}

void Sampler::put(std::size_t i, const Candidate& candidate) {
  ids_[i] = candidate.id;
  logits_[i] = candidate.logit;
  weights_[i] = candidate.weight;
}

double Sampler::weigh(std::span<const float> logits, float temperature) {
  const auto n = static_cast<std::int64_t>(logits.size());
  kTokenWeights[isa_]({.logits = logits.data(),
                       .n = n,
                       .best = best_,
                       .temperature = temperature,
                       .weights = weights_.data(),
                       .sums = sums_.data()});
  const auto sums = std::span(sums_).first(static_cast<std::size_t>(n_weight_blocks(n)));
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

// The first at which the summed weights pass a random share of the total: first the block in which
// they do, by the blocks' sums, then the token. Where rounding leads past it, the last that weighs.
std::size_t Sampler::draw(std::span<const float> logits, std::uint64_t counter) {
  const auto n_blocks =
      static_cast<std::size_t>(n_weight_blocks(static_cast<std::int64_t>(logits.size())));
  const double mark = weigh(logits, params_.temperature) * counter_random(params_.seed, counter);
  double sum = 0, sum_before = 0;
  std::size_t block = 0;
  for (std::size_t b = 0; b < n_blocks && sum <= mark; ++b) {
    if (sums_[b] > 0) {
      block = b;
      sum_before = sum;
    }
    sum += sums_[b];
  }
  sum = sum_before;
  const std::size_t first = block * kWeightBlock;
  const std::size_t last = std::min(first + kWeightBlock, logits.size());
  std::size_t chosen = first;
  for (std::size_t i = first; i < last && sum <= mark; ++i) {
    if (weights_[i] > 0) chosen = i;
    sum += weights_[i];
  }
  return chosen;
}

// Equal logits by rising id.
bool Sampler::better(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

}  // namespace eddy
