#include "engine/answer.h"

#include <algorithm>

#include "base/error.h"
#include "base/try.h"

namespace eddy {
namespace {

constexpr std::int32_t kMaxDraft = 256;

Status check_params(const GenerateParams& params) {
  if (params.max_tokens < 0) {
    return fail(ErrorCode::kInvalidArgument, "max_tokens: {}, expected 0 or more",
                params.max_tokens);
  }
  for (const std::string& stop : params.stop) {
    if (stop.empty()) return fail(ErrorCode::kInvalidArgument, "stop: an empty string");
    if (!is_utf8(stop))
      return fail(ErrorCode::kInvalidArgument, "stop: a string that is not UTF-8");
  }
  const std::int32_t max_draft = params.speculation.max_draft;
  if (max_draft < 0 || max_draft > kMaxDraft) {
    return fail(ErrorCode::kInvalidArgument, "max_draft: {}, expected 0 .. {}", max_draft,
                kMaxDraft);
  }
  return {};
}

void reserve(std::vector<Token>& tokens, std::size_t n) {
  const std::size_t n_needed = tokens.size() + n;
  if (n_needed > tokens.capacity()) tokens.reserve(std::max(n_needed, 2 * tokens.size()) + 16);
}

}  // namespace

Result<Answer> Answer::create(const GenerateParams& params, Session::Impl& session,
                              const Session::OnText& on_text) {
  EDDY_TRY(check_params(params));
  if (session.tokens.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the session is empty: there is nothing to answer");
  }
  EDDY_TRY_ASSIGN(Sampler sampler, Sampler::create(params.sampling, session.core->info.n_vocab));
  return Answer(params, session, on_text, std::move(sampler));
}

Answer::Answer(const GenerateParams& params, Session::Impl& session, const Session::OnText& on_text,
               Sampler sampler)
    : params_(params),
      session_(session),
      on_text_(on_text),
      sampler_(std::move(sampler)),
      filter_(params.stop),
      draft_length_(static_cast<std::size_t>(params.speculation.max_draft)) {
  if (params.speculation.max_draft == 0) return;
  if (params.speculation.draft) {
    drafter_ = std::make_unique<ModelDrafter>(*params.speculation.draft);
  } else {
    drafter_ = std::make_unique<NgramDrafter>();
  }
}

Result<Completion> Answer::run() {
  session_.is_answering = true;
  const std::unique_ptr<bool, void (*)(bool*)> scope(&session_.is_answering,
                                                     [](bool* flag) { *flag = false; });
  EDDY_TRY_ASSIGN(const StopReason reason, grow());
  add_end(reason);
  session_.cancelled = false;  // a request that came too late for this call is not for the next
  return Completion{.text = filter_.text(),
                    .n_tokens = n_tokens_,
                    .n_drafted = n_drafted_,
                    .n_accepted = n_accepted_,
                    .reason = reason};
}

Result<StopReason> Answer::grow() {
  while (n_tokens_ < params_.max_tokens) {
    if (drafter_) EDDY_TRY(make_draft());
    reserve(session_.tokens, draft_.size() + 1);  // before the state goes on: the two never part
    reserve(chosen_, draft_.size() + 1);
    const Status done = session_.next_tokens(sampler_, draft_, chosen_);
    if (!done && done.error().code == ErrorCode::kCancelled) return StopReason::kCancelled;
    EDDY_TRY(done);
    draft_length_.note(draft_.size(), chosen_.size() - 1);
    n_drafted_ += std::ssize(draft_);
    n_accepted_ += std::ssize(chosen_) - 1;
    if (const auto reason = add(chosen_)) return *reason;
  }
  return StopReason::kLength;
}

// One token comes without a guess, so a draft has one less than are wanted.
Status Answer::make_draft() {
  draft_.clear();
  const auto n_wanted = static_cast<std::size_t>(params_.max_tokens - n_tokens_ - 1);
  const std::size_t n_lane = session_.core->runner->n_ubatch() - 1;
  const std::size_t n = std::min({draft_length_.next(), n_wanted, n_lane});
  if (n == 0) return {};
  EDDY_TRY(drafter_->draft(session_.tokens, n, draft_));
  return session_.core->check_tokens(draft_);
}

// What follows the one that ends the answer was never chosen.
std::optional<StopReason> Answer::add(std::span<const Token> tokens) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto reason = add(tokens[i]);
    if (!reason) continue;
    if (i + 1 < tokens.size()) session_.forget_from(session_.tokens.size());
    return reason;
  }
  return {};
}

std::optional<StopReason> Answer::add(Token token) {
  session_.tokens.push_back(token);
  ++n_tokens_;
  if (session_.core->parts.tokenizer->is_end(token)) return StopReason::kEnd;
  std::string text;
  session_.answer_bytes.push(session_.core->parts.tokenizer->bytes(token), text);
  const bool go_on = show(filter_.push(text));
  if (filter_.stopped()) return StopReason::kStopString;
  if (!go_on) return StopReason::kCallback;
  return {};
}

// A callback that has said no is not called again; after kEnd nothing will complete an unfinished
// code point; what follows a stop string is no part of the answer. Otherwise the next answer goes
// on with it.
void Answer::add_end(StopReason reason) {
  if (reason == StopReason::kEnd) {
    std::string text;
    session_.answer_bytes.finish(text);
    show(filter_.push(text));
  }
  if (reason == StopReason::kStopString) session_.answer_bytes = {};
  const std::string_view rest = filter_.finish();
  if (reason != StopReason::kCallback) show(rest);
}

bool Answer::show(std::string_view text) { return text.empty() || !on_text_ || on_text_(text); }

}  // namespace eddy
