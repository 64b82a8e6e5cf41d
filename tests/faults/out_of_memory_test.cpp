// Every allocation of every call that a user makes fails once: a typed error, nothing lost, and the
// same answer afterwards.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "eddy/engine.h"
#include "make_model/architectures.h"
#include "make_model/write_model.h"
#include "support/allocation_hook.h"

namespace eddy {
namespace {

const GenerateParams kAnswer = {.max_tokens = 6, .stop = {"never said"}, .sampling = {.seed = 1}};
const std::string kPrompt = "the state follows the tokens";

const std::string& model_path() {
  static const std::string path = [] {
    const std::string file = testing::TempDir() + "eddy_faults.gguf";
    const auto* mamba = make_model::find_architecture("mamba");
    EXPECT_TRUE(make_model::write_model(*mamba->plan("tiny", DType::kQ8_0), 1, file).ok());
    return file;
  }();
  return path;
}

Result<Engine> open() {
  return Engine::open(model_path(), {.n_threads = 1, .n_seq_max = 3, .n_batch = 8, .n_ubatch = 4});
}

bool has_failed = false;

void disarm() {
  has_failed = has_failed || test::allocation_has_failed();
  test::fail_allocation(-1);
}

// What a call returned; nullopt: it succeeded.
using Failure = std::optional<ErrorCode>;

template <class R>
Failure failure(const R& result) {
  return result.ok() ? Failure() : Failure(result.error().code);
}

// Makes the call again and again, with allocation 0, 1, 2, ... failing, until none is left to fail.
// `call` arms the hook itself, where its preparations end. Returns how many allocations failed.
int fail_each(const std::function<Failure(int n)>& call) {
  for (int n = 0;; ++n) {
    has_failed = false;
    const Failure failed = call(n);
    disarm();
    if (!has_failed) return n;
    // Where memory was wanted for speed alone a call may do without.
    EXPECT_EQ(failed.value_or(ErrorCode::kOutOfMemory), ErrorCode::kOutOfMemory) << n;
    if (testing::Test::HasFailure()) return n;
  }
}

class OutOfMemory : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = open();
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    engine_.emplace(std::move(*opened));
    Session session = new_session();
    ASSERT_TRUE(session.feed(kPrompt).ok());
    const auto done = session.generate(kAnswer);
    ASSERT_TRUE(done.ok());
    expected_.assign(session.tokens().begin(), session.tokens().end());
  }

  Session new_session() {
    auto made = engine_->new_session();
    EXPECT_TRUE(made.ok());
    return std::move(*made);
  }

  // Whatever failed before: all sessions can be had, and one of them gives the undisturbed answer.
  void check_undisturbed() {
    std::vector<Session> all;
    for (int i = 0; i < 3; ++i) all.push_back(new_session());
    ASSERT_TRUE(all[1].feed(kPrompt).ok());
    ASSERT_TRUE(all[1].generate(kAnswer).ok());
    check(all[1]);
  }

  void check(const Session& session) {
    const std::vector<Token> found(session.tokens().begin(), session.tokens().end());
    EXPECT_EQ(found, expected_);
  }

  std::optional<Engine> engine_;
  std::vector<Token> expected_;
};

TEST_F(OutOfMemory, Open) {
  engine_.reset();
  const int n = fail_each([](int k) {
    test::fail_allocation(k);
    return failure(open());
  });
  EXPECT_GT(n, 100);
}

TEST_F(OutOfMemory, NewSession) {
  const int n = fail_each([&](int k) {
    test::fail_allocation(k);
    return failure(engine_->new_session());
  });
  EXPECT_GT(n, 0);
  check_undisturbed();
}

TEST_F(OutOfMemory, Fork) {
  {
    Session session = new_session();
    ASSERT_TRUE(session.feed(kPrompt).ok());
    const int n = fail_each([&](int k) {
      test::fail_allocation(k);
      return failure(session.fork());
    });
    EXPECT_GT(n, 0);
  }
  check_undisturbed();
}

TEST_F(OutOfMemory, CheckpointAndRestore) {
  {
    Session session = new_session();
    ASSERT_TRUE(session.feed(kPrompt).ok());
    const int n = fail_each([&](int k) {
      test::fail_allocation(k);
      return failure(session.checkpoint());
    });
    EXPECT_GT(n, 1);
    const auto kept = session.checkpoint();
    ASSERT_TRUE(kept.ok());
    const int n_back = fail_each([&](int k) {
      EXPECT_TRUE(session.reset().ok());
      test::fail_allocation(k);
      const Status restored = session.restore(*kept);
      disarm();
      EXPECT_EQ(session.n_tokens() == 0, !restored.ok());
      return failure(restored);
    });
    EXPECT_GT(n_back, 0);
    ASSERT_TRUE(session.generate(kAnswer).ok());
    check(session);
  }
  check_undisturbed();
}

// In a cell or parked, it goes on as if nothing had been.
TEST_F(OutOfMemory, ParkAndComeBack) {
  const int n_parking = fail_each([&](int k) {
    Session session = new_session();
    EXPECT_TRUE(session.feed(kPrompt).ok());
    test::fail_allocation(k);
    const Status parked = session.park();
    disarm();
    EXPECT_EQ(session.place().kind,
              parked.ok() ? StatePlace::Kind::kParked : StatePlace::Kind::kCell);
    EXPECT_TRUE(session.generate(kAnswer).ok());
    check(session);
    const Failure failed = failure(parked);  // kFull: the store's memory has ended
    return failed == ErrorCode::kFull ? Failure(ErrorCode::kOutOfMemory) : failed;
  });
  EXPECT_GT(n_parking, 3);
  const int n_back = fail_each([&](int k) {
    Session session = new_session();
    EXPECT_TRUE(session.feed(kPrompt).ok() && session.park().ok());
    test::fail_allocation(k);
    const auto saved = session.save();
    disarm();
    EXPECT_TRUE(session.generate(kAnswer).ok());
    check(session);
    return failure(saved);
  });
  EXPECT_GT(n_back, 0);
}

TEST_F(OutOfMemory, Feed) {
  const int n = fail_each([&](int k) {
    Session session = new_session();
    test::fail_allocation(k);
    const Status fed = session.feed(kPrompt);
    disarm();
    EXPECT_EQ(session.n_tokens() == 0, !fed.ok());
    return failure(fed);
  });
  EXPECT_GT(n, 0);
  check_undisturbed();
}

// An answer that was cut short goes on with the next call, as if nothing had been.
TEST_F(OutOfMemory, Generate) {
  const int n = fail_each([&](int k) {
    Session session = new_session();
    EXPECT_TRUE(session.feed(kPrompt).ok());
    const Pos n_prompt = session.n_tokens();
    test::fail_allocation(k);
    const auto done = session.generate(kAnswer);
    disarm();
    GenerateParams rest = kAnswer;
    rest.max_tokens -= session.n_tokens() - n_prompt;
    EXPECT_TRUE(session.generate(rest).ok());
    check(session);
    return failure(done);
  });
  EXPECT_GT(n, 0);
}

TEST_F(OutOfMemory, GenerateTogether) {
  const int n = fail_each([&](int k) {
    std::array<Session, 2> sessions = {new_session(), new_session()};
    std::array<GenerateRequest, 2> requests;
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_TRUE(sessions[i].feed(kPrompt).ok());
      requests[i].session = &sessions[i];
      requests[i].params = kAnswer;
      requests[i].params.speculation.max_draft = 3;
    }
    const Pos n_prompt = sessions[0].n_tokens();
    test::fail_allocation(k);
    engine_->generate(requests);
    disarm();
    Failure failed;
    for (std::size_t i = 0; i < 2; ++i) {
      GenerateParams rest = kAnswer;
      rest.max_tokens -= sessions[i].n_tokens() - n_prompt;
      EXPECT_TRUE(sessions[i].generate(rest).ok());
      check(sessions[i]);
      if (!failed) failed = failure(requests[i].result);
    }
    return failed;
  });
  EXPECT_GT(n, 0);
}

TEST_F(OutOfMemory, SaveAndLoad) {
  Session session = new_session();
  ASSERT_TRUE(session.feed(kPrompt).ok());
  const auto saved = session.save();
  ASSERT_TRUE(saved.ok());
  EXPECT_GT(fail_each([&](int k) {
              test::fail_allocation(k);
              return failure(session.save());
            }),
            0);
  Session other = new_session();
  EXPECT_GT(fail_each([&](int k) {
              test::fail_allocation(k);
              return failure(other.load(*saved));
            }),
            0);
  ASSERT_TRUE(other.generate(kAnswer).ok());
  check(other);
}

}  // namespace
}  // namespace eddy
