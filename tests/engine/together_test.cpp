// Answers that are computed together are those computed alone.
#include <gtest/gtest.h>

#include <deque>
#include <optional>

#include "eddy/engine.h"
#include "engine/fakes.h"
#include "engine/model_file.h"

namespace eddy {
namespace {

using fakes::FakeEngine;
using fakes::tokens_of;
using Tokens = std::vector<Token>;

// Requests of all kinds: lengths, sampling, drafts.
GenerateParams params_of(int i) {
  return {.max_tokens = 5 + 9 * (i % 4),
          .stop = {i % 5 == 4 ? "a" : "never said"},
          .sampling = {.temperature = i % 2 == 0 ? 0.0f : 0.9f, .seed = 100 + std::uint64_t(i)},
          .speculation = {.max_draft = i % 3 == 0 ? 6 : 0}};
}

Tokens prompt_of(int i) {
  Tokens tokens = made_up(2 + static_cast<std::size_t>(i), 7);
  tokens.insert(tokens.end(), tokens.begin(), tokens.end());  // something to quote
  return tokens;
}

std::vector<GenerateRequest> requests_of(std::deque<Session>& sessions) {
  std::vector<GenerateRequest> requests;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    requests.push_back({.session = &sessions[i], .params = params_of(static_cast<int>(i))});
  }
  return requests;
}

class Together : public testing::Test {
 protected:
  Engine open(EngineOptions options) {
    options.n_threads = 1;  // many small steps
    auto engine = Engine::open(file_.path(), std::move(options));
    EXPECT_TRUE(engine.ok());
    return std::move(*engine);
  }

  static std::deque<Session> fed(Engine& engine, int n) {
    std::deque<Session> sessions;
    for (int i = 0; i < n; ++i) {
      sessions.push_back(std::move(*engine.new_session()));
      EXPECT_TRUE(sessions.back().feed(prompt_of(i)).ok());
    }
    return sessions;
  }

  // Answers n sessions together, and compares each with one that is alone.
  void compare(Engine& engine, int n) {
    std::deque<Session> sessions = fed(engine, n);
    std::vector<GenerateRequest> requests = requests_of(sessions);
    std::vector<std::string> shown(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      requests[i].on_text = [&shown, i](std::string_view text) {
        shown[i] += text;
        return true;
      };
    }
    engine.generate(requests);
    Engine plain = open({.n_seq_max = 1, .prefix_cache_bytes = 0});
    for (std::size_t i = 0; i < requests.size(); ++i) {
      SCOPED_TRACE(i);
      Session alone = std::move(*plain.new_session());
      ASSERT_TRUE(alone.feed(prompt_of(static_cast<int>(i))).ok());
      const auto expected = alone.generate(requests[i].params);
      ASSERT_TRUE(expected.ok() && requests[i].result.ok());
      EXPECT_EQ(requests[i].result->text, expected->text);
      EXPECT_EQ(requests[i].result->n_tokens, expected->n_tokens);
      EXPECT_EQ(requests[i].result->reason, expected->reason);
      EXPECT_EQ(shown[i], expected->text);
      EXPECT_EQ(copy(sessions[i].tokens()), copy(alone.tokens()));
      const auto a = sessions[i].save(), b = alone.save();
      EXPECT_TRUE(a.ok() && b.ok() && *a == *b) << "states differ";
    }
  }

  ModelFile file_;
};

TEST_F(Together, AnswersAreThoseAlone) {
  Engine engine = open({.n_seq_max = 12, .n_batch = 64, .n_ubatch = 16});
  compare(engine, 12);
}

TEST_F(Together, ABatchForFewerTokensThanSessionsIsEnough) {
  Engine engine = open({.n_seq_max = 12, .n_batch = 5, .n_ubatch = 2});
  compare(engine, 12);
}

TEST_F(Together, FewerCellsThanSessionsAreEnough) {
  for (const std::uint32_t mem_size : {1U, 3U, 5U}) {
    Engine engine = open({.n_seq_max = 12, .mem_size = mem_size, .n_batch = 64, .n_ubatch = 16});
    compare(engine, 12);
  }
}

TEST_F(Together, AnswersThatOtherModelsGuessAreThoseAlone) {
  const ModelFile other_file(tiny_plan());
  EngineOptions options = {.n_seq_max = 7, .mem_size = 12, .n_batch = 64, .n_ubatch = 16};
  Engine engine = open(options), same = open(options);
  auto other = Engine::open(other_file.path(), options);
  ASSERT_TRUE(other.ok());
  std::deque<Session> sessions = fed(engine, 6), drafts;
  std::vector<GenerateRequest> requests = requests_of(sessions);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    drafts.push_back(std::move(*(i % 2 == 0 ? same : *other).new_session()));
    requests[i].params.speculation = {.max_draft = 5, .draft = &drafts.back()};
  }
  engine.generate(requests);
  std::int64_t n_drafted = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    SCOPED_TRACE(i);
    Session alone = std::move(*engine.new_session());
    ASSERT_TRUE(alone.feed(prompt_of(static_cast<int>(i))).ok());
    GenerateParams plain = requests[i].params;
    plain.speculation = {};
    ASSERT_TRUE(requests[i].result.ok() && alone.generate(plain).ok());
    EXPECT_EQ(copy(sessions[i].tokens()), copy(alone.tokens()));
    n_drafted += requests[i].result->n_drafted;
  }
  EXPECT_GT(n_drafted, 20);
}

// Each of the forks needs a cell of its own at its first step, beside the one that they share.
TEST_F(Together, ForksThatDoNotFitAtOnceTakeTurns) {
  constexpr int kForks = 5;
  Engine engine = open({.n_seq_max = kForks + 2, .mem_size = kForks, .prefix_cache_bytes = 0});
  Session root = std::move(*engine.new_session());
  ASSERT_TRUE(root.feed(prompt_of(4)).ok());
  std::deque<Session> forks;
  for (int i = 0; i < kForks; ++i) forks.push_back(std::move(*root.fork()));
  std::vector<GenerateRequest> requests = requests_of(forks);
  engine.generate(requests);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    Session alone = std::move(*root.fork());
    ASSERT_TRUE(requests[i].result.ok() && alone.generate(requests[i].params).ok());
    EXPECT_EQ(copy(forks[i].tokens()), copy(alone.tokens())) << i;
  }
}

TEST(TogetherCost, ManyTakeAsManySteps) {
  constexpr int kSessions = 6, kTokens = 20;
  FakeEngine fake({.n_seq_max = kSessions});
  std::deque<Session> sessions;
  std::vector<GenerateRequest> requests;
  for (int i = 0; i < kSessions; ++i) {
    sessions.push_back(fake.session());
    ASSERT_TRUE(sessions.back().feed(std::string("prompt ") + char('a' + i)).ok());
    requests.push_back({.session = &sessions.back(), .params = {.max_tokens = kTokens}});
  }
  const int n_before = fake.script->n_forward;
  fake.engine->generate(requests);
  EXPECT_EQ(fake.script->n_forward - n_before, kTokens);
  for (const GenerateRequest& request : requests) EXPECT_EQ(request.result->n_tokens, kTokens);
}

// Draft models too: what the first step of a guess has to read, it reads for all.
TEST(TogetherCost, GuessesForManyTakeAsManySteps) {
  const auto n_forward = [](int n_sessions) {
    const EngineOptions options = {.n_seq_max = 6, .mem_size = 18};
    FakeEngine fake(options), small(options);
    std::deque<Session> sessions, drafts;
    std::vector<GenerateRequest> requests;
    for (int i = 0; i < n_sessions; ++i) {
      sessions.push_back(fake.session());
      drafts.push_back(small.session());
      EXPECT_TRUE(sessions.back().feed(std::string("a prompt ") + char('a' + i)).ok());
      requests.push_back({.session = &sessions.back(),
                          .params = {.max_tokens = 20, .speculation = {4, &drafts.back()}}});
    }
    fake.engine->generate(requests);
    for (const GenerateRequest& request : requests) EXPECT_GT(request.result->n_accepted, 10);
    return small.script->n_forward;
  };
  EXPECT_EQ(n_forward(6), n_forward(1));
}

// What is wrong with one of them is nothing to the others.
class TogetherTrouble : public testing::Test {
 protected:
  TogetherTrouble() {
    for (int i = 0; i < kSessions; ++i) {
      sessions_.push_back(fake_.session());
      EXPECT_TRUE(sessions_.back().feed(prompt(i)).ok());
      requests_.push_back({.session = &sessions_.back(), .params = {.max_tokens = kTokens}});
    }
  }

  // Number 1 has something to quote.
  static std::string prompt(int i) {
    return std::string(i == 1 ? "ababababababa" : "the prompt of ") + char('a' + i);
  }

  void expect_whole(int i) {
    FakeEngine other;
    Session alone = other.session();
    ASSERT_TRUE(alone.feed(prompt(i)).ok() && alone.generate({.max_tokens = kTokens}).ok());
    const auto at = static_cast<std::size_t>(i);
    ASSERT_TRUE(requests_[at].result.ok()) << requests_[at].result.error().message;
    EXPECT_EQ(copy(sessions_[at].tokens()), copy(alone.tokens())) << i;
  }

  static constexpr int kSessions = 4, kTokens = 12;
  FakeEngine fake_{{.n_seq_max = kSessions, .n_batch = 16, .n_ubatch = 4}};
  std::deque<Session> sessions_;
  std::vector<GenerateRequest> requests_;
};

TEST_F(TogetherTrouble, OneThatIsPoisoned) {
  ASSERT_TRUE(sessions_[2].feed(Tokens{fakes::kPoison}).ok());
  fake_.engine->generate(requests_);
  ASSERT_FALSE(requests_[2].result.ok());
  EXPECT_EQ(requests_[2].result.error().code, ErrorCode::kNonFinite);
  for (const int i : {0, 1, 3}) expect_whole(i);
}

TEST_F(TogetherTrouble, OneThatIsCancelledOrHasEnough) {
  int n_pieces = 0;
  requests_[0].on_text = [&](std::string_view) { return ++n_pieces < 3; };
  requests_[1].on_text = [&](std::string_view) {
    if (n_pieces == 2) sessions_[1].cancel();
    return true;
  };
  fake_.engine->generate(requests_);
  EXPECT_EQ(requests_[0].result->reason, StopReason::kCallback);
  EXPECT_EQ(requests_[0].result->n_tokens, 3);
  EXPECT_EQ(requests_[1].result->reason, StopReason::kCancelled);
  EXPECT_LT(requests_[1].result->n_tokens, kTokens);
  for (const int i : {2, 3}) expect_whole(i);
  for (const std::size_t i : {0U, 1U}) {  // and they go on where they were
    GenerateRequest rest = {.session = &sessions_[i],
                            .params = {.max_tokens = kTokens - requests_[i].result->n_tokens}};
    fake_.engine->generate({&rest, 1});
    requests_[i].result = rest.result;
    expect_whole(static_cast<int>(i));
  }
}

// A computation that fails loses the states of all of its micro-batch: they are computed anew. One
// that fails for a session alone is its result, and the next call goes on.
TEST_F(TogetherTrouble, AnyStepThatFails) {
  const int n_before = fake_.script->n_forward;
  for (int at = 0; at < 15; ++at) {
    std::deque<Session> sessions;
    std::vector<GenerateRequest> requests;
    FakeEngine fake({.n_seq_max = kSessions, .n_batch = 16, .n_ubatch = 3});
    for (int i = 0; i < kSessions; ++i) {
      sessions.push_back(fake.session());
      ASSERT_TRUE(sessions.back().feed(prompt(i)).ok());
      const std::int32_t max_draft = i == 1 ? 2 : 0;
      requests.push_back(
          {.session = &sessions.back(),
           .params = {.max_tokens = kTokens, .speculation = {.max_draft = max_draft}}});
    }
    fake.script->fail_at = fake.script->n_forward + at;
    fake.engine->generate(requests);
    for (GenerateRequest& request : requests) {
      if (request.result) continue;
      // What a wrong guess has cost is read again alone; and in the end some are alone.
      const auto i = static_cast<int>(&request - &requests[0]);
      EXPECT_TRUE(i == 1 || at >= kTokens - 1) << i << " at " << at;
      const std::int64_t n_prompt = 1 + std::ssize(prompt(i));
      const std::int64_t n_left = kTokens - (request.session->n_tokens() - n_prompt);
      request.result = request.session->generate({.max_tokens = n_left});
    }
    std::swap(sessions, sessions_);
    std::swap(requests, requests_);
    for (int i = 0; i < kSessions; ++i) expect_whole(i);
    std::swap(sessions, sessions_);
    requests_.clear();
  }
  EXPECT_EQ(fake_.script->n_forward, n_before);
}

TEST_F(TogetherTrouble, RequestsThatAreNone) {
  FakeEngine other;
  Session stranger = other.session(), empty_one = std::move(sessions_[3]);
  ASSERT_TRUE(stranger.feed("x").ok() && empty_one.reset().ok());
  requests_[1].session = nullptr;
  requests_[2].session = &stranger;
  requests_[3].session = &empty_one;
  requests_.push_back({.session = &sessions_[0], .params = {.max_tokens = 3}});
  requests_.push_back({.session = &sessions_[2], .params = {.max_tokens = -1}});
  fake_.engine->generate(requests_);
  expect_whole(0);
  for (std::size_t i = 1; i < requests_.size(); ++i) {
    ASSERT_FALSE(requests_[i].result.ok()) << i;
    EXPECT_EQ(requests_[i].result.error().code, ErrorCode::kInvalidArgument) << i;
  }
  EXPECT_EQ(sessions_[2].n_tokens(), 1 + std::ssize(prompt(2)));
  fake_.engine->generate({});
}

// When it is told of an end its session is free: it may be asked again, or be destroyed.
TEST_F(TogetherTrouble, TheSessionIsFreeAtItsEnd) {
  std::vector<std::int64_t> ended;
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    requests_[i].params.max_tokens = 4 + 4 * static_cast<std::int64_t>(i % 2);
    requests_[i].on_end = [&](GenerateRequest& request) {
      ended.push_back(request.result->n_tokens);
      const std::int64_t n_left = kTokens - request.result->n_tokens;
      EXPECT_TRUE(request.session->generate({.max_tokens = n_left}).ok());
    };
  }
  fake_.engine->generate(requests_);
  EXPECT_EQ(ended, (std::vector<std::int64_t>{4, 4, 8, 8}));
  for (int i = 0; i < kSessions; ++i) expect_whole(i);
}

// Prompts are read when their turn comes: there is never a state for those that wait.
TEST(TogetherCost, ThoseThatWaitHaveNoState) {
  constexpr int kRequests = 9;
  FakeEngine fake({.n_seq_max = kRequests, .mem_size = 2, .parks = false, .n_rewind = 0});
  std::deque<std::optional<Session>> sessions;
  std::vector<GenerateRequest> requests;
  for (int i = 0; i < kRequests; ++i) {
    sessions.emplace_back(fake.session());
    requests.push_back({.session = &*sessions.back(),
                        .prompt = tokens_of(std::string("ask ") + char('a' + i)),
                        .params = {.max_tokens = 3 + i % 3},
                        .on_end = [&sessions, i](GenerateRequest&) {
                          sessions[static_cast<std::size_t>(i)].reset();
                        }});
  }
  fake.engine->generate(requests);
  for (const GenerateRequest& request : requests) {
    ASSERT_TRUE(request.result.ok()) << request.result.error().message;
    EXPECT_EQ(request.result->n_tokens, request.params.max_tokens);
  }
}

// --- What is asked twice -------------------------------------------------------------------------

TEST(TogetherOnce, ThePromptThatAllShareIsReadOnce) {
  constexpr int kSessions = 5;
  FakeEngine fake({.n_seq_max = kSessions, .n_batch = 64, .n_ubatch = 64});
  const std::string prompt(1000, 'p');
  std::deque<Session> sessions;
  std::vector<GenerateRequest> requests;
  for (int i = 0; i < kSessions; ++i) {
    sessions.push_back(fake.session());
    ASSERT_TRUE(sessions.back().feed(prompt).ok());
    requests.push_back({.session = &sessions.back(), .params = {.max_tokens = 1}});
  }
  EXPECT_EQ(fake.script->n_tokens, std::ssize(prompt));  // with the token that begins a text
  fake.engine->generate(requests);
  EXPECT_EQ(fake.script->n_tokens, std::ssize(prompt) + kSessions);
}

// The same where they come with the requests, all at once.
TEST(TogetherOnce, ThePromptOfAllRequestsIsReadOnce) {
  constexpr int kSessions = 5;
  FakeEngine fake({.n_seq_max = kSessions, .n_batch = 64, .n_ubatch = 64});
  const Tokens prompt = fake.engine->tokenize(std::string(1000, 'p'), {.begin = true});
  std::deque<Session> sessions;
  std::vector<GenerateRequest> requests;
  for (int i = 0; i < kSessions; ++i) {
    sessions.push_back(fake.session());
    requests.push_back(
        {.session = &sessions.back(), .prompt = prompt, .params = {.max_tokens = 1}});
  }
  fake.engine->generate(requests);
  for (const GenerateRequest& request : requests) ASSERT_TRUE(request.result.ok());
  EXPECT_GE(fake.script->n_tokens, std::ssize(prompt));
  EXPECT_LE(fake.script->n_tokens, std::ssize(prompt) - 1 + kSessions);
}

// The logits after a prompt are kept beside its state.
TEST(TogetherOnce, TheFirstTokenOfARepeatTakesNoComputation) {
  FakeEngine fake;
  const std::string prompt(300, 'q');
  Session first = fake.session();
  ASSERT_TRUE(first.feed(prompt).ok() && first.generate({.max_tokens = 9}).ok());
  const std::int64_t n_tokens = fake.script->n_tokens;
  Session second = fake.session();
  ASSERT_TRUE(second.feed(prompt).ok() && second.generate({.max_tokens = 1}).ok());
  EXPECT_EQ(fake.script->n_tokens, n_tokens);
  ASSERT_TRUE(second.generate({.max_tokens = 8}).ok());
  EXPECT_EQ(copy(second.tokens()), copy(first.tokens()));
  Session other = fake.session();  // another last token: nothing is known of what follows
  ASSERT_TRUE(other.feed(prompt.substr(1) + "!").ok());
  const std::int64_t n_before = fake.script->n_tokens;
  ASSERT_TRUE(other.generate({.max_tokens = 1}).ok());
  EXPECT_GT(fake.script->n_tokens, n_before);
}

}  // namespace
}  // namespace eddy
