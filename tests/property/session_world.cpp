#include "session_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "engine/session_format.h"
#include "make_model/architectures.h"
#include "make_model/write_model.h"
#include "random.h"
#include "support/allocation_hook.h"

namespace eddy::test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostTokens = 260;
constexpr std::size_t kMostBlobs = 4;
constexpr std::size_t kMostKept = 9;
constexpr std::uint32_t kTexts = 3;
constexpr std::size_t kTextTokens = 200;
constexpr std::uint32_t kVocab = 250;  // that every tiny model has

constexpr const char* kNames[kActs] = {
    "open", "prompt", "feed",       "generate", "together", "fork",  "rewind",   "turn", "park",
    "save", "load",   "checkpoint", "restore",  "forget",   "reset", "evaluate", "crash"};

// Of 100.
constexpr Weight<Act> kActWeights[] = {
    {Act::kOpen, 3},     {Act::kPrompt, 12}, {Act::kFeed, 12},   {Act::kGenerate, 18},
    {Act::kTogether, 5}, {Act::kFork, 8},    {Act::kRewind, 10}, {Act::kTurn, 2},
    {Act::kPark, 6},     {Act::kSave, 4},    {Act::kLoad, 4},    {Act::kCheckpoint, 5},
    {Act::kRestore, 5},  {Act::kForget, 2},  {Act::kReset, 2},   {Act::kEvaluate, 1},
    {Act::kCrash, 1}};
static_assert(std::size(kActWeights) == kActs);

bool begins_with(const std::vector<Token>& tokens, const std::vector<Token>& begin) {
  return tokens.size() >= begin.size() && std::equal(begin.begin(), begin.end(), tokens.begin());
}

}  // namespace

std::string to_string(const Step& step) {
  return fmt::format("{:10} seat {} other {} n {} cancelled {} fail_alloc {} salt {}",
                     kNames[static_cast<int>(step.act)], step.seat, step.other, step.n,
                     step.is_cancelled, step.fail_alloc, step.salt);
}

std::vector<Step> random_steps(const SessionWorldConfig& config, std::uint64_t seed,
                               std::size_t n) {
  Random random(seed);
  std::vector<Step> steps(n);
  for (Step& step : steps) {
    step.act = random_kind<Act>(random, kActWeights);
    step.seat = random.below(config.n_seqs);
    step.other = random.below(1u << 16);
    step.n = 1 + random.below(random.below(4) == 0 ? 150 : 12);
    step.is_cancelled = random.below(12) == 0;
    step.fail_alloc = random.below(12) == 0 ? static_cast<std::int32_t>(random.below(12)) : -1;
    step.salt = random.below(1u << 24);
  }
  return steps;
}

template <class F>
auto SessionWorld::with_failing_allocation(const Step& step, const F& f) {
  fail_allocation(step.fail_alloc);
  auto result = f();
  has_failed_alloc_ = step.fail_alloc >= 0 && allocation_has_failed();
  fail_allocation(-1);
  return result;
}

SessionWorld::SessionWorld(const SessionWorldConfig& config)
    : config_(config), model_path_(folder_.path("model.gguf")), seats_(config.n_seqs) {
  const auto* architecture = make_model::find_architecture(config.architecture);
  const auto plan = architecture->plan("tiny", DType::kQ8_0);
  expect(make_model::write_model(*plan, 1, model_path_).ok(), "a model");
  plain_ =
      open({.n_seq_max = 1, .mem_size = 1, .parks = false, .n_rewind = 0, .prefix_cache_bytes = 0});
  plain_session_ = std::move(*plain_->new_session());
  engine_ = open_tested();
}

Engine SessionWorld::open(EngineOptions options) const {
  options.n_threads = 1;  // the allocation hook counts for one
  options.n_batch = 32;
  options.n_ubatch = 16;
  return std::move(*Engine::open(model_path_, std::move(options)));
}

Engine SessionWorld::open_tested() const {
  return open({.n_seq_max = config_.n_seqs,
               .mem_size = config_.n_cells,
               .park_folder = config_.parks_in_folder ? folder_.path("parked") : "",
               .n_rewind = config_.n_rewind,
               .prefix_cache_bytes = config_.n_cache_bytes,
               .prefix_cache_cells = config_.n_cache_cells});
}

std::string SessionWorld::apply(const Step& step) {
  Seat& at = seat(step.seat);
  switch (step.act) {
    case Act::kOpen:
      at = {};
      seat(step.seat);
      break;
    case Act::kPrompt: prompt(step); break;
    case Act::kFeed: feed(at, made_up(step.salt, step.n), step); break;
    case Act::kGenerate: generate(step); break;
    case Act::kTogether: together(step); break;
    case Act::kFork: fork(step); break;
    case Act::kRewind: rewind(step); break;
    case Act::kTurn: at.session->mark_turn(); break;
    case Act::kPark: park(step); break;
    case Act::kSave: save(step); break;
    case Act::kLoad: load(step); break;
    case Act::kCheckpoint: checkpoint(step); break;
    case Act::kRestore: restore(step); break;
    case Act::kForget:
      if (!kept_.empty()) kept_.erase(kept_.begin() + step.other % kept_.size());
      break;
    case Act::kReset: reset(at); break;
    case Act::kEvaluate: evaluate(step); break;
    case Act::kCrash: crash(); break;
  }
  for (Seat& other : seats_) {
    if (other.session) expect(std::ranges::equal(other.session->tokens(), other.tokens), "tokens");
  }
  if (step.salt % 3 == 0) compare_state(seat(step.seat));
  return difference_;
}

SessionWorld::Seat& SessionWorld::seat(std::uint32_t i) {
  Seat& at = seats_[i % seats_.size()];
  if (!at.session) {
    at = {};
    at.session = std::move(*engine_->new_session());
  }
  if (at.tokens.size() > kMostTokens) {
    reset(at);
  }
  return at;
}

void SessionWorld::reset(Seat& at) {
  expect(at.session->reset().ok(), "reset");
  at.tokens.clear();
  at.is_cancelled = false;
}

// Prompts begin alike, so that there is something to find.
void SessionWorld::prompt(const Step& step) {
  Seat& at = seat(step.seat);
  reset(at);
  Tokens tokens = made_up(step.other % kTexts, kTextTokens);
  tokens.resize(std::min<std::size_t>(kTextTokens, 50 + step.n));
  if (step.salt % 2) tokens.back() = Token(static_cast<std::int32_t>(step.salt % kVocab));
  feed(at, tokens, step);
}

void SessionWorld::cancel(Seat& at, const Step& step) {
  if (!step.is_cancelled) return;
  at.session->cancel();
  at.is_cancelled = true;
}

void SessionWorld::feed(Seat& at, const Tokens& tokens, const Step& step) {
  cancel(at, step);
  const Status fed = with_failing_allocation(step, [&] { return at.session->feed(tokens); });
  const bool is_cancelled = !fed && fed.error().code == ErrorCode::kCancelled;
  expect(!is_cancelled || at.is_cancelled, "cancelled by nobody");
  expect(fed || is_cancelled || has_failed_alloc_, "feed");
  if (is_cancelled) at.is_cancelled = false;
  if (fed || is_cancelled) at.tokens.insert(at.tokens.end(), tokens.begin(), tokens.end());
}

void SessionWorld::generate(const Step& step) {
  Seat& at = seat(step.seat);
  if (at.tokens.empty()) return;
  cancel(at, step);
  const std::int64_t n_most = 1 + step.n % 12;
  const GenerateParams params = {.max_tokens = n_most,
                                 .speculation = {.max_draft = step.salt % 2 ? 5 : 0}};
  const auto done = with_failing_allocation(step, [&] { return at.session->generate(params); });
  const bool is_whole = done && done->reason != StopReason::kCancelled;
  expect(is_whole || at.is_cancelled || has_failed_alloc_, "an answer");
  if (done) at.is_cancelled = false;
  expect_answer(at, n_most, is_whole);
}

void SessionWorld::together(const Step& step) {
  std::vector<GenerateRequest> requests;
  std::vector<Seat*> at;
  std::vector<std::size_t> n_before;
  const std::uint32_t n = std::min<std::uint32_t>(1 + step.other % 5, config_.n_seqs);
  for (std::uint32_t i = 0; i < n; ++i) {
    at.push_back(&seat((step.seat + i) % config_.n_seqs));
    n_before.push_back(at.back()->tokens.size());
    requests.push_back(
        {.session = &*at.back()->session,
         .prompt = made_up(step.salt + i % 2, step.n),
         .params = {.max_tokens = 1 + i, .speculation = {.max_draft = i % 2 ? 3 : 0}}});
  }
  cancel(*at.front(), step);
  const bool has_run = with_failing_allocation(step, [&] {
    engine_->generate(requests);
    return true;
  });
  expect(has_run, "generate");
  for (std::uint32_t i = 0; i < n; ++i) {
    const bool is_fed = at[i]->session->tokens().size() > n_before[i];
    if (is_fed) {
      at[i]->tokens.insert(at[i]->tokens.end(), requests[i].prompt.begin(),
                           requests[i].prompt.end());
    }
    const auto& result = requests[i].result;
    const bool is_whole = result && result->reason != StopReason::kCancelled;
    expect(is_whole || has_failed_alloc_ || at[i]->is_cancelled, "an answer of many");
    if (result) at[i]->is_cancelled = false;
    if (is_fed) expect_answer(*at[i], 1 + i, is_whole);
  }
}

void SessionWorld::fork(const Step& step) {
  Seat& from = seat(step.seat);
  Seat& to = seats_[step.other % config_.n_seqs];
  if (&from == &to) return;
  to = {};
  auto made = with_failing_allocation(step, [&] { return from.session->fork(); });
  expect(made.ok() || has_failed_alloc_, "fork");
  if (made) to = {std::move(*made), from.tokens};
}

void SessionWorld::rewind(const Step& step) {
  Seat& at = seat(step.seat);
  const std::size_t n = std::min<std::size_t>(step.n, at.tokens.size());
  const Status done =
      with_failing_allocation(step, [&] { return at.session->rewind(static_cast<Pos>(n)); });
  expect(done.ok(), "rewind");
  at.tokens.resize(at.tokens.size() - n);
}

void SessionWorld::park(const Step& step) {
  Seat& at = seat(step.seat);
  const Status parked = with_failing_allocation(step, [&] { return at.session->park(); });
  expect(parked.ok() || has_failed_alloc_, "park");
}

void SessionWorld::save(const Step& step) {
  const Seat& at = seat(step.seat);
  auto saved = with_failing_allocation(step, [&] { return at.session->save(); });
  expect(saved.ok() || has_failed_alloc_, "save");
  if (!saved) return;
  if (blobs_.size() == kMostBlobs) blobs_.erase(blobs_.begin());
  blobs_.push_back({std::move(*saved), at.tokens});
}

void SessionWorld::load(const Step& step) {
  if (blobs_.empty()) return;
  Seat& at = seat(step.seat);
  const Blob& blob = blobs_[step.other % blobs_.size()];
  const Status done = with_failing_allocation(step, [&] { return at.session->load(blob.bytes); });
  expect(done.ok() || has_failed_alloc_, "load");
  if (done) at.tokens = blob.tokens;
}

void SessionWorld::checkpoint(const Step& step) {
  const Seat& at = seat(step.seat);
  auto made = with_failing_allocation(step, [&] { return at.session->checkpoint(); });
  expect(made.ok() || has_failed_alloc_, "checkpoint");
  if (!made) return;
  expect(std::ranges::equal(made->tokens(), at.tokens), "a checkpoint's tokens");
  if (kept_.size() == kMostKept) kept_.erase(kept_.begin());
  kept_.push_back({std::move(*made), at.tokens});
}

void SessionWorld::restore(const Step& step) {
  if (kept_.empty()) return;
  Seat& at = seat(step.seat);
  const Kept& kept = kept_[step.other % kept_.size()];
  const Status done =
      with_failing_allocation(step, [&] { return at.session->restore(kept.checkpoint); });
  expect(done.ok() || has_failed_alloc_, "restore");
  if (done) at.tokens = kept.tokens;
}

// Needs a sequence of its own.
void SessionWorld::evaluate(const Step& step) {
  seats_[step.seat] = {};
  std::size_t n_shown = 0;
  const auto show = [&](Pos, std::span<const float>) { return ++n_shown > 0; };
  const Tokens tokens = made_up(step.salt, step.n);
  const Status done =
      with_failing_allocation(step, [&] { return engine_->evaluate(tokens, show); });
  expect((done.ok() && n_shown == tokens.size()) || has_failed_alloc_, "evaluate");
}

// The process is killed: its parked states lie about when the next one begins.
void SessionWorld::crash() {
  const std::string parked = folder_.path("parked"), left = folder_.path("left");
  if (config_.parks_in_folder) fs::copy(parked, left, fs::copy_options::recursive);
  kept_.clear();
  seats_.clear();
  seats_.resize(config_.n_seqs);
  engine_.reset();
  if (config_.parks_in_folder) {
    fs::remove_all(parked);
    fs::rename(left, parked);
  }
  engine_ = open_tested();
  expect(engine_->memory_map().n_parked_bytes == 0, "nothing is parked at first");
  for (std::size_t i = 0; i < std::min<std::size_t>(blobs_.size(), config_.n_seqs); ++i) {
    auto loaded = engine_->load(blobs_[i].bytes);
    expect(loaded.ok(), "load after a crash");
    if (loaded) seats_[i] = {std::move(*loaded), blobs_[i].tokens};
  }
}

// --- The model ----------------------------------------------------------------------------------

std::vector<Token> SessionWorld::made_up(std::uint32_t salt, std::size_t n) const {
  Random random(salt);
  Tokens tokens(n);
  for (Token& token : tokens) token = Token(static_cast<std::int32_t>(random.below(kVocab)));
  return tokens;
}

std::vector<Token> SessionWorld::answer_to(const Tokens& tokens, std::int64_t n_most) {
  expect(plain_session_->reset().ok() && plain_session_->feed(tokens).ok() &&
             plain_session_->generate({.max_tokens = n_most}).ok(),
         "the plain answer");
  const auto all = plain_session_->tokens().subspan(tokens.size());
  return {all.begin(), all.end()};
}

void SessionWorld::expect_answer(Seat& at, std::int64_t n_most, bool is_whole) {
  const auto all = at.session->tokens();
  expect(all.size() >= at.tokens.size(), "an answer takes nothing away");
  if (!difference_.empty()) return;
  const auto added = all.subspan(at.tokens.size());
  const Tokens answer(added.begin(), added.end()), expected = answer_to(at.tokens, n_most);
  expect(is_whole ? answer == expected : begins_with(expected, answer), "the answer");
  at.tokens.insert(at.tokens.end(), answer.begin(), answer.end());
}

// The state is that of the tokens that it says it has seen.
void SessionWorld::compare_state(Seat& at) {
  const auto saved = at.session->save();
  const auto record = saved ? decode_session(*saved) : Result<SessionRecord>(saved.error());
  expect(record.ok(), "a session that can be saved");
  if (!record || record->state.empty()) return;
  const auto n = static_cast<std::size_t>(at.session->place().n_tokens);
  expect(n > 0 && n < at.tokens.size(), "the newest token waits");
  if (!difference_.empty()) return;
  const std::span<const Token> seen = std::span(at.tokens).first(n + 1);
  expect(plain_session_->reset().ok() && plain_session_->feed(seen).ok(), "the plain state");
  const auto plain = plain_session_->save();
  const auto expected = decode_session(*plain);
  expect(expected && std::ranges::equal(record->state, expected->state), "the state");
}

void SessionWorld::expect(bool condition, const std::string& what) {
  if (!condition && difference_.empty()) difference_ = what;
}

}  // namespace eddy::test
