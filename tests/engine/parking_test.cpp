// More conversations than cells: idle ones make room and come back, and no bit tells.
#include <gtest/gtest.h>

#include <vector>

#include "eddy/engine.h"
#include "engine/model_file.h"

namespace eddy {
namespace {

std::vector<Token> prompt_of(int i) {
  std::vector<Token> tokens;
  for (int t = 0; t < 3 + i % 5; ++t) tokens.push_back(Token((i * 31 + t * 7) % 250));
  return tokens;
}

class Parking : public testing::Test {
 protected:
  Engine open(std::uint32_t n_seq_max, std::uint32_t mem_size, bool parks = true) {
    auto engine = Engine::open(file_.path(), {.n_threads = 1,
                                              .n_seq_max = n_seq_max,
                                              .mem_size = mem_size,
                                              .parks = parks,
                                              .prefix_cache_bytes = 0});
    EXPECT_TRUE(engine.ok());
    return std::move(*engine);
  }

  ModelFile file_;
};

TEST_F(Parking, ThousandsOfSessionsGoOnOverSixteenCells) {
  constexpr int kSessions = 2000;
  Engine engine = open(kSessions, 16), plain = open(1, 1);
  std::vector<Session> sessions;
  for (int i = 0; i < kSessions; ++i) {
    sessions.push_back(std::move(*engine.new_session()));
    ASSERT_TRUE(sessions.back().feed(prompt_of(i)).ok()) << i;
  }
  for (int i = 0; i < kSessions; ++i) {
    const int number = (i * 617) % kSessions;  // in another order
    Session& session = sessions[static_cast<std::size_t>(number)];
    ASSERT_TRUE(session.generate({.max_tokens = 3}).ok());
    if (i % 16 != 0) continue;
    Session alone = std::move(*plain.new_session());
    ASSERT_TRUE(alone.feed(prompt_of(number)).ok() && alone.generate({.max_tokens = 3}).ok());
    ASSERT_TRUE(std::ranges::equal(session.tokens(), alone.tokens())) << number;
  }
}

TEST_F(Parking, ForksSavesAndRewindsBringBackWhatIsParked) {
  Engine engine = open(8, 2);
  std::vector<Session> sessions;
  for (int i = 0; i < 6; ++i) {
    sessions.push_back(std::move(*engine.new_session()));
    ASSERT_TRUE(sessions.back().feed(prompt_of(i)).ok());
    ASSERT_TRUE(sessions.back().generate({.max_tokens = 4}).ok());
  }
  const auto saved = sessions[0].save();
  ASSERT_TRUE(saved.ok());
  auto fork = sessions[0].fork();
  ASSERT_TRUE(fork.ok());
  ASSERT_TRUE(sessions[3].generate({.max_tokens = 4}).ok());  // parks them again
  ASSERT_TRUE(sessions[4].generate({.max_tokens = 4}).ok());
  EXPECT_EQ(*fork->save(), *saved);
  ASSERT_TRUE(sessions[5].rewind(2).ok());
  ASSERT_TRUE(sessions[1].reset().ok());
  ASSERT_TRUE(sessions[5].generate({.max_tokens = 2}).ok());
  EXPECT_EQ(*sessions[0].save(), *saved);
}

TEST_F(Parking, WithoutLeaveItIsFull) {
  Engine engine = open(4, 1, false);
  std::vector<Session> sessions;
  for (int i = 0; i < 4; ++i) sessions.push_back(std::move(*engine.new_session()));
  ErrorCode code{};
  for (Session& session : sessions) {
    const Status fed = session.feed(prompt_of(1));
    if (!fed) code = fed.error().code;
  }
  EXPECT_EQ(code, ErrorCode::kFull);
}

}  // namespace
}  // namespace eddy
