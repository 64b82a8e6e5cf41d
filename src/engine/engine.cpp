#include "eddy/engine.h"

#include <algorithm>
#include <atomic>

#include "base/error.h"
#include "base/guarded.h"
#include "base/try.h"
#include "engine/answers.h"
#include "engine/core.h"
#include "engine/open.h"
#include "engine/session.h"

namespace eddy {
namespace {

Status evaluate_tokens(std::shared_ptr<Engine::Core> core, std::span<const Token> tokens,
                       const Engine::OnLogits& on_logits, const SessionOptions& options) {
  EDDY_TRY(core->check_idle());
  EDDY_TRY(core->check_tokens(tokens));
  EDDY_TRY_ASSIGN(PrefixKey key, core->key_of(options));
  Session::Impl sequence(core, std::move(key), options.init_state);  // ends with the call
  EDDY_TRY_ASSIGN(sequence.seq, core->acquire());
  EDDY_TRY(sequence.begin());
  bool is_finite = true;
  Pos first = 0;
  std::atomic<bool>& stop = sequence.cancelled;
  const OnOutput show = [&](const Output& output) {
    if (stop) return;
    is_finite = output.is_finite;
    stop = !is_finite || !on_logits(first + output.token, output.logits);
  };
  while (first < static_cast<Pos>(tokens.size()) && !stop) {
    const auto rest = tokens.subspan(static_cast<std::size_t>(first));
    const auto piece = rest.first(std::min<std::size_t>(rest.size(), core->runner->n_batch()));
    const BatchPart part = {.seq = sequence.seq, .tokens = piece, .outputs = Outputs::kAll};
    const Status done = core->run({&part, 1}, stop, show);
    if (!done && !stop) return done;
    first += static_cast<Pos>(piece.size());
  }
  if (!is_finite) return non_finite();
  if (stop) return fail(ErrorCode::kCancelled, "stopped on request");
  return {};
}
}  // namespace

Engine::Engine(std::shared_ptr<Core> core) : core_(std::move(core)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Result<Engine> Engine::open(const std::string& path, EngineOptions options) {
  return guarded([&]() -> Result<Engine> {
    EDDY_TRY_ASSIGN(EngineParts parts, open_parts(path, options));
    EDDY_TRY_ASSIGN(std::shared_ptr<Core> core, Core::create(std::move(parts), options));
    return Engine(std::move(core));
  });
}

Result<Session> Engine::new_session(SessionOptions options) {
  return guarded([&]() -> Result<Session> {
    EDDY_TRY_ASSIGN(PrefixKey key, core_->key_of(options));
    auto impl = std::make_unique<Session::Impl>(core_, std::move(key), options.init_state);
    EDDY_TRY_ASSIGN(impl->seq, core_->acquire());
    return Session(std::move(impl));
  });
}

Result<Session> Engine::load(std::span<const std::byte> bytes, SessionOptions options) {
  EDDY_TRY_ASSIGN(Session session, new_session(std::move(options)));
  EDDY_TRY(session.load(bytes));
  return session;
}

Result<InitState> Engine::read_init_state(const std::string& path) const {
  return guarded([&] { return core_->read_init_state(path); });
}

const EngineInfo& Engine::info() const { return core_->info; }

CacheStats Engine::cache_stats() const {
  return core_->cache ? core_->cache->stats() : CacheStats();
}

MemoryMap Engine::memory_map() const { return core_->memory_map(); }

Status Engine::evaluate(std::span<const Token> tokens, const OnLogits& on_logits,
                        SessionOptions options) {
  return guarded([&] { return evaluate_tokens(core_, tokens, on_logits, options); });
}

void Engine::generate(std::span<GenerateRequest> requests) {
  for (GenerateRequest& request : requests) request.result = out_of_memory();
  static_cast<void>(guarded([&]() -> Status {
    std::vector<GenerateRequest*> all;
    for (GenerateRequest& request : requests) all.push_back(&request);
    generate_together(core_, all);
    return {};
  }));
}

std::vector<Token> Engine::tokenize(std::string_view text, const TokenizeOptions& options) const {
  return core_->parts.tokenizer->encode(text, options.begin, options.special == Special::kParsed);
}

Result<std::string> Engine::detokenize(std::span<const Token> tokens) const {
  return guarded([&]() -> Result<std::string> {
    EDDY_TRY(core_->check_tokens(tokens));
    std::string bytes;
    for (const Token token : tokens) bytes += core_->parts.tokenizer->bytes(token);
    return bytes;
  });
}

}  // namespace eddy
