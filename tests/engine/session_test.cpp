#include <gtest/gtest.h>

#include "eddy/engine.h"
#include "engine/fakes.h"
#include "engine/model_file.h"
#include "engine/session_format.h"

namespace eddy {
namespace {

using fakes::FakeEngine;
using fakes::tokens_of;

const EngineOptions kOptions = {.n_seq_max = 3, .n_batch = 8, .n_ubatch = 4};
const std::string kPrompt = "the state follows the tokens, always";
const GenerateParams kShort = {.max_tokens = 12, .sampling = {.temperature = 1, .seed = 3}};

// What an undisturbed session holds after the prompt and an answer.
std::vector<Token> undisturbed() {
  FakeEngine fake(kOptions);
  Session session = fake.session();
  EXPECT_TRUE(session.feed(kPrompt).ok());
  EXPECT_TRUE(session.generate(kShort).ok());
  return copy(session.tokens());
}

// Goes on after an error or a cancelled call until prompt and answer are whole.
void finish(Session& session) {
  const auto n_prompt = static_cast<Pos>(kPrompt.size()) + 1;
  if (session.n_tokens() == 0) {
    ASSERT_TRUE(session.feed(kPrompt).ok());
  }
  GenerateParams rest = kShort;
  rest.max_tokens -= session.n_tokens() - n_prompt;
  ASSERT_TRUE(session.generate(rest).ok());
}

TEST(Session, GreedyFollowsTheModel) {
  FakeEngine fake(kOptions);
  Session session = fake.session();
  ASSERT_TRUE(session.feed(kPrompt).ok());
  std::vector<Token> expected = {fakes::kBegin};
  for (const Token token : tokens_of(kPrompt)) expected.push_back(token);
  for (int i = 0; i < 12; ++i) {
    const auto logits = fakes::logits_of(fakes::state_after(expected));
    const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
    expected.push_back(Token(static_cast<std::int32_t>(best)));
  }
  const auto done = session.generate({.max_tokens = 12});
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(copy(session.tokens()), expected);
  EXPECT_EQ(done->n_tokens, 12);
  EXPECT_EQ(done->reason, StopReason::kLength);
}

TEST(Session, EveryTokenIsComputedOnce) {
  FakeEngine fake(kOptions);
  Session session = fake.session();
  ASSERT_TRUE(session.feed(kPrompt).ok());
  ASSERT_TRUE(session.generate(kShort).ok());
  // The newest token waits; logits are computed for the generated tokens alone.
  EXPECT_EQ(fake.script->n_tokens, session.n_tokens() - 1);
  EXPECT_EQ(fake.script->n_logits, 12);
}

TEST(Session, EveryCutOfThePromptGivesTheSame) {
  const auto expected = undisturbed();
  for (std::size_t cut = 0; cut <= kPrompt.size(); ++cut) {
    FakeEngine fake(kOptions);
    Session session = fake.session();
    ASSERT_TRUE(session.feed(kPrompt.substr(0, cut)).ok());
    ASSERT_TRUE(session.feed(tokens_of(kPrompt.substr(cut))).ok());
    ASSERT_TRUE(session.generate(kShort).ok());
    ASSERT_EQ(copy(session.tokens()), expected) << "cut " << cut;
  }
}

TEST(Session, CancelledAtEveryMicroBatchIsAsIfNeverCancelled) {
  const auto expected = undisturbed();
  for (int at = 0;; ++at) {
    FakeEngine fake(kOptions);
    Session session = fake.session();
    fake.script->before_forward = [&](int number) {
      if (number == at) session.cancel();
    };
    const Status read = session.feed(kPrompt);
    bool is_cancelled = !read.ok();
    if (is_cancelled) {
      ASSERT_EQ(read.error().code, ErrorCode::kCancelled);
    } else {
      const auto done = session.generate(kShort);
      ASSERT_TRUE(done.ok());
      is_cancelled = done->reason == StopReason::kCancelled;
    }
    finish(session);
    ASSERT_EQ(copy(session.tokens()), expected) << "at " << at;
    ASSERT_TRUE(fake.core->memory->check().ok());
    if (!is_cancelled) {
      EXPECT_GT(at, 12);
      return;
    }
  }
}

TEST(Session, CancelBeforeACallStopsTheNextOne) {
  FakeEngine fake(kOptions);
  Session session = fake.session();
  session.cancel();
  EXPECT_EQ(session.feed(kPrompt).error().code, ErrorCode::kCancelled);
  finish(session);
  EXPECT_EQ(copy(session.tokens()), undisturbed());
}

TEST(Session, AFailureAtEveryMicroBatchIsAnErrorAndIsRecomputed) {
  const auto expected = undisturbed();
  for (int at = 0;; ++at) {
    FakeEngine fake(kOptions);
    Session session = fake.session();
    Session bystander = fake.session();
    ASSERT_TRUE(bystander.feed("another").ok());
    const int n_before = fake.script->n_forward;
    fake.script->fail_at = n_before + at;
    const Status read = session.feed(kPrompt);
    bool failed = !read.ok();
    if (failed) {
      EXPECT_EQ(session.n_tokens(), 0);
    } else {
      failed = !session.generate(kShort).ok();
    }
    finish(session);
    ASSERT_EQ(copy(session.tokens()), expected) << "at " << at;
    fake.script->fail_at = -1;
    ASSERT_TRUE(bystander.generate({.max_tokens = 3}).ok());
    ASSERT_TRUE(fake.core->memory->check().ok());
    ASSERT_TRUE(fake.core->memory->check_free_rows().ok());
    if (!failed) {
      EXPECT_GT(at, 12);
      return;
    }
  }
}

TEST(Session, ALostStateIsNamed) {
  FakeEngine fake(kOptions);
  Session session = fake.session();
  ASSERT_TRUE(session.feed("ab").ok());
  fake.script->fail_at = fake.script->n_forward;
  const Status read = session.feed("cd");
  EXPECT_EQ(read.error().code, ErrorCode::kStateLost);
  EXPECT_NE(read.error().message.find("an injected failure"), std::string::npos);
  EXPECT_EQ(session.n_tokens(), 3);
}

TEST(Session, AForkIsIndependent) {
  FakeEngine fake(kOptions);
  Session parent = fake.session();
  ASSERT_TRUE(parent.feed(kPrompt).ok());
  const std::int64_t n_before = fake.script->n_tokens;
  auto child = parent.fork();
  ASSERT_TRUE(child.ok());
  ASSERT_TRUE(child->feed("left").ok());
  ASSERT_TRUE(child->generate(kShort).ok());
  // Nothing of the prompt is computed again.
  EXPECT_EQ(fake.script->n_tokens - n_before, 4 + 12);
  ASSERT_TRUE(parent.generate(kShort).ok());
  EXPECT_EQ(copy(parent.tokens()), undisturbed());

  FakeEngine alone(kOptions);
  Session expected = alone.session();
  ASSERT_TRUE(expected.feed(kPrompt + "left").ok());
  ASSERT_TRUE(expected.generate(kShort).ok());
  EXPECT_EQ(copy(child->tokens()), copy(expected.tokens()));
}

TEST(Session, AForkOutlivesItsParentAndTheEngine) {
  std::optional<FakeEngine> fake(kOptions);
  std::optional<Session> parent(fake->session());
  ASSERT_TRUE(parent->feed(kPrompt).ok());
  auto child = parent->fork();
  ASSERT_TRUE(child.ok());
  parent.reset();
  fake.reset();
  ASSERT_TRUE(child->generate(kShort).ok());
  EXPECT_EQ(copy(child->tokens()), undisturbed());
}

TEST(Session, SessionsAreCountedAndGiveTheirSequenceBack) {
  FakeEngine fake(kOptions);
  std::vector<Session> sessions;
  for (int round = 0; round < 3; ++round) {
    while (sessions.size() < 3) {
      sessions.push_back(fake.session());
      ASSERT_TRUE(sessions.back().feed(kPrompt).ok());
    }
    EXPECT_EQ(fake.engine->new_session().error().code, ErrorCode::kFull);
    EXPECT_EQ(sessions[0].fork().error().code, ErrorCode::kFull);
    sessions.clear();
  }
  const auto n_in_cache = static_cast<std::uint32_t>(fake.engine->cache_stats().n_in_cells);
  EXPECT_EQ(fake.core->memory->n_free_cells() + n_in_cache, fake.core->memory->mem_size());
  EXPECT_TRUE(fake.core->memory->check_free_rows().ok());
}

TEST(Session, ResetForgetsEverything) {
  FakeEngine fake(kOptions);
  Session session = fake.session();
  ASSERT_TRUE(session.feed("something else").ok());
  session.cancel();
  ASSERT_TRUE(session.reset().ok());
  EXPECT_EQ(session.n_tokens(), 0);
  EXPECT_EQ(fake.core->memory->n_free_cells(), fake.core->memory->mem_size());
  finish(session);
  EXPECT_EQ(copy(session.tokens()), undisturbed());
}

TEST(Session, SavedAndLoadedIsAsIfNothingHappened) {
  const auto expected = undisturbed();
  for (const int n_answered : {0, 1, 5}) {
    FakeEngine fake(kOptions);
    Session session = fake.session();
    ASSERT_TRUE(session.feed(kPrompt).ok());
    GenerateParams first = kShort;
    first.max_tokens = n_answered;
    ASSERT_TRUE(session.generate(first).ok());
    const auto bytes = session.save();
    ASSERT_TRUE(bytes.ok());

    FakeEngine other(kOptions);
    Session loaded = other.session();
    ASSERT_TRUE(loaded.feed("this is replaced").ok());
    const std::int64_t n_before = other.script->n_tokens;
    const Status done = loaded.load(*bytes);
    ASSERT_TRUE(done.ok()) << done.error().message;
    finish(loaded);
    EXPECT_EQ(copy(loaded.tokens()), expected);
    EXPECT_EQ(other.script->n_tokens - n_before, 12 - n_answered);
    EXPECT_TRUE(other.core->memory->check().ok());
  }
}

TEST(Session, IsSavedIntoBytesOfOthers) {
  FakeEngine fake(kOptions);
  Session empty = fake.session(), session = fake.session(), longer = fake.session();
  ASSERT_TRUE(session.feed(kPrompt).ok());
  ASSERT_TRUE(longer.feed("this is a good deal longer than the other one").ok());
  std::vector<std::byte> bytes;
  for (const Session* one : {&session, &longer, &session, &empty, &longer}) {
    ASSERT_TRUE(one->save(bytes).ok());
    EXPECT_EQ(bytes, *one->save());
  }
}

TEST(Session, AnEmptySessionIsSavedAndLoaded) {
  FakeEngine fake(kOptions);
  Session empty = fake.session();
  const auto bytes = empty.save();
  ASSERT_TRUE(bytes.ok());
  Session session = fake.session();
  ASSERT_TRUE(session.feed(kPrompt).ok());
  ASSERT_TRUE(session.load(*bytes).ok());
  EXPECT_EQ(session.n_tokens(), 0);
}

TEST(Session, ARefusedLoadChangesNothing) {
  FakeEngine fake(kOptions);
  Session session = fake.session();
  ASSERT_TRUE(session.feed(kPrompt).ok());
  Session other = fake.session();
  ASSERT_TRUE(other.feed("something else").ok());
  Session third = fake.session();  // no sequence is left
  const auto bytes = *other.save();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto damaged = bytes;
    damaged[i] ^= std::byte{0x20};
    ASSERT_FALSE(session.load(damaged).ok()) << "byte " << i;
    ASSERT_TRUE(fake.core->memory->check().ok());
  }
  finish(session);
  EXPECT_EQ(copy(session.tokens()), undisturbed());
  EXPECT_TRUE(session.load(bytes).ok());
}

TEST(Session, TurnsAreForkedSavedAndTakenBack) {
  FakeEngine fake(kOptions);
  Session session = fake.session();
  session.mark_turn();
  ASSERT_TRUE(session.feed(kPrompt).ok());
  const Pos n_prompt = session.n_tokens();
  session.mark_turn(TurnKind::kAnswer);
  session.mark_turn(TurnKind::kAnswer);  // once
  ASSERT_TRUE(session.generate({.max_tokens = 3}).ok());
  session.mark_turn();
  const std::vector<Turn> all = {
      {0, TurnKind::kPrompt}, {n_prompt, TurnKind::kAnswer}, {n_prompt + 3, TurnKind::kPrompt}};
  const auto turns_of = [](const Session& s) {
    return std::vector<Turn>(s.turns().begin(), s.turns().end());
  };
  EXPECT_EQ(turns_of(session), all);
  EXPECT_EQ(turns_of(*session.fork()), all);
  Session loaded = fake.session();
  loaded.mark_turn();
  ASSERT_TRUE(loaded.load(*session.save()).ok());
  EXPECT_EQ(turns_of(loaded), all);
  ASSERT_TRUE(loaded.rewind(1).ok());
  EXPECT_EQ(turns_of(loaded).size(), 2u);
  ASSERT_TRUE(loaded.rewind(2).ok());  // to where the answer began
  EXPECT_EQ(turns_of(loaded).size(), 1u);
  ASSERT_TRUE(loaded.reset().ok());
  EXPECT_TRUE(turns_of(loaded).empty());
}

TEST(Session, AStateThatIsAheadOfItsTokensIsRefused) {
  FakeEngine fake(kOptions);
  Session session = fake.session();
  ASSERT_TRUE(session.feed(kPrompt).ok());
  const auto tokens = copy(session.tokens());
  const auto bytes = *session.save();
  SessionRecord forged = *decode_session(bytes);
  forged.tokens.resize(4);
  EXPECT_EQ(session.load(encode_session(forged)).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(copy(session.tokens()), tokens);
  finish(session);
  EXPECT_EQ(copy(session.tokens()), undisturbed());
}

TEST(Session, NotFiniteLogitsAreAnErrorAndLeaveNothingBehind) {
  FakeEngine fake(kOptions);
  Session sick = fake.session();
  Session healthy = fake.session();
  ASSERT_TRUE(healthy.feed(kPrompt).ok());
  ASSERT_TRUE(sick.feed(std::vector<Token>{Token(1), fakes::kPoison, Token(2)}).ok());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(sick.generate(kShort).error().code, ErrorCode::kNonFinite);
    EXPECT_EQ(fake.core->memory->n_free_cells(), fake.core->memory->mem_size() - 1);
    EXPECT_TRUE(fake.core->memory->check_free_rows().ok());
  }
  ASSERT_TRUE(healthy.generate(kShort).ok());
  EXPECT_EQ(copy(healthy.tokens()), undisturbed());
}

TEST(Session, RefusesBadTokensAndParameters) {
  FakeEngine fake(kOptions);
  Session session = fake.session();
  EXPECT_EQ(session.generate(kShort).error().code, ErrorCode::kInvalidArgument);
  ASSERT_TRUE(session.feed(kPrompt).ok());
  const auto tokens = copy(session.tokens());
  const std::vector<Token> outside = {Token(1), Token(fakes::kVocab)};
  EXPECT_EQ(session.feed(outside).error().code, ErrorCode::kInvalidArgument);
  const std::vector<GenerateParams> wrong = {{.max_tokens = -1},
                                             {.stop = {"ok", ""}},
                                             {.stop = {"\xFF"}},
                                             {.sampling = {.temperature = -1}}};
  for (const auto& params : wrong) {
    EXPECT_EQ(session.generate(params).error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(copy(session.tokens()), tokens);
}

TEST(Engine, RefusesOptionsOutsideTheirRanges) {
  const std::vector<EngineOptions> wrong = {
      {.n_seq_max = 0}, {.n_seq_max = 1U << 31},       {.mem_size = ~0U}, {.n_batch = 0},
      {.n_ubatch = 0},  {.n_batch = 4, .n_ubatch = 5}, {.kv_size = 0},    {.kv_size = 1U << 31}};
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    const auto core =
        Engine::Core::create(fakes::make_parts(std::make_shared<fakes::Script>()), wrong[i]);
    ASSERT_FALSE(core.ok()) << "case " << i;
    EXPECT_EQ(core.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(Engine, EvaluateShowsTheLogitsAfterEveryToken) {
  FakeEngine fake(kOptions);
  const auto tokens = tokens_of(kPrompt);
  Pos n_shown = 0;
  ASSERT_TRUE(fake.engine
                  ->evaluate(tokens,
                             [&](Pos pos, std::span<const float> logits) {
                               EXPECT_EQ(pos, n_shown++);
                               const auto seen =
                                   std::span(tokens).first(static_cast<std::size_t>(pos) + 1);
                               EXPECT_TRUE(std::ranges::equal(
                                   logits, fakes::logits_of(fakes::state_after(seen))));
                               return true;
                             })
                  .ok());
  EXPECT_EQ(n_shown, static_cast<Pos>(tokens.size()));
  EXPECT_EQ(fake.core->memory->n_free_cells(), fake.core->memory->mem_size());
}

TEST(Engine, EvaluateStopsWhenTold) {
  FakeEngine fake(kOptions);
  int n_shown = 0;
  const auto stop_at_6 = [&](Pos, std::span<const float>) { return ++n_shown < 6; };
  EXPECT_EQ(fake.engine->evaluate(tokens_of(kPrompt), stop_at_6).error().code,
            ErrorCode::kCancelled);
  EXPECT_EQ(n_shown, 6);
  const std::vector<Token> sick = {fakes::kPoison};
  const auto go_on = [](Pos, std::span<const float>) { return true; };
  EXPECT_EQ(fake.engine->evaluate(sick, go_on).error().code, ErrorCode::kNonFinite);
  EXPECT_EQ(fake.core->memory->n_free_cells(), fake.core->memory->mem_size());
}

}  // namespace
}  // namespace eddy
