#include "engine/session.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <new>
#include <utility>

#include "base/error.h"
#include "base/guarded.h"
#include "base/try.h"
#include "engine/answers.h"
#include "engine/session_format.h"
#include "memory/state_view.h"

namespace eddy {
namespace {

Status check_same_init_state(const Digest128& found, const Digest128& expected) {
  if (found == expected) return {};
  return fail(ErrorCode::kMismatch,
              "session: it began from the initial state {}, expected {}: open it with its own",
              init_state_text(found), init_state_text(expected));
}

}  // namespace

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Status Session::feed(std::string_view text, Special special) {
  return guarded([&]() -> Status {
    EDDY_TRY(impl_->check_idle());
    const Tokenizer& tokenizer = *impl_->core->parts.tokenizer;
    const bool is_first = impl_->tokens.empty();
    return impl_->feed(tokenizer.encode(text, is_first, special == Special::kParsed), {});
  });
}

Status Session::feed(std::span<const Token> tokens, const OnProgress& on_progress) {
  return guarded([&]() -> Status {
    EDDY_TRY(impl_->check_idle());
    const std::vector<Token> copy(tokens.begin(), tokens.end());  // they may be the session's own
    return impl_->feed(copy, on_progress);
  });
}

void Session::mark_turn(TurnKind kind) {
  const Turn turn = {.n_before = n_tokens(), .kind = kind};
  if (!impl_->turns.empty() && impl_->turns.back() == turn) return;
  try {
    impl_->turns.push_back(turn);
  } catch (const std::bad_alloc&) {  // one less
  }
}

std::span<const Turn> Session::turns() const { return impl_->turns; }

const PromptReport& Session::last_prompt() const { return impl_->report; }

Result<Completion> Session::generate(const GenerateParams& params, const OnText& on_text) {
  return guarded([&]() -> Result<Completion> {
    GenerateRequest request = {.session = this, .params = params, .on_text = on_text};
    GenerateRequest* const one = &request;
    generate_together(impl_->core, {&one, 1});
    return std::move(request.result);
  });
}

Result<Session> Session::fork() const {
  return guarded([&]() -> Result<Session> {
    EDDY_TRY(impl_->core->check_idle());
    // Gives seq back where what follows fails.
    auto copy = std::make_unique<Impl>(impl_->core, impl_->key, impl_->init_state);
    EDDY_TRY_ASSIGN(copy->seq, impl_->core->acquire());
    EDDY_TRY_ASSIGN(const Pos n_read, impl_->core->wake(impl_->seq));
    if (n_read > 0) {
      EDDY_TRY(impl_->core->memory->seq_cp(impl_->seq, copy->seq, -1, -1));
    }
    static_cast<SessionText&>(*copy) = *impl_;
    return Session(std::move(copy));
  });
}

Status Session::rewind(Pos n_tokens) {
  return guarded([&]() -> Status {
    EDDY_TRY(impl_->check_idle());
    if (n_tokens < 0 || n_tokens > this->n_tokens()) {
      return fail(ErrorCode::kInvalidArgument, "rewind by {} tokens, expected 0 .. {}", n_tokens,
                  this->n_tokens());
    }
    if (n_tokens == 0) return {};
    const Pos n_kept = this->n_tokens() - n_tokens;
    impl_->forget_from(static_cast<std::size_t>(n_kept));
    std::erase_if(impl_->turns, [&](const Turn& turn) { return turn.n_before >= n_kept; });
    impl_->answer_bytes = {};
    return {};
  });
}

std::span<const Token> Session::tokens() const { return impl_->tokens; }
Pos Session::n_tokens() const { return static_cast<Pos>(impl_->tokens.size()); }

void Session::cancel() noexcept { impl_->cancelled = true; }

Status Session::park() {
  return guarded([&]() -> Status {
    EDDY_TRY(impl_->check_idle());
    return impl_->core->memory->park(impl_->seq);
  });
}

StatePlace Session::place() const { return impl_->core->place(impl_->seq); }

Status Session::reset() {
  return guarded([&]() -> Status {
    EDDY_TRY(impl_->check_idle());
    impl_->forget_from(0);
    impl_->turns.clear();
    impl_->answer_bytes = {};
    impl_->cancelled = false;
    return {};
  });
}

Result<std::vector<std::byte>> Session::save() const {
  std::vector<std::byte> bytes;
  EDDY_TRY(save(bytes));
  return bytes;
}

Status Session::save(std::vector<std::byte>& bytes) const {
  const Status saved = guarded([&]() -> Status {
    EDDY_TRY(impl_->core->check_idle());
    const RecurrentMemory& memory = *impl_->core->memory;
    EDDY_TRY_ASSIGN(const Pos n_read, impl_->core->wake(impl_->seq));
    const bool has_state = n_read > 0;
    const SessionRecord record = {.init_state = impl_->key.init_state,
                                  .tokens = impl_->tokens,
                                  .turns = impl_->turns,
                                  .pending = std::string(impl_->answer_bytes.pending()),
                                  .state = {}};
    const auto head = session_head(record, has_state ? memory.n_state_bytes(impl_->seq) : 0);
    Checksum sum;
    sum.add(head);
    if (has_state) {
      EDDY_TRY_ASSIGN(bytes, memory.state_write(impl_->seq, {.front = head,
                                                             .n_back = kSessionSumBytes,
                                                             .sum = &sum,
                                                             .room = std::move(bytes)}));
    } else {
      bytes = head;
    }
    append_session_sum(sum.sum64(), bytes);
    return {};
  });
  if (!saved) bytes.clear();
  return saved;
}

Status Session::load(std::span<const std::byte> bytes) {
  return guarded([&]() -> Status {
    EDDY_TRY(impl_->check_idle());
    EDDY_TRY_ASSIGN(SessionRecord record, decode_session(bytes));
    EDDY_TRY(check_same_init_state(record.init_state, impl_->key.init_state));
    EDDY_TRY(impl_->core->check_tokens(record.tokens));
    Utf8Stream pending;
    std::string none;
    pending.push(record.pending, none);  // decode_session has seen that it is one unfinished
    if (!record.state.empty()) {
      EDDY_TRY(impl_->install(record.state, static_cast<Pos>(record.tokens.size())));
    } else {
      impl_->forget_from(0);
    }
    impl_->tokens = std::move(record.tokens);
    impl_->turns = std::move(record.turns);
    impl_->answer_bytes = std::move(pending);
    impl_->n_stored = 0;
    impl_->store_answer();
    impl_->n_stored = impl_->tokens.size();
    return {};
  });
}

Status Session::Impl::check_idle() const {
  EDDY_TRY(core->check_idle());
  if (!is_answering) return {};
  return fail(ErrorCode::kInvalidArgument,
              "the session is at work: this is a callback of its answer");
}

Status Session::Impl::append(std::span<const Token> new_tokens) {
  EDDY_TRY(core->check_tokens(new_tokens));
  tokens.insert(tokens.end(), new_tokens.begin(), new_tokens.end());
  return {};
}

Status Session::Impl::feed(std::span<const Token> new_tokens,
                           const Session::OnProgress& on_progress) {
  if (new_tokens.empty()) return {};
  const std::size_t n_before = tokens.size();
  EDDY_TRY(append(new_tokens));
  Status read = guarded([&] { return read_prompt(tokens.size() - 1, on_progress); });
  if (read || read.error().code == ErrorCode::kCancelled) {
    answer_bytes = {};
    return read;
  }
  forget_from(n_before);
  return read;
}

Status Session::Impl::read_up_to(std::size_t end, const Session::OnProgress& on_progress) {
  if (core->cache && static_cast<Pos>(end) - core->n_read(seq) >= kMinCaptureGap) restore(end);
  return compute_up_to(end, static_cast<std::size_t>(core->n_read(seq)), end, on_progress);
}

Status Session::Impl::compute_up_to(std::size_t end, std::size_t first, std::size_t last,
                                    const Session::OnProgress& on_progress) {
  EDDY_TRY_ASSIGN(const Pos n_read, core->wake(seq));
  // For one sequence a batch of more than a micro-batch gains nothing.
  const std::size_t n_most = core->runner->n_ubatch();
  for (auto n = static_cast<std::size_t>(n_read); n < end;) {
    const auto start = std::chrono::steady_clock::now();
    EDDY_TRY(begin());
    const auto next = std::span(tokens).subspan(n, std::min(end - n, n_most));
    EDDY_TRY(run({.seq = seq, .tokens = next, .outputs = Outputs::kNone}, [](const Output&) {}));
    n += next.size();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    core->reading.add(took.count(), next.size());
    if (!on_progress) continue;
    on_progress(static_cast<double>(n - first) / static_cast<double>(last - first));
  }
  return {};
}

void Session::Impl::restore(std::size_t end) {
  const Pos n_have = core->n_read(seq);
  report = core->cache->restore({key, seq}, std::span(tokens).first(end + 1), n_have);
  n_stored = std::min<std::size_t>(n_stored, end);
  if (report.n_restored > n_have) n_stored = static_cast<std::size_t>(report.n_restored);
}

Status Session::Impl::read_prompt(std::size_t end, const Session::OnProgress& on_progress) {
  const Pos n_own = core->n_read(seq);
  report = {.n_tokens = static_cast<Pos>(end), .n_own = n_own, .n_known = n_own};
  if (core->cache) restore(end);
  const auto first = static_cast<std::size_t>(core->n_read(seq));
  if (!core->cache || end < first + static_cast<std::size_t>(kMinCaptureGap)) {
    const Status done = compute_up_to(end, first, end, on_progress);
    if (core->cache) {
      core->cache->note(key, std::span(tokens).first(static_cast<std::size_t>(core->n_read(seq))));
    }
    return done;
  }
  const auto prompt = std::span(tokens).first(end);
  const std::vector<Pos> prompts = prompts_before(static_cast<Pos>(end));
  const auto captures = core->cache->plan(
      {.key = key, .tokens = prompt, .n_start = static_cast<Pos>(first), .turns = prompts});
  Status done;
  for (const Capture& capture : captures) {
    const auto at = static_cast<std::size_t>(capture.n_tokens);
    done = compute_up_to(at, first, end, on_progress);
    if (!done) break;
    core->cache->store({key, seq}, prompt.first(at), capture.kind, prompts.size(),
                       core->reading.ms_per_token);
    n_stored = at;
  }
  if (done) done = compute_up_to(end, first, end, on_progress);
  const auto n_read = static_cast<std::size_t>(core->n_read(seq));
  const bool has_more = n_read >= n_stored + static_cast<std::size_t>(kMinCaptureGap);
  if (!done && has_more) {  // what was read before it stopped is not read again
    core->cache->store({key, seq}, prompt.first(n_read), CaptureKind::kPrompt, prompts.size(),
                       core->reading.ms_per_token);
    n_stored = n_read;
  }
  core->cache->finish(key, prompt.first(n_read), done.ok());
  return done;
}

std::vector<Pos> Session::Impl::prompts_before(Pos end) const {
  std::vector<Pos> prompts;
  for (const Turn& turn : turns) {
    const bool is_prompt = turn.kind == TurnKind::kPrompt && turn.n_before > 0;
    const bool is_new = prompts.empty() || prompts.back() < turn.n_before;
    if (is_prompt && is_new && turn.n_before <= end) prompts.push_back(turn.n_before);
  }
  return prompts;
}

void Session::Impl::store_answer() {
  const auto n_read = static_cast<std::size_t>(core->n_read(seq));
  if (!core->cache || n_read < n_stored + static_cast<std::size_t>(kMinCaptureGap)) return;
  const auto text = std::span(tokens).first(n_read);
  const auto captures = core->cache->plan(
      {.key = key, .tokens = text, .n_start = static_cast<Pos>(n_read) - 1, .is_answer = true});
  if (captures.empty()) return;
  core->cache->store({key, seq}, text, CaptureKind::kAnswer,
                     prompts_before(static_cast<Pos>(n_read)).size(), core->reading.ms_per_token);
  core->cache->finish(key, text, true);
  n_stored = n_read;
}

Status Session::Impl::run(const BatchPart& part, const OnOutput& on_output) {
  const auto& is_cancelled = guesses_for ? guesses_for->cancelled : cancelled;
  const Status done = core->run({&part, 1}, is_cancelled, on_output);
  if (done) return done;
  if (done.error().code == ErrorCode::kCancelled) cancelled = false;
  if (core->memory->seq_pos_max(seq)) return done;
  return fail(ErrorCode::kStateLost, "the computation failed and is repeated by the next call: {}",
              done.error().message);
}

Status Session::Impl::begin() {
  const InitState::Impl* init = init_state.impl();
  if (!init || core->n_read(seq) > 0) return {};
  return core->memory->state_read(init->bytes, seq, Checksums::kIgnore);
}

void Session::Impl::forget_from(std::size_t n_kept) noexcept {
  tokens.resize(n_kept);
  while (!turns.empty() && turns.back().n_before > static_cast<Pos>(n_kept)) turns.pop_back();
  n_stored = std::min(n_stored, n_kept);
  settle();
}

void Session::Impl::settle() noexcept {  // the newest waits: I1
  try {
    core->keep_first(seq, tokens.empty() ? 0 : static_cast<Pos>(tokens.size()) - 1);
  } catch (const std::bad_alloc&) {
    core->forget(seq);
  }
}

Status Session::Impl::install(std::span<const std::byte> state, Pos n_tokens) {
  const auto n_read = tokens_of_state(state);
  if (n_read && (*n_read < 1 || *n_read >= static_cast<std::uint64_t>(n_tokens))) {
    return fail(ErrorCode::kMalformed, "session: the state has seen {} tokens, there are {}",
                *n_read, n_tokens);
  }
  // The session's checksum has covered the state.
  EDDY_TRY(core->memory->state_read(state, seq, Checksums::kIgnore));
  core->parking.forget(seq);
  return {};
}

}  // namespace eddy
