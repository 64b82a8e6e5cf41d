#include "engine/drafter.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/try.h"
#include "engine/session.h"

namespace eddy {

// --- N-grams ------------------------------------------------------------------------------------

std::uint64_t NgramDrafter::key(std::span<const Token> gram) {
  std::uint64_t hash = gram.size();
  for (const Token token : gram) {
    hash = (hash ^ static_cast<std::uint64_t>(token.value + 1)) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
  }
  return hash;
}

// Everything but the last token, which nothing follows yet.
void NgramDrafter::index(std::span<const Token> tokens) {
  const auto text = tokens.first(tokens.size() - 1);
  const auto [differs, end] = std::ranges::mismatch(seen_, text);
  seen_.erase(differs, seen_.end());  // entries beyond are seen to be wrong when they are used
  while (seen_.size() < text.size()) {
    seen_.push_back(text[seen_.size()]);
    for (const std::size_t n : kLengths) {
      if (n <= seen_.size()) next_[key(std::span(seen_).last(n))] = seen_.size();
    }
  }
}

std::size_t NgramDrafter::n_matched(std::span<const Token> tokens, std::size_t at) {
  const std::size_t most = std::min(at, kMostMatched);
  std::size_t n = 0;
  while (n < most && tokens[at - 1 - n] == tokens[tokens.size() - 1 - n]) ++n;
  return n;
}

void NgramDrafter::draft(std::span<const Token> tokens, std::size_t n, std::vector<Token>& out) {
  constexpr std::size_t kFewest = 2;
  if (tokens.size() <= kFewest) return;
  index(tokens);
  std::size_t best = 0, n_best = kFewest - 1;
  const auto consider = [&](std::size_t at) {
    const std::size_t n_here = at < tokens.size() ? n_matched(tokens, at) : 0;
    if (n_here <= n_best) return;
    best = at;
    n_best = n_here;
  };
  if (n_apart_ > 0 && n_apart_ < tokens.size()) consider(tokens.size() - n_apart_);
  for (const std::size_t length : kLengths) {
    if (length > tokens.size()) continue;
    const auto found = next_.find(key(tokens.last(length)));
    if (found != next_.end()) consider(found->second);
  }
  if (best == 0) return;
  n_apart_ = tokens.size() - best;
  n = std::min(n, 2 * n_best);
  // Where what followed reaches the end of the text, the guess goes on with itself.
  const std::size_t first_guess = out.size();
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t at = best + i;
    out.push_back(at < tokens.size() ? tokens[at] : out[first_guess + at - tokens.size()]);
  }
}

// --- A model ------------------------------------------------------------------------------------

ModelDrafter::ModelDrafter(Session& session, const Session::Impl& guesses_for) : session_(session) {
  session_.impl()->guesses_for = &guesses_for;
}

ModelDrafter::~ModelDrafter() { session_.impl()->guesses_for = nullptr; }

// What differs at the end alone is read in the first step of the answer, with others'.
Result<GenerateRequest*> ModelDrafter::ask(std::span<const Token> tokens, std::size_t n) {
  const auto known = session_.tokens();
  const auto [differs, next] = std::ranges::mismatch(known, tokens);
  EDDY_TRY(session_.rewind(known.end() - differs));
  EDDY_TRY(
      session_.impl()->append(tokens.subspan(static_cast<std::size_t>(next - tokens.begin()))));
  n_known_ = tokens.size();
  request_ = {.session = &session_, .params = {.max_tokens = static_cast<std::int64_t>(n)}};
  return &request_;
}

Status ModelDrafter::take(std::vector<Token>& out) const {
  if (!request_.result) return request_.result.error();
  if (session_.tokens().size() < n_known_) {  // a callback has had it
    return fail(ErrorCode::kInvalidArgument, "draft: the session was rewound while it guessed");
  }
  const auto guessed = session_.tokens().subspan(n_known_);
  out.insert(out.end(), guessed.begin(), guessed.end());
  return {};
}

// --- Length -------------------------------------------------------------------------------------

std::size_t DraftLength::next(double cost) {
  constexpr std::size_t kTryEvery = 16;  // whether the text has become easier to guess
  if (n_pause_ > 0) {
    --n_pause_;
    return 0;
  }
  n_too_dear_ = share_right_ < cost ? n_too_dear_ + 1 : 0;
  return n_too_dear_ % kTryEvery == 0 ? next_ : 0;
}

void DraftLength::note(std::size_t n_drafted, std::size_t n_accepted) {
  if (n_drafted == 0) return;
  const double share = static_cast<double>(n_accepted) / static_cast<double>(n_drafted);
  share_right_ += (share - share_right_) / 8;
  if (n_accepted == 0) {
    n_failures_ = std::min<std::size_t>(n_failures_ + 1, 6);
    n_pause_ = (std::size_t{1} << n_failures_) - 2;  // 0, 2, 6, ..., 62
    next_ = std::max<std::size_t>(1, next_ / 2);
    return;
  }
  n_failures_ = 0;
  next_ = n_accepted == n_drafted ? std::min(most_, std::max(next_, 2 * n_drafted))
                                  : std::min(most_, n_accepted + 1);
}

// --- Cost ---------------------------------------------------------------------------------------

void StepCost::note(std::size_t n_tokens, double seconds) {
  constexpr double kWeight = 1.0 / 16;
  const double n = static_cast<double>(n_tokens) - n_tokens_, s = seconds - seconds_;
  const double weight = std::exchange(is_first_, false) ? 1 : kWeight;
  n_tokens_ += weight * n;
  seconds_ += weight * s;
  variance_ = (1 - weight) * (variance_ + weight * n * n);
  covariance_ = (1 - weight) * (covariance_ + weight * n * s);
}

double StepCost::of_a_guess(std::size_t n_answers) const {
  if (variance_ < 0.1 || covariance_ <= 0) return 0;
  const double per_token = covariance_ / variance_;
  const auto n = static_cast<double>(n_answers);
  const double plain = seconds_ + per_token * (n - n_tokens_);
  return plain > 0 ? std::min(1.0, per_token * n / plain) : 1;
}

}  // namespace eddy
