#include "engine/answer.h"

#include <algorithm>

#include "base/error.h"
#include "base/guarded.h"
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

// What differs within vocabularies of one size makes wrong guesses, and no wrong answers.
Status check_draft(const SpeculationParams& params, const Session::Impl& session) {
  if (!params.draft) return {};
  const Session::Impl& draft = *params.draft->impl();
  if (&draft == &session || draft.is_answering || draft.guesses_for) {
    return fail(ErrorCode::kInvalidArgument,
                "draft: the session is at work; each answer needs one of its own to guess for it");
  }
  const std::int64_t theirs = draft.core->info.n_vocab;
  const std::int64_t ours = session.core->info.n_vocab;
  if (theirs == ours) return {};
  return fail(ErrorCode::kMismatch,
              "draft: its model has a vocabulary of {} tokens, expected {} as in the model that it "
              "guesses for",
              theirs, ours);
}

// Guesses that are wrong are taken back from a state before them, which must still be in the window
// then, and have a cell. Longer ones would be no better: half a window costs what its tokens cost.
std::size_t longest_draft(const SpeculationParams& params, const RecurrentMemory& memory) {
  const auto most = static_cast<std::size_t>(params.max_draft);
  if (!memory.log().is_on()) return most;
  return std::min(most, static_cast<std::size_t>(memory.log().n_rewind()) / 2);
}

void reserve(std::vector<Token>& tokens, std::size_t n) {
  const std::size_t n_needed = tokens.size() + n;
  if (n_needed > tokens.capacity()) tokens.reserve(std::max(n_needed, 2 * tokens.size()) + 16);
}

}  // namespace

Result<std::unique_ptr<Answer>> Answer::create(const GenerateParams& params, Session::Impl& session,
                                               const Session::OnText& on_text) {
  EDDY_TRY(session.check_idle());
  EDDY_TRY(check_params(params));
  if (session.tokens.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the session is empty: there is nothing to answer");
  }
  EDDY_TRY(check_draft(params.speculation, session));
  const Engine::Core& core = *session.core;
  EDDY_TRY_ASSIGN(Sampler sampler, Sampler::create(params.sampling, core.info.n_vocab, core.isa));
  return std::unique_ptr<Answer>(new Answer(params, session, on_text, std::move(sampler)));
}

Answer::Answer(const GenerateParams& params, Session::Impl& session, const Session::OnText& on_text,
               Sampler sampler)
    : params_(params),
      session_(session),
      on_text_(on_text),
      sampler_(std::move(sampler)),
      filter_(params.stop),
      draft_length_(longest_draft(params.speculation, *session.core->memory)) {
  if (params.speculation.draft) {
    model_drafter_.emplace(*params.speculation.draft, session);
  } else if (params.speculation.max_draft > 0) {
    ngram_drafter_.emplace();
  }
  session.is_answering = true;
}

// Where memory ended before a step was taken, the state has seen tokens that are not the session's.
Answer::~Answer() {
  step_.reset();
  if (!is_taken_) session_.settle();
  session_.is_answering = false;
}

GenerateRequest* Answer::begin_step(std::size_t n_tokens_max, double guess_cost) {
  draft_.clear();
  asked_ = nullptr;
  const std::size_t n = n_guesses(n_tokens_max, guess_cost);
  if (n == 0) return nullptr;
  if (ngram_drafter_) ngram_drafter_->draft(session_.tokens, n, draft_);
  if (model_drafter_) {
    asked_ = guarded([&] { return model_drafter_->ask(session_.tokens, n); });
  }
  return asked_ ? *asked_ : nullptr;
}

Step* Answer::next_step() {
  const bool is_first = n_tokens_ == 0;
  if (n_tokens_ >= params_.max_tokens) return end(StopReason::kLength), nullptr;
  if (const Status drafted = take_draft(); !drafted) return end_with(drafted.error()), nullptr;
  reserve(session_.tokens, draft_.size() + 1);  // before the state goes on: the two never part
  reserve(chosen_, draft_.size() + 1);
  is_taken_ = false;
  return &step_.emplace(session_, sampler_, draft_, chosen_, is_first);
}

bool Answer::take_step() {
  const Status done = step_->status();
  step_.reset();
  is_taken_ = !done;
  if (!done) return end_with(done.error());
  draft_length_.note(draft_.size(), chosen_.size() - 1);
  n_drafted_ += std::ssize(draft_);
  n_accepted_ += std::ssize(chosen_) - 1;
  const auto reason = add(chosen_);
  is_taken_ = true;
  return reason ? end(*reason) : true;
}

bool Answer::end_with(const Error& error) {
  if (error.code == ErrorCode::kCancelled) return end(StopReason::kCancelled);
  return end(error);
}

bool Answer::end(Result<StopReason> reason) {
  if (reason) add_end(*reason);
  reason_ = std::move(reason);
  return false;
}

Result<Completion> Answer::result() {
  session_.store_answer();
  if (!*reason_) return reason_->error();
  session_.cancelled = false;  // a request that came too late for this call is not for the next
  return Completion{.text = filter_.text(),
                    .n_tokens = n_tokens_,
                    .n_drafted = n_drafted_,
                    .n_accepted = n_accepted_,
                    .reason = **reason_,
                    .drafts = drafts_};
}

// One token comes without a guess, so a draft has one less than are wanted.
std::size_t Answer::n_guesses(std::size_t n_tokens_max, double guess_cost) {
  const std::int64_t n_wanted = params_.max_tokens - n_tokens_ - 1;
  if (n_wanted <= 0 || (!ngram_drafter_ && !model_drafter_)) return 0;
  return std::min(
      {draft_length_.next(guess_cost), static_cast<std::size_t>(n_wanted), n_tokens_max - 1});
}

// A model that fails is nobody who guesses; that somebody cancels is for this answer too.
Status Answer::take_draft() {
  const Status made = take_models_draft();
  if (made) return session_.core->check_tokens(draft_);
  if (made.error().code == ErrorCode::kCancelled) return made;
  model_drafter_.reset();
  drafts_ = made;
  return {};
}

Status Answer::take_models_draft() {
  if (!asked_) return asked_.error();
  return *asked_ ? model_drafter_->take(draft_) : Status();
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
