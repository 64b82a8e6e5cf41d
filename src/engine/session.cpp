#include "engine/session.h"

#include <algorithm>

#include "base/error.h"
#include "base/try.h"
#include "engine/answer.h"
#include "engine/session_format.h"

namespace eddy {

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Status Session::feed(std::string_view text, Special special) {
  const Tokenizer& tokenizer = *impl_->core->parts.tokenizer;
  const bool is_first = impl_->tokens.empty();
  return feed(tokenizer.encode(text, is_first, special == Special::kParsed));
}

Status Session::feed(std::span<const Token> tokens) {
  if (tokens.empty()) return {};
  EDDY_TRY(impl_->core->check_tokens(tokens));
  const std::size_t n_before = impl_->tokens.size();
  impl_->tokens.insert(impl_->tokens.end(), tokens.begin(), tokens.end());
  const Status read = impl_->read_up_to(impl_->tokens.size() - 1);
  if (read || read.error().code == ErrorCode::kCancelled) {
    impl_->answer_bytes = {};
    return read;
  }
  impl_->forget_from(n_before);
  return read;
}

Result<Completion> Session::generate(const GenerateParams& params, const OnText& on_text) {
  EDDY_TRY_ASSIGN(Answer answer, Answer::create(params, *impl_, on_text));
  return answer.run();
}

Result<Session> Session::fork() const {
  EDDY_TRY_ASSIGN(const SeqId seq, impl_->core->acquire());
  auto copy = std::make_unique<Impl>(impl_->core, seq);  // gives seq back where what follows fails
  if (impl_->core->n_read(impl_->seq) > 0) {
    EDDY_TRY(impl_->core->memory->seq_cp(impl_->seq, seq, -1, -1));
  }
  copy->tokens = impl_->tokens;
  copy->answer_bytes = impl_->answer_bytes;
  return Session(std::move(copy));
}

std::span<const Token> Session::tokens() const { return impl_->tokens; }
Pos Session::n_tokens() const { return static_cast<Pos>(impl_->tokens.size()); }

void Session::cancel() noexcept { impl_->cancelled = true; }

void Session::reset() {
  impl_->forget_from(0);
  impl_->answer_bytes = {};
  impl_->cancelled = false;
}

Result<std::vector<std::byte>> Session::save() const {
  std::vector<std::byte> state;
  if (impl_->core->n_read(impl_->seq) > 0) {
    EDDY_TRY_ASSIGN(state, impl_->core->memory->state_write(impl_->seq));
  }
  return encode_session({.tokens = impl_->tokens,
                         .pending = std::string(impl_->answer_bytes.pending()),
                         .state = state});
}

Status Session::load(std::span<const std::byte> bytes) {
  EDDY_TRY_ASSIGN(SessionRecord record, decode_session(bytes));
  EDDY_TRY(impl_->core->check_tokens(record.tokens));
  if (!record.state.empty()) {
    EDDY_TRY(impl_->install(record.state, static_cast<Pos>(record.tokens.size())));
  } else {
    impl_->forget_from(0);
  }
  impl_->tokens = std::move(record.tokens);
  impl_->answer_bytes = {};
  std::string out;
  impl_->answer_bytes.push(record.pending, out);
  return {};
}

Status Session::Impl::read_up_to(std::size_t end) {
  while (static_cast<std::size_t>(core->n_read(seq)) < end) {
    EDDY_TRY(run_piece(end, Outputs::kNone, [](const Output&) {}));
  }
  return {};
}

Result<Token> Session::Impl::next_token(Sampler& sampler) {
  EDDY_TRY(read_up_to(tokens.size() - 1));
  Result<Token> chosen = Token();
  EDDY_TRY(run_piece(tokens.size(), Outputs::kLast, [&](const Output& output) {
    chosen = output.is_finite ? sampler.sample(output.logits, tokens) : Result<Token>(non_finite());
  }));
  if (!chosen) core->forget(seq);
  return chosen;
}

Status Session::Impl::run_piece(std::size_t end, Outputs outputs, const OnOutput& on_output) {
  const auto first = static_cast<std::size_t>(core->n_read(seq));
  const std::size_t n = std::min<std::size_t>(end - first, core->runner->n_batch());
  const BatchPart part = {
      .seq = seq, .tokens = std::span(tokens).subspan(first, n), .outputs = outputs};
  const Status done = core->runner->run({&part, 1}, cancelled, on_output);
  if (done) return done;
  if (done.error().code == ErrorCode::kCancelled) cancelled = false;
  if (core->memory->seq_pos_max(seq)) return done;
  return fail(ErrorCode::kStateLost, "the computation failed and is repeated by the next call: {}",
              done.error().message);
}

void Session::Impl::forget_from(std::size_t n_kept) {
  tokens.resize(n_kept);
  if (static_cast<std::size_t>(core->n_read(seq)) >= n_kept) core->forget(seq);
}

Status Session::Impl::install(std::span<const std::byte> state, Pos n_tokens) {
  const SeqId spare = core->free_seqs.back();
  EDDY_TRY(core->memory->state_read(state, spare));
  const Pos n_read = core->n_read(spare);
  if (n_read >= n_tokens) {
    core->forget(spare);
    return fail(ErrorCode::kMalformed, "session: the state has seen {} tokens, there are {}",
                n_read, n_tokens);
  }
  core->free_seqs.back() = seq;
  core->forget(seq);
  seq = spare;
  return {};
}

}  // namespace eddy
