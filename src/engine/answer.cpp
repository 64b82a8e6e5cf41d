#include "engine/answer.h"

#include <memory>

#include "base/error.h"
#include "base/try.h"

namespace eddy {
namespace {

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
  return {};
}

void reserve_one(std::vector<Token>& tokens) {
  if (tokens.size() == tokens.capacity()) tokens.reserve(2 * tokens.size() + 16);
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
      filter_(params.stop) {}

Result<Completion> Answer::run() {
  session_.is_answering = true;
  const std::unique_ptr<bool, void (*)(bool*)> scope(&session_.is_answering,
                                                     [](bool* flag) { *flag = false; });
  EDDY_TRY_ASSIGN(const StopReason reason, grow());
  add_end(reason);
  session_.cancelled = false;  // a request that came too late for this call is not for the next
  return Completion{.text = filter_.text(), .n_tokens = n_tokens_, .reason = reason};
}

Result<StopReason> Answer::grow() {
  while (n_tokens_ < params_.max_tokens) {
    reserve_one(session_.tokens);  // before the state goes on: the two never part
    const Result<Token> token = session_.next_token(sampler_);
    if (!token && token.error().code == ErrorCode::kCancelled) return StopReason::kCancelled;
    if (!token) return token.error();
    session_.tokens.push_back(*token);
    ++n_tokens_;
    if (session_.core->parts.tokenizer->is_end(*token)) return StopReason::kEnd;
    const bool go_on = add(*token);
    if (filter_.stopped()) return StopReason::kStopString;
    if (!go_on) return StopReason::kCallback;
  }
  return StopReason::kLength;
}

bool Answer::add(Token token) {
  std::string text;
  session_.answer_bytes.push(session_.core->parts.tokenizer->bytes(token), text);
  return show(filter_.push(text));
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
