// Golden sessions: files that were saved once, and can be read from then on.
//
// tests/golden/states/<architecture>.session is a conversation with a seeded random model of the
// architecture's first tiny shape. A version that cannot read its own format's old files fails
// here; so does one that computes another state from the same tokens. A new format gets new files,
// and the old ones stay to be refused. New architectures' files are written by
//   EDDY_RENEW_GOLDEN=1 build/release/tests/golden_test --gtest_filter='*GoldenSession*'
#include <fmt/format.h>
#include <gtest/gtest.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "eddy/engine.h"
#include "make_model/architectures.h"
#include "make_model/write_model.h"

namespace eddy {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::uint64_t kStateSeed = 1;
constexpr std::int32_t kStateTokens = 12;
constexpr std::int64_t kAnswer = 5;

std::string state_path(std::string_view architecture) {
  return fmt::format("{}/tests/golden/states/{}.session", EDDY_SOURCE_DIR, architecture);
}

Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Engine open_tiny(const make_model::Architecture& architecture) {
  const auto shapes = architecture.shapes();
  const auto shape =
      std::ranges::find_if(shapes, [](std::string_view name) { return name.starts_with("tiny"); });
  const std::string path = testing::TempDir() + "eddy_golden_session.gguf";
  const Status written =
      make_model::write_model(*architecture.plan(*shape, DType::kF32), kStateSeed, path);
  if (!written.ok()) throw std::runtime_error(written.error().message);
  auto engine = Engine::open(path, {.n_threads = 1, .n_seq_max = 4});
  if (!engine.ok()) throw std::runtime_error(engine.error().message);
  return std::move(*engine);
}

Session new_session(Engine& engine) {
  auto session = engine.new_session();
  if (!session.ok()) throw std::runtime_error(session.error().message);
  return std::move(*session);
}

// The conversation that the files hold.
Session converse(Engine& engine) {
  Session session = new_session(engine);
  std::vector<Token> tokens;
  for (std::int32_t i = 0; i < kStateTokens; ++i) tokens.push_back(Token((i * i * 31 + 7) % 257));
  const Status fed = session.feed(tokens);
  EXPECT_TRUE(fed.ok()) << fed.error().message;
  EXPECT_TRUE(session.generate({.max_tokens = kAnswer}).ok());
  return session;
}

Bytes saved(const Session& session) {
  auto bytes = session.save();
  EXPECT_TRUE(bytes.ok());
  return bytes.ok() ? std::move(*bytes) : Bytes();
}

// A file that is not there yet, if that is wanted.
void write_if_new(const Session& session, const std::string& path) {
  if (!std::getenv("EDDY_RENEW_GOLDEN") || !read_file(path).empty()) return;
  const Bytes bytes = saved(session);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

class GoldenSession : public testing::TestWithParam<make_model::Architecture> {
 protected:
  const std::string path = state_path(GetParam().name);
  Engine engine = open_tiny(GetParam());
};

INSTANTIATE_TEST_SUITE_P(All, GoldenSession, testing::ValuesIn(make_model::architectures()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(GoldenSession, IsReadAndWrittenAgainAndGoesOn) {
  Session again = converse(engine);
  write_if_new(again, path);
  const Bytes golden = read_file(path);
  ASSERT_FALSE(golden.empty()) << path;
  Session session = new_session(engine);
  const Status loaded = session.load(golden);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(saved(session), golden) << "another spelling";
  EXPECT_EQ(saved(again), golden) << "another state from the same tokens";
  const auto one = session.generate({.max_tokens = kAnswer});
  const auto other = again.generate({.max_tokens = kAnswer});
  ASSERT_TRUE(one.ok() && other.ok());
  EXPECT_EQ(one->text, other->text);
  EXPECT_TRUE(std::ranges::equal(session.tokens(), again.tokens()));
}

// The same with turns (version 3), of one architecture.
TEST(GoldenSessionTurns, AreReadAndWrittenAgain) {
  Engine engine = open_tiny(*make_model::find_architecture("recurrentgemma"));
  Session made = new_session(engine);
  made.mark_turn();
  ASSERT_TRUE(made.feed("a prompt").ok());
  made.mark_turn(TurnKind::kAnswer);
  ASSERT_TRUE(made.generate({.max_tokens = kAnswer}).ok());
  made.mark_turn();
  const std::string path = state_path("turns");
  write_if_new(made, path);
  const Bytes golden = read_file(path);
  Session session = new_session(engine);
  const Status loaded = session.load(golden);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(saved(session), golden);
  EXPECT_EQ(saved(made), golden);
  EXPECT_EQ(session.turns().size(), 3u);
}

// Foreign files, and files of a format to come.
TEST_P(GoldenSession, OthersAreRefused) {
  Session session = converse(engine);
  const Bytes before = saved(session);
  for (const make_model::Architecture& other : make_model::architectures()) {
    if (other.name == GetParam().name) continue;
    const Status loaded = session.load(read_file(state_path(other.name)));
    ASSERT_FALSE(loaded.ok());
    EXPECT_EQ(loaded.error().code, ErrorCode::kMismatch) << loaded.error().message;
  }
  Bytes newer = read_file(path);
  newer[8] = std::byte{4};  // the version: 1 to 3 are known
  const std::uint64_t sum = XXH3_64bits(newer.data(), newer.size() - 8);
  std::memcpy(newer.data() + newer.size() - 8, &sum, 8);
  EXPECT_EQ(session.load(newer).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(saved(session), before);
}

// Of the smallest file every bit and every length.
TEST(GoldenSessionDamage, EveryFlippedBitAndEveryCutIsRefused) {
  const auto all = make_model::architectures();
  const auto& smallest = *std::ranges::min_element(
      all, {}, [](const auto& a) { return read_file(state_path(a.name)).size(); });
  Engine engine = open_tiny(smallest);
  Session session = converse(engine);
  const Bytes golden = read_file(state_path(smallest.name));
  ASSERT_EQ(saved(session), golden);
  Bytes damaged = golden;
  for (std::size_t i = 0; i < golden.size() * 8; ++i) {
    damaged[i / 8] ^= static_cast<std::byte>(1u << i % 8);
    const Status loaded = session.load(damaged);
    ASSERT_FALSE(loaded.ok()) << "bit " << i;
    damaged[i / 8] = golden[i / 8];
  }
  for (std::size_t n = 0; n < golden.size(); ++n) {
    ASSERT_FALSE(session.load(std::span(golden).first(n)).ok()) << n << " bytes";
  }
  damaged.push_back(std::byte{0});
  EXPECT_FALSE(session.load(damaged).ok());
  EXPECT_EQ(saved(session), golden);
}

}  // namespace
}  // namespace eddy
