// What callbacks may do: nothing that pulls the ground from under the call that made them.
#include <gtest/gtest.h>

#include <optional>

#include "eddy/engine.h"
#include "engine/fakes.h"
#include "engine/model_file.h"

namespace eddy {
namespace {

using fakes::FakeEngine;
using fakes::tokens_of;

const EngineOptions kCallbackOptions = {.n_seq_max = 3, .n_batch = 8, .n_ubatch = 4};
const std::string kCallbackPrompt = "the state follows the tokens";

std::vector<Token> answer_of(Session& session) {
  EXPECT_TRUE(session.feed(kCallbackPrompt).ok());
  EXPECT_TRUE(session.generate({.max_tokens = 8}).ok());
  return copy(session.tokens());
}

TEST(Callbacks, InsideAComputationNothingElseRuns) {
  FakeEngine fake(kCallbackOptions);
  Session session = fake.session();
  ASSERT_TRUE(session.feed(kCallbackPrompt).ok());
  const auto saved = session.save();
  ASSERT_TRUE(saved.ok());
  int n_calls = 0;
  const auto refused = [](ErrorCode code) { EXPECT_EQ(code, ErrorCode::kInvalidArgument); };
  const Status done = fake.engine->evaluate(tokens_of("abc"), [&](Pos, std::span<const float>) {
    ++n_calls;
    refused(session.feed("x").error().code);
    refused(session.generate({}).error().code);
    refused(session.fork().error().code);
    refused(session.save().error().code);
    refused(session.load(*saved).error().code);
    refused(session.reset().error().code);
    refused(fake.engine->evaluate(tokens_of("a"), {}).error().code);
    return true;
  });
  EXPECT_TRUE(done.ok());
  EXPECT_EQ(n_calls, 3);
  ASSERT_TRUE(session.reset().ok());
  FakeEngine other(kCallbackOptions);
  Session expected = other.session();
  EXPECT_EQ(answer_of(session), answer_of(expected));
}

// The sequence of a session that was destroyed while another computed showed its state to the next.
TEST(Callbacks, ASessionDestroyedInsideLeavesNothing) {
  FakeEngine fake(kCallbackOptions);
  std::optional<Session> victim(fake.session());
  ASSERT_TRUE(victim->feed("what nobody else may see").ok());
  ASSERT_TRUE(fake.engine
                  ->evaluate(tokens_of("ab"),
                             [&](Pos, std::span<const float>) {
                               victim.reset();
                               return true;
                             })
                  .ok());
  std::vector<Session> all;
  for (int i = 0; i < 3; ++i) all.push_back(fake.session());
  const auto first = answer_of(all[0]);
  EXPECT_EQ(answer_of(all[1]), first);
  EXPECT_EQ(answer_of(all[2]), first);
  EXPECT_EQ(fake.engine->new_session().error().code, ErrorCode::kFull);
}

TEST(Callbacks, AnAnswerRefusesToBeChangedByItsOwnCallback) {
  FakeEngine fake(kCallbackOptions);
  Session session = fake.session(), other = fake.session();
  ASSERT_TRUE(session.feed(kCallbackPrompt).ok());
  const auto done = session.generate({.max_tokens = 8}, [&](std::string_view) {
    EXPECT_EQ(session.reset().error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(session.feed("x").error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(session.generate({}).error().code, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(session.fork().ok());   // looks, and changes nothing
    EXPECT_TRUE(other.feed("y").ok());  // another session is free
    return true;
  });
  ASSERT_TRUE(done.ok());
  FakeEngine undisturbed(kCallbackOptions);
  Session expected = undisturbed.session();
  EXPECT_EQ(copy(session.tokens()), answer_of(expected));
  EXPECT_TRUE(session.reset().ok());
}

TEST(Callbacks, AfterANoItIsNotCalledAgain) {
  FakeEngine fake(kCallbackOptions);
  fake.script->answer = [](Token) { return tokens_of("a")[0]; };
  Session session = fake.session();
  ASSERT_TRUE(session.feed(kCallbackPrompt).ok());
  int n_calls = 0;
  const auto done = session.generate({.max_tokens = 50, .stop = {"aaaX"}}, [&](std::string_view) {
    ++n_calls;
    return false;
  });
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->reason, StopReason::kCallback);
  EXPECT_EQ(n_calls, 1);
  EXPECT_EQ(done->text, std::string(static_cast<std::size_t>(done->n_tokens), 'a'));
}

TEST(Callbacks, ACancelDuringTheLastTokenDoesNotStopTheNextCall) {
  FakeEngine fake(kCallbackOptions);
  Session session = fake.session();
  ASSERT_TRUE(session.feed(kCallbackPrompt).ok());
  const auto done = session.generate({.max_tokens = 1}, [&](std::string_view) {
    session.cancel();
    return true;
  });
  ASSERT_TRUE(done.ok());
  EXPECT_TRUE(session.feed("and on").ok());
}

TEST(Callbacks, ProgressGoesUpToOneByMicroBatches) {
  FakeEngine fake(kCallbackOptions);
  Session session = fake.session();
  std::vector<double> seen;
  ASSERT_TRUE(
      session.feed(tokens_of(kCallbackPrompt), [&](double done) { seen.push_back(done); }).ok());
  ASSERT_EQ(seen.size(), (kCallbackPrompt.size() - 1 + 3) / 4);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen.back(), 1);
}

TEST(Callbacks, ASessionMayBeFedItsOwnTokens) {
  FakeEngine fake(kCallbackOptions);
  Session session = fake.session();
  ASSERT_TRUE(session.feed(tokens_of(kCallbackPrompt)).ok());
  ASSERT_TRUE(session.feed(session.tokens()).ok());
  EXPECT_EQ(copy(session.tokens()), tokens_of(kCallbackPrompt + kCallbackPrompt));
}

// Fewer cells than sessions: the loaded state takes the place of the session's own.
TEST(Callbacks, LoadFindsRoomWhereTheSessionHasSome) {
  FakeEngine fake({.n_seq_max = 3, .mem_size = 1, .n_batch = 8, .n_ubatch = 4});
  Session a = fake.session(), b = fake.session();
  ASSERT_TRUE(a.feed(kCallbackPrompt).ok());
  ASSERT_TRUE(b.feed("other").ok());
  const auto saved = a.save();
  ASSERT_TRUE(saved.ok());
  EXPECT_TRUE(a.load(*saved).ok());
  EXPECT_EQ(copy(a.tokens()).size(), kCallbackPrompt.size() + 1);
}

}  // namespace
}  // namespace eddy
