#include "cli/conversation.h"

#include <fmt/format.h>

#include <cstdio>

#include "base/error.h"
#include "base/try.h"
#include "cli/console.h"
#include "cli/interrupt.h"

namespace eddy {
namespace {

constexpr std::size_t kLongPromptTokens = 1024;  // from here on a bar is worth its line

Error no_folder() {
  return fail(ErrorCode::kInvalidArgument, "no home directory: say where with --store DIR");
}

}  // namespace

Result<Conversation> Conversation::open(Engine& engine, const ConversationOptions& options) {
  EDDY_TRY_ASSIGN(Session session, engine.new_session());
  Conversation conversation(engine, std::move(session), options);
  auto place = with_folder(options.store);
  if (place) conversation.folder_.emplace(std::move(*place));
  if (options.session.empty()) return conversation;
  if (!place) return place.error();
  EDDY_TRY(check_state_name(options.session));
  const Status loaded = conversation.folder_->load(options.session, conversation.session_);
  if (!loaded && loaded.error().code != ErrorCode::kNotFound) return loaded.error();
  return conversation;
}

Result<StopReason> Conversation::answer(std::string_view prompt) {
  const Pos n_before = session_.n_tokens();
  auto reason = answer_now(prompt);
  is_changed_ = is_changed_ || session_.n_tokens() != n_before;
  return reason;
}

Result<StopReason> Conversation::answer_now(std::string_view prompt) {
  const CancelOnInterrupt scope(session_);
  const Status read = feed(prompt);
  if (!read && read.error().code == ErrorCode::kCancelled) return StopReason::kCancelled;
  EDDY_TRY(read);
  const auto start = Clock::now();
  EDDY_TRY_ASSIGN(const Completion done,
                  session_.generate(options_->generate, [](std::string_view text) {
                    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
                           std::fflush(stdout) == 0;
                  }));
  answered_.add(done.n_tokens, start);
  return done.reason;
}

Status Conversation::reset() {
  is_changed_ = true;
  return session_.reset();
}

Status Conversation::save(const std::string& name) {
  if (!folder_) return no_folder();
  return folder_->save(name, session_, SessionFolder::Overwrite::kAlways);
}

Status Conversation::load(const std::string& name) {
  if (!folder_) return no_folder();
  EDDY_TRY(folder_->load(name, session_));
  is_changed_ = true;
  return {};
}

Status Conversation::keep() {
  if (options_->session.empty() || !is_changed_) return {};
  EDDY_TRY(folder_->save(options_->session, session_, SessionFolder::Overwrite::kOwn));
  is_changed_ = false;
  return {};
}

void Conversation::print_stats() const {
  fmt::print(stderr, "prompt: {} tokens, {:.1f} tokens/s; answer: {} tokens, {:.1f} tokens/s\n",
             read_.n_tokens, read_.per_second(), answered_.n_tokens, answered_.per_second());
}

// Where Ctrl-C stops the reading, the rest of the prompt is read with the next one.
Status Conversation::feed(std::string_view prompt) {
  const auto start = Clock::now();
  const std::vector<Token> tokens = prompt_tokens(prompt);
  ProgressBar bar("reading");
  Session::OnProgress show;
  if (tokens.size() >= kLongPromptTokens) show = [&](double fraction) { bar.update(fraction); };
  EDDY_TRY(session_.feed(tokens, show));
  read_.add(static_cast<std::int64_t>(tokens.size()), start);
  return {};
}

std::vector<Token> Conversation::prompt_tokens(std::string_view prompt) const {
  return engine_->tokenize(prompt,
                           {.begin = session_.n_tokens() == 0,
                            .special = options_->special ? Special::kParsed : Special::kAsText});
}

void Conversation::Rate::add(std::int64_t n, Clock::time_point since) {
  n_tokens += n;
  seconds += std::chrono::duration<double>(Clock::now() - since).count();
}

}  // namespace eddy
