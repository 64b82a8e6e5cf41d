#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/try.h"
#include "engine/portable_math.h"

namespace eddy {
namespace {

constexpr float kMaxPenalty = 100;
constexpr float kMinRepetition = 0.01F;
constexpr float kMaxBias = 1e6F;
constexpr float kMaxTemperature = 100;
constexpr std::size_t kTopPChunk = 64;  // most texts need fewer candidates than this

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
    if (bias == -std::numeric_limits<float>::infinity()) continue;
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
  if (logit == -std::numeric_limits<double>::infinity()) {
    return -std::numeric_limits<float>::infinity();
  }
  return static_cast<float>(std::clamp(logit, -kMax, kMax));
}

Result<Token> nothing_left() {
  return fail(ErrorCode::kInvalidArgument, "logit_bias: every token is banned");
}

Result<Token> most_likely(std::span<const float> logits) {
  const auto best = std::max_element(logits.begin(), logits.end());
  if (*best == -std::numeric_limits<float>::infinity()) return nothing_left();
  return Token(static_cast<std::int32_t>(best - logits.begin()));
}

}  // namespace

Result<Sampler> Sampler::create(SamplingParams params, std::int64_t n_vocab) {
  EDDY_TRY(check_params(params, n_vocab));
  return Sampler(std::move(params), n_vocab);
}

Sampler::Sampler(SamplingParams params, std::int64_t n_vocab) : params_(std::move(params)) {
  const auto n = static_cast<std::size_t>(n_vocab);
  if (adjusts()) {
    scores_.resize(n);
    counts_.resize(n);
  }
  if (params_.temperature > 0) {
    candidates_.reserve(n);
    weights_.reserve(n);
  }
}

Result<Token> Sampler::sample(std::span<const float> logits, std::span<const Token> history) {
  const auto scores = adjusted(logits, history);
  if (params_.temperature == 0) return most_likely(scores);
  collect(scores);
  if (candidates_.empty()) return nothing_left();
  keep_top_k();
  keep_top_p();
  keep_min_p();
  return draw(history.size());
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

void Sampler::collect(std::span<const float> logits) {
  candidates_.clear();
  best_ = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] == -std::numeric_limits<float>::infinity()) continue;
    candidates_.push_back({Token(static_cast<std::int32_t>(i)), logits[i]});
    best_ = std::max(best_, logits[i]);
  }
}

void Sampler::keep_top_k() {
  const auto k = static_cast<std::size_t>(params_.top_k);
  if (k == 0 || k >= candidates_.size()) return;
  const auto end = candidates_.begin() + params_.top_k;
  std::nth_element(candidates_.begin(), end, candidates_.end(), better);
  candidates_.erase(end, candidates_.end());
  order_by_id();
}

// Ranks the candidates chunk by chunk until the ranked ones hold top_p of the total weight.
void Sampler::keep_top_p() {
  if (params_.top_p >= 1) return;
  double total = 0;
  for (const Candidate& candidate : candidates_) total += weight(candidate);
  const double wanted = total * static_cast<double>(params_.top_p);

  double sum = 0;
  std::size_t n_kept = 0;
  for (std::size_t n_ranked = 0; sum < wanted && n_kept < candidates_.size(); ++n_kept) {
    if (n_kept == n_ranked) {
      const std::size_t n = std::min(n_ranked + std::max(kTopPChunk, n_ranked), candidates_.size());
      const auto first = candidates_.begin() + static_cast<std::ptrdiff_t>(n_ranked);
      const auto last = candidates_.begin() + static_cast<std::ptrdiff_t>(n);
      std::nth_element(first, last, candidates_.end(), better);
      std::sort(first, last, better);
      n_ranked = n;
    }
    sum += weight(candidates_[n_kept]);
  }
  candidates_.resize(n_kept);
  order_by_id();
}

void Sampler::keep_min_p() {
  if (params_.min_p <= 0) return;
  const double least = params_.min_p;
  std::erase_if(candidates_, [&](const Candidate& c) { return weight(c) < least; });
}

// The first candidate, by rising id, at which the summed weights pass a random share of the total.
Token Sampler::draw(std::uint64_t counter) {
  weights_.clear();
  double total = 0;
  for (const Candidate& candidate : candidates_) {
    const double distance = static_cast<double>(candidate.logit) - best_;
    weights_.push_back(portable_exp(distance / params_.temperature));
    total += weights_.back();
  }
  const double mark = total * counter_random(params_.seed, counter);
  double sum = 0;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    sum += weights_[i];
    if (sum > mark) return candidates_[i].id;
  }
  // Only rounding in total * random leads here: the mark was the total itself.
  return std::max_element(candidates_.begin(), candidates_.end(),
                          [](const Candidate& a, const Candidate& b) { return better(b, a); })
      ->id;
}

bool Sampler::better(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

void Sampler::order_by_id() {
  std::sort(candidates_.begin(), candidates_.end(),
            [](const Candidate& a, const Candidate& b) { return a.id < b.id; });
}

// Relative to the best candidate, which weighs 1.
double Sampler::weight(const Candidate& candidate) const {
  return portable_exp(static_cast<double>(candidate.logit) - best_);
}

}  // namespace eddy
