// Speculation changes no bit of an answer, whatever is guessed.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "eddy/engine.h"
#include "engine/drafter.h"
#include "engine/fakes.h"
#include "engine/model_file.h"
#include "make_model/architectures.h"

namespace eddy {
namespace {

using Tokens = std::vector<Token>;

Tokens repeating(std::size_t n, std::size_t period) {
  std::mt19937 random(5);
  Tokens tokens;
  while (tokens.size() < n) {
    tokens.push_back(tokens.size() < period ? Token(static_cast<std::int32_t>(random() % 250))
                                            : tokens[tokens.size() - period]);
  }
  return tokens;
}

class Speculation : public testing::Test {
 protected:
  Engine open(EngineOptions options = {.n_seq_max = 4, .n_batch = 64, .n_ubatch = 32}) {
    auto engine = Engine::open(file_.path(), std::move(options));
    EXPECT_TRUE(engine.ok());
    return std::move(*engine);
  }

  static Session fed(Engine& engine, const Tokens& prompt) {
    auto session = engine.new_session();
    EXPECT_TRUE(session.ok());
    EXPECT_TRUE(session->feed(prompt).ok());
    return std::move(*session);
  }

  ModelFile file_;
};

TEST_F(Speculation, AnswersAreThoseWithout) {
  Engine engine = open();
  const Tokens prompt = repeating(50, 7);
  for (const float temperature : {0.0f, 0.7f, 1.5f}) {
    GenerateParams params = {.max_tokens = 70,
                             .sampling = {.repetition_penalty = temperature > 1 ? 1.1f : 1.0f,
                                          .temperature = temperature,
                                          .seed = 9}};
    Session plain = fed(engine, prompt);
    const auto expected = plain.generate(params);
    ASSERT_TRUE(expected.ok());
    EXPECT_EQ(expected->n_drafted, 0);
    for (const std::int32_t max_draft : {1, 3, 8, 200}) {
      SCOPED_TRACE(testing::Message() << "temperature " << temperature << ", " << max_draft);
      params.speculation.max_draft = max_draft;
      Session session = fed(engine, prompt);
      const auto found = session.generate(params);
      ASSERT_TRUE(found.ok());
      EXPECT_EQ(copy(session.tokens()), copy(plain.tokens()));
      EXPECT_EQ(found->text, expected->text);
      EXPECT_EQ(found->n_tokens, expected->n_tokens);
      EXPECT_EQ(found->reason, expected->reason);
      EXPECT_LE(found->n_accepted, found->n_drafted);
      const auto a = session.save(), b = plain.save();  // the state too
      ASSERT_TRUE(a.ok() && b.ok());
      EXPECT_EQ(*a, *b);
    }
  }
}

TEST_F(Speculation, AModelThatKnowsIsAlwaysBelieved) {
  Engine engine = open(), same = open();
  Session session = fed(engine, repeating(20, 20)), draft = std::move(*same.new_session());
  const auto done = session.generate({.max_tokens = 60, .speculation = {8, &draft}});
  ASSERT_TRUE(done.ok());
  EXPECT_GT(done->n_drafted, 40);
  EXPECT_EQ(done->n_accepted, done->n_drafted);
}

TEST_F(Speculation, AModelThatIsWrongIsNot) {
  const ModelFile other_file(tiny_plan());
  Engine engine = open();
  auto other = Engine::open(other_file.path(), {.type_r = StateType::kBF16, .n_rewind = 32});
  ASSERT_TRUE(other.ok());
  Session draft = std::move(*other->new_session());
  ASSERT_TRUE(draft.feed(repeating(9, 9)).ok());  // and has read something else before
  Session plain = fed(engine, repeating(30, 30)), session = fed(engine, repeating(30, 30));
  GenerateParams params = {.max_tokens = 40, .sampling = {.temperature = 3, .seed = 2}};
  ASSERT_TRUE(plain.generate(params).ok());
  params.speculation = {5, &draft};
  const auto done = session.generate(params);
  ASSERT_TRUE(done.ok());
  EXPECT_LT(done->n_accepted, done->n_drafted);
  EXPECT_EQ(copy(session.tokens()), copy(plain.tokens()));
}

TEST_F(Speculation, AModelWithAnotherVocabularyIsRefused) {
  const ModelFile other_file(
      *make_model::find_architecture("mamba")->plan("tiny-odd", DType::kF32));
  Engine engine = open();
  auto other = Engine::open(other_file.path(), {});
  ASSERT_TRUE(other.ok());
  Session session = fed(engine, repeating(9, 9)), draft = std::move(*other->new_session());
  const auto before = copy(session.tokens());
  const auto done = session.generate({.max_tokens = 4, .speculation = {8, &draft}});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code, ErrorCode::kMismatch) << done.error().message;
  EXPECT_EQ(copy(session.tokens()), before);
}

TEST_F(Speculation, ASessionGuessesForOneAnswerAtATime) {
  Engine engine = open(), same = open();
  Session first = fed(engine, repeating(9, 9)), second = fed(engine, repeating(8, 8));
  Session draft = std::move(*same.new_session());
  const GenerateParams params = {.max_tokens = 9, .speculation = {4, &draft}};
  std::vector<GenerateRequest> requests(2);
  requests[0] = {.session = &first, .params = params};
  requests[1] = {.session = &second, .params = params};
  engine.generate(requests);
  EXPECT_TRUE(requests[0].result.ok());
  ASSERT_FALSE(requests[1].result.ok());
  EXPECT_EQ(requests[1].result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(requests[1].result.error().message.starts_with("draft:"));
  EXPECT_TRUE(second.generate(params).ok());
  const auto by_itself = first.generate({.max_tokens = 9, .speculation = {4, &first}});
  ASSERT_FALSE(by_itself.ok());
  EXPECT_EQ(by_itself.error().code, ErrorCode::kInvalidArgument);
}

TEST(SpeculationCancelled, IsHeardWhileADraftReads) {
  fakes::FakeEngine fake, small({.n_batch = 8, .n_ubatch = 4});
  Session session = fake.session(), draft = small.session();
  ASSERT_TRUE(session.feed(std::string(100, 'x')).ok());
  small.script->before_forward = [&](int n) {
    if (n == 2) session.cancel();
  };
  const GenerateParams params = {.max_tokens = 9, .speculation = {4, &draft}};
  const auto done = session.generate(params);
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->reason, StopReason::kCancelled);
  EXPECT_LE(small.script->n_forward, 4);
  const auto rest = session.generate(params);  // it was for that answer alone
  ASSERT_TRUE(rest.ok());
  EXPECT_EQ(rest->n_tokens, 9);
}

TEST(SpeculationWithADraftThatFails, GoesOnWithoutIt) {
  fakes::FakeEngine fake, small;
  fake.script->answer = small.script->answer = [](Token last) { return Token(last.value ^ 1); };
  Session plain = fake.session(), session = fake.session(), draft = small.session();
  ASSERT_TRUE(plain.feed("some text").ok() && session.feed("some text").ok());
  ASSERT_TRUE(plain.generate({.max_tokens = 40}).ok());
  small.script->fail_at = 4;
  const auto done = session.generate({.max_tokens = 40, .speculation = {4, &draft}});
  ASSERT_TRUE(test::succeeds(done));
  EXPECT_EQ(done->reason, StopReason::kLength);
  EXPECT_GT(done->n_accepted, 0);
  EXPECT_FALSE(done->drafts.ok());
  EXPECT_EQ(copy(session.tokens()), copy(plain.tokens()));
  EXPECT_EQ(small.script->n_forward, 5) << "it is asked no more";
  const auto next = session.generate({.max_tokens = 9, .speculation = {4, &draft}});
  ASSERT_TRUE(test::succeeds(next));
  EXPECT_TRUE(next->drafts.ok()) << "and guesses for the next answer";
  EXPECT_GT(next->n_accepted, 0);
}

TEST_F(Speculation, StoppingInsideADraftLeavesNothingBehind) {
  Engine engine = open(), same = open();
  const Tokens prompt = repeating(20, 20);
  for (int n_wanted = 1; n_wanted <= 12; ++n_wanted) {
    Session plain = fed(engine, prompt), session = fed(engine, prompt);
    Session draft = std::move(*same.new_session());
    int n_plain = 0, n_shown = 0;
    ASSERT_TRUE(
        plain.generate({.max_tokens = 60}, [&](std::string_view) { return ++n_plain < n_wanted; }));
    ASSERT_TRUE(session.generate({.max_tokens = 60, .speculation = {8, &draft}},
                                 [&](std::string_view) { return ++n_shown < n_wanted; }));
    ASSERT_EQ(copy(session.tokens()), copy(plain.tokens())) << n_wanted;
    ASSERT_TRUE(plain.generate({.max_tokens = 5}) && session.generate({.max_tokens = 5}));
    ASSERT_EQ(copy(session.tokens()), copy(plain.tokens())) << n_wanted;
  }
}

TEST_F(Speculation, WithoutALogItIsSlowAndRight) {
  Engine engine = open({.n_seq_max = 2, .n_rewind = 0});
  const Tokens prompt = repeating(50, 7);
  Session plain = fed(engine, prompt), session = fed(engine, prompt);
  ASSERT_TRUE(plain.generate({.max_tokens = 30}));
  ASSERT_TRUE(session.generate({.max_tokens = 30, .speculation = {6}}));
  EXPECT_EQ(copy(session.tokens()), copy(plain.tokens()));
}

TEST_F(Speculation, RewoundSessionsAreThoseThatNeverWent) {
  Engine engine = open();
  const Tokens prompt = repeating(150, 31);
  Session session = fed(engine, prompt);
  for (const Pos n : {1, 5, 40, 60, 30}) {
    ASSERT_TRUE(session.rewind(n).ok());
    Session fresh = fed(engine, copy(session.tokens()));
    const auto a = session.fork()->generate({.max_tokens = 9});
    const auto b = fresh.generate({.max_tokens = 9});
    ASSERT_TRUE(a.ok() && b.ok());
    EXPECT_EQ(a->text, b->text) << "after " << n;
  }
  EXPECT_EQ(session.rewind(-1).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(session.rewind(session.n_tokens() + 1).error().code, ErrorCode::kInvalidArgument);
  ASSERT_TRUE(session.rewind(session.n_tokens()).ok());
  EXPECT_EQ(session.n_tokens(), 0);
}

TEST(NgramDrafter, GuessesWhatFollowedTheLongestMatch) {
  NgramDrafter drafter;
  const auto drafted = [&](std::initializer_list<int> text, std::size_t n) {
    Tokens tokens, out;
    for (const int t : text) tokens.push_back(Token(t));
    drafter.draft(tokens, n, out);
    std::vector<int> found;
    for (const Token t : out) found.push_back(t.value);
    return found;
  };
  EXPECT_EQ(drafted({1, 2, 3, 9, 2, 3}, 4), (std::vector<int>{9, 2, 3, 9}));
  EXPECT_EQ(drafted({1, 2, 3, 9, 2, 3, 8, 1, 2, 3}, 2), (std::vector<int>{9, 2}));  // 1 2 3
  EXPECT_EQ(drafted({5, 6, 7, 8}, 2), std::vector<int>{});                          // another text
  EXPECT_EQ(drafted({5, 6, 7, 5, 6}, 1), std::vector<int>{7});
  EXPECT_EQ(drafted({1, 2, 1, 2, 1, 2}, 5), (std::vector<int>{1, 2, 1, 2, 1}));
  EXPECT_EQ(drafted({5, 6}, 3), std::vector<int>{});
  EXPECT_EQ(drafted({}, 3), std::vector<int>{});
}

TEST(NgramDrafter, GuessesFurtherTheMoreMatches) {
  NgramDrafter drafter;
  Tokens text, out;
  for (const int t : {5, 6, 7, 8, 9, 1, 2, 3, 5, 6}) text.push_back(Token(t));
  drafter.draft(text, 9, out);
  EXPECT_EQ(out.size(), 4U);  // twice as many as match
  text.push_back(out[0]);
  out.clear();
  drafter.draft(text, 9, out);
  EXPECT_EQ(out.size(), 6U);
}

// Two passages differ in their first and their last token. The one that is copied is the older, and
// where it ends more tokens than any gram has are those of both.
TEST(NgramDrafter, KeepsToItsPlaceInATextThatIsCopied) {
  const auto passage = [](int first, int last) {
    Tokens tokens = {Token(first)};
    for (int i = 0; i < 40; ++i) tokens.push_back(Token(i));
    tokens.push_back(Token(last));
    return tokens;
  };
  Tokens text = passage(100, 101);
  for (const Token token : passage(200, 201)) text.push_back(token);
  NgramDrafter drafter;
  Tokens out;
  for (const Token token : passage(100, 101)) {
    if (!out.empty()) {
      EXPECT_EQ(out[0], token);
    }
    text.push_back(token);
    out.clear();
    drafter.draft(text, 3, out);
  }
}

TEST(DraftLength, GrowsWithSuccessAndRestsAfterFailure) {
  DraftLength length(16);
  EXPECT_EQ(length.next(0), 4U);
  length.note(4, 4);
  EXPECT_EQ(length.next(0), 8U);
  length.note(8, 8);
  length.note(16, 16);
  EXPECT_EQ(length.next(0), 16U);
  length.note(16, 2);
  EXPECT_EQ(length.next(0), 3U);
  length.note(3, 0);
  length.note(1, 0);
  EXPECT_EQ(length.next(0), 0U);
  EXPECT_EQ(length.next(0), 0U);
  EXPECT_EQ(length.next(0), 1U);
}

TEST(DraftLength, GuessesNoMoreThanTheyAreWorth) {
  DraftLength length(4);
  for (int i = 0; i < 40; ++i) length.note(4, 2);  // half of them are right
  for (int i = 0; i < 40; ++i) EXPECT_GT(length.next(0.4), 0U);
  int n_drafts = 0;
  for (int i = 0; i < 64; ++i) n_drafts += length.next(0.6) > 0 ? 1 : 0;
  EXPECT_EQ(n_drafts, 4);  // now and then, to see whether that has changed
  for (int i = 0; i < 40; ++i) length.note(4, 4);
  EXPECT_GT(length.next(0.6), 0U);
}

TEST(StepCost, IsTheShareOfAStepThatATokenAdds) {
  StepCost cost;
  EXPECT_EQ(cost.of_a_guess(1), 0);
  for (int i = 0; i < 100; ++i) cost.note(1, 10);
  EXPECT_EQ(cost.of_a_guess(1), 0) << "all steps were equal";
  for (int i = 0; i < 200; ++i) {  // 9 to read the weights, 1 for each token
    const auto n = static_cast<std::size_t>(1 + i % 8);
    cost.note(n, 9 + static_cast<double>(n));
  }
  EXPECT_NEAR(cost.of_a_guess(1), 1.0 / 10, 1e-2);
  EXPECT_NEAR(cost.of_a_guess(9), 9.0 / 18, 2e-2);
  EXPECT_NEAR(cost.of_a_guess(1000), 1, 2e-2);
}

}  // namespace
}  // namespace eddy
