// Sessions that begin from a state of their own: what they compute is the reference's, whatever
// became of them on the way, and nobody else's states are taken for theirs.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/support/temporary_folder.h"
#include "eddy/engine.h"
#include "engine/model_file.h"
#include "formats/gguf.h"
#include "make_model/architectures.h"
#include "models/support/time_states.h"
#include "reference/reference.h"

namespace eddy {
namespace {

using test::TimeStates;
using Tokens = std::vector<Token>;
using Logits = std::vector<std::vector<float>>;

// A tiny model and files of states for it.
struct Model {
  explicit Model(std::string_view architecture, std::string_view shape = "tiny")
      : file(*make_model::find_architecture(architecture)->plan(shape, DType::kF32)) {}

  Engine open(EngineOptions options = {}) const {
    options.n_threads = 1;
    auto engine = Engine::open(file.path(), std::move(options));
    EXPECT_TRUE(engine.ok()) << engine.error().message;
    return std::move(*engine);
  }
  InitState init_state(const Engine& engine, const std::string& bytes) const {
    folder.put("state", bytes);
    auto read = engine.read_init_state(folder.path("state"));
    EXPECT_TRUE(read.ok()) << read.error().message;
    return std::move(*read);
  }

  ModelFile file;
  test::TemporaryFolder folder;
};

Logits logits_of(Engine& engine, const Tokens& tokens, const InitState& init_state) {
  Logits rows;
  const Status done = engine.evaluate(tokens,
                                      [&](Pos, std::span<const float> row) {
                                        rows.emplace_back(row.begin(), row.end());
                                        return true;
                                      },
                                      {.init_state = init_state});
  EXPECT_TRUE(done.ok()) << done.error().message;
  return rows;
}

reference::Logits in_double(const Logits& rows) {
  reference::Logits doubles;
  for (const auto& row : rows) doubles.emplace_back(row.begin(), row.end());
  return doubles;
}

using Matrices = std::vector<std::vector<double>>;

Matrices matrices_of(const TimeStates& states) {
  Matrices matrices;
  for (const auto& layer : states.layers) matrices.emplace_back(layer.begin(), layer.end());
  return matrices;
}

Matrices transposed(const TimeStates& states) {
  Matrices matrices = matrices_of(states);
  const auto n = static_cast<std::size_t>(states.size);
  for (std::size_t il = 0; il < matrices.size(); ++il) {
    for (std::size_t i = 0; i < matrices[il].size(); ++i) {
      const std::size_t head = i / (n * n), value = i / n % n, key = i % n;
      matrices[il][i] = states.layers[il][(head * n + key) * n + value];
    }
  }
  return matrices;
}

struct Shape {
  std::string_view architecture, name;
  std::size_t n_layer;
  std::int64_t n_head, size;
};

TEST(InitStates, LogitsAreThoseOfTheReference) {
  for (const Shape& shape :
       {Shape{"rwkv6", "tiny", 2, 4, 16}, Shape{"rwkv6", "tiny-odd", 3, 3, 12},
        Shape{"rwkv7", "tiny", 2, 4, 16}, Shape{"rwkv7", "tiny-odd", 3, 3, 12},
        Shape{"rwkv6qwen2", "tiny", 2, 4, 16}, Shape{"arwkv7", "tiny", 2, 4, 16}}) {
    SCOPED_TRACE(std::string(shape.architecture) + " " + std::string(shape.name));
    const Model place(shape.architecture, shape.name);
    const TimeStates states = TimeStates::random(shape.n_layer, shape.n_head, shape.size);
    Engine engine = place.open();
    const Tokens tokens = made_up(20, 1);
    const auto found =
        in_double(logits_of(engine, tokens, place.init_state(engine, states.safetensors())));
    const auto file = GgufFile::open(posix_file_system(), place.file.path());
    ASSERT_TRUE(file.ok());
    const auto reference = reference::make_reference(*file);
    const auto from_zeros = reference->logits(tokens, {});
    reference->start_from(transposed(states));
    const auto other_way = reference->logits(tokens, {});
    reference->start_from(matrices_of(states));
    const auto expected = reference->logits(tokens, {});
    const auto bound = tolerance(
        *reference, tokens, {.seed = 0, .arithmetic = reference::kUnitF32, .quantised_x = true});
    EXPECT_LE(reference::distance(found, expected).largest, bound.largest);
    EXPECT_LE(reference::distance(found, expected).rms, bound.rms);
    // The state matters, and so does the order of its elements.
    EXPECT_GT(reference::distance(found, from_zeros).rms, 100 * bound.rms);
    EXPECT_GT(reference::distance(found, other_way).rms, 100 * bound.rms);
  }
}

TEST(InitStates, ZerosAreNoInitialState) {
  for (const char* architecture : {"rwkv6", "rwkv7"}) {
    const Model place(architecture);
    Engine engine = place.open();
    TimeStates zeros = TimeStates::random(2, 4, 16);
    for (auto& layer : zeros.layers) std::ranges::fill(layer, 0.0F);
    const Tokens tokens = made_up(40, 2);
    EXPECT_EQ(logits_of(engine, tokens, place.init_state(engine, zeros.safetensors())),
              logits_of(engine, tokens, {}))
        << architecture;
  }
}

TEST(InitStates, CutsAndElementTypesOfTheFileDoNotMatter) {
  const Model place("rwkv7");
  const TimeStates states = TimeStates::random(2, 4, 16);
  const Tokens tokens = made_up(100, 3);
  for (const StateType type : {StateType::kF32, StateType::kF16, StateType::kBF16}) {
    Logits expected;
    for (const std::uint32_t n_ubatch : {100U, 1U, 7U, 64U}) {
      Engine engine = place.open({.type_r = type, .n_ubatch = n_ubatch});
      for (const std::string& bytes :
           {states.safetensors(), states.safetensors("BF16"), states.gguf()}) {
        const Logits found = logits_of(engine, tokens, place.init_state(engine, bytes));
        if (expected.empty()) expected = found;
        EXPECT_EQ(found, expected) << n_ubatch;
      }
    }
  }
}

// --- Sessions -----------------------------------------------------------------------------------

// Both recurrences; every session is compared with one that was fed its tokens at once in another
// engine, which keeps nothing.
class InitStateSessions : public testing::TestWithParam<const char*> {
 protected:
  Engine open(EngineOptions options) {
    options.n_batch = 64;
    options.n_ubatch = 32;
    return place_.open(std::move(options));
  }
  Session begin(Engine& engine, std::string salt = {}) { return begin(engine, states_, salt); }
  Session begin(Engine& engine, const TimeStates& states, std::string salt = {}) {
    auto session = engine.new_session(
        {.init_state = place_.init_state(engine, states.safetensors()), .salt = std::move(salt)});
    EXPECT_TRUE(session.ok()) << session.error().message;
    return std::move(*session);
  }

  // Its state is that of its tokens from the initial state on, and so is its answer.
  void expect_undisturbed(Session& session) { expect_undisturbed(session, begin(plain_)); }
  void expect_undisturbed(Session& session, Session plain) {
    ASSERT_TRUE(plain.feed(session.tokens()).ok());
    const Tokens more = {Token(7), Token(70)};
    ASSERT_TRUE(session.feed(more).ok() && plain.feed(more).ok());
    const auto a = session.save(), b = plain.save();
    ASSERT_TRUE(a.ok() && b.ok());
    EXPECT_EQ(*a, *b);
    ASSERT_TRUE(session.generate({.max_tokens = 1}) && plain.generate({.max_tokens = 1}));
    EXPECT_EQ(session.tokens().back(), plain.tokens().back());
  }

  Model place_{GetParam()};
  TimeStates states_ = TimeStates::random(2, 4, 16), others_ = TimeStates::random(2, 4, 16, 2);
  Engine plain_ = open({.n_seq_max = 2, .n_rewind = 0, .prefix_cache_bytes = 0});
};

INSTANTIATE_TEST_SUITE_P(All, InitStateSessions, testing::Values("rwkv6", "rwkv7"));

TEST_P(InitStateSessions, RewindsWithinTheWindowAndBeyondBeginThereAgain) {
  for (const std::uint32_t n_rewind : {0U, 32U}) {
    for (const std::uint32_t mem_size : {1U, 2U, 6U}) {
      Engine engine = open({.n_seq_max = 1, .mem_size = mem_size, .n_rewind = n_rewind});
      Session session = begin(engine);
      ASSERT_TRUE(session.feed(made_up(20, 4)).ok());
      for (const Pos n : {3, 15, 1, 0}) {
        ASSERT_TRUE(session.rewind(n).ok());
        ASSERT_TRUE(session.feed(made_up(4, 5)).ok());
        expect_undisturbed(session);
      }
      ASSERT_TRUE(session.feed(made_up(200, 6)).ok());
      ASSERT_TRUE(session.rewind(150).ok());
      expect_undisturbed(session);
      ASSERT_TRUE(session.rewind(session.n_tokens()).ok());
      ASSERT_TRUE(session.feed(made_up(9, 7)).ok());
      expect_undisturbed(session);
    }
  }
}

TEST_P(InitStateSessions, ForksAndResetsBeginThereToo) {
  Engine engine = open({.n_seq_max = 3});
  Session session = begin(engine);
  Session early = std::move(*session.fork());
  ASSERT_TRUE(session.feed(made_up(50, 8)).ok());
  Session late = std::move(*session.fork());
  ASSERT_TRUE(early.feed(made_up(3, 9)).ok() && late.feed(made_up(3, 10)).ok());
  expect_undisturbed(early);
  expect_undisturbed(late);
  ASSERT_TRUE(late.rewind(late.n_tokens() - 1).ok());
  expect_undisturbed(late);
  ASSERT_TRUE(session.reset().ok());
  ASSERT_TRUE(session.feed(made_up(5, 11)).ok());
  expect_undisturbed(session);
}

TEST_P(InitStateSessions, CancelledAndGoneOnIsUndisturbed) {
  Engine engine = open({.n_seq_max = 1, .prefix_cache_bytes = 0});
  Session session = begin(engine);
  session.cancel();  // before the first micro-batch
  EXPECT_EQ(session.feed(made_up(100, 12)).error().code, ErrorCode::kCancelled);
  Session fork = begin(plain_);
  ASSERT_TRUE(fork.feed(made_up(100, 12),
                        [&](double done) {
                          if (done > 0.4) fork.cancel();
                        })
                  .error()
                  .code == ErrorCode::kCancelled);
  expect_undisturbed(session);
  expect_undisturbed(fork);
}

TEST_P(InitStateSessions, ParkedAndBroughtBackIsUndisturbed) {
  Engine engine = open({.n_seq_max = 6, .mem_size = 1, .n_rewind = 0});
  std::vector<Session> sessions;
  for (std::uint64_t i = 0; i < 6; ++i) {
    sessions.push_back(i % 2 ? begin(engine) : begin(engine, others_));
    if (i == 3) sessions.back().cancel();  // parked with its initial state alone
    const Status fed = sessions.back().feed(made_up(1 + i, i));
    EXPECT_EQ(fed.ok(), i != 3);
  }
  for (std::size_t i = 0; i < 6; ++i) {
    expect_undisturbed(sessions[i], i % 2 ? begin(plain_) : begin(plain_, others_));
  }
}

TEST_P(InitStateSessions, SpeculationFromItIsUndisturbed) {
  Engine engine = open({.n_seq_max = 1});
  Session session = begin(engine);
  Tokens tokens;
  for (int i = 0; i < 8; ++i) {
    for (const Token token : made_up(5, 13)) tokens.push_back(token);
  }
  ASSERT_TRUE(session.feed(tokens).ok());
  ASSERT_TRUE(session.generate({.max_tokens = 30, .speculation = {.max_draft = 8}}).ok());
  Session plain = begin(plain_);
  ASSERT_TRUE(plain.feed(tokens).ok() && plain.generate({.max_tokens = 30}).ok());
  EXPECT_TRUE(std::ranges::equal(session.tokens(), plain.tokens()));
  expect_undisturbed(session);
}

TEST_P(InitStateSessions, AnswersAreTheMostLikelyTokensFromIt) {
  Session session = begin(plain_);
  const Tokens prompt = made_up(10, 17);
  ASSERT_TRUE(session.feed(prompt).ok() && session.generate({.max_tokens = 12}).ok());
  const Tokens all(session.tokens().begin(), session.tokens().end());
  const auto n_likely = [&](const InitState& init_state) {
    const Logits rows = logits_of(plain_, all, init_state);
    std::size_t n = 0;
    for (std::size_t i = prompt.size(); i < all.size(); ++i) {
      const auto& row = rows[i - 1];
      n += std::ranges::max_element(row) - row.begin() == all[i].value ? 1U : 0U;
    }
    return n;
  };
  EXPECT_EQ(n_likely(place_.init_state(plain_, states_.safetensors())), all.size() - prompt.size());
  EXPECT_LT(n_likely({}), all.size() - prompt.size());
}

// --- What is kept of them -----------------------------------------------------------------------

TEST_P(InitStateSessions, ASavedOneIsLoadedWithItsOwnAndRefusedWithOthers) {
  Engine engine = open({.n_seq_max = 4});
  Session session = begin(engine);
  ASSERT_TRUE(session.feed(made_up(40, 14)).ok());
  const auto saved = session.save();
  ASSERT_TRUE(saved.ok());
  Session same = begin(plain_);
  ASSERT_TRUE(same.load(*saved).ok());
  expect_undisturbed(same);
  ASSERT_TRUE(same.rewind(30).ok());  // which is computed again, from the beginning
  expect_undisturbed(same);
  Session other = begin(engine, others_), none = std::move(*engine.new_session());
  for (Session* wrong : {&other, &none}) {
    ASSERT_TRUE(wrong->feed(made_up(3, 15)).ok());
    const auto before = wrong->save();
    const Status loaded = wrong->load(*saved);
    ASSERT_FALSE(loaded.ok());
    EXPECT_EQ(loaded.error().code, ErrorCode::kMismatch);
    EXPECT_NE(loaded.error().message.find("initial state"), std::string::npos);
    EXPECT_EQ(*wrong->save(), *before);
  }
  EXPECT_EQ(session.load(*none.save()).error().code, ErrorCode::kMismatch);
}

TEST_P(InitStateSessions, StoredPrefixesAreThoseOfTheSameStateAlone) {
  Engine engine = open({.n_seq_max = 3});
  const Tokens prompt = made_up(300, 16);
  const auto restored = [&](Session session) {
    EXPECT_TRUE(session.feed(prompt).ok());
    return session.last_prompt();
  };
  EXPECT_EQ(restored(begin(engine)).n_known, 0);
  EXPECT_EQ(restored(begin(engine)).n_restored, 299);
  EXPECT_EQ(restored(begin(engine, others_)).n_known, 0);
  EXPECT_EQ(restored(std::move(*engine.new_session())).n_known, 0);
  EXPECT_EQ(restored(begin(engine, others_)).n_restored, 299);
  EXPECT_EQ(restored(std::move(*engine.new_session())).n_restored, 299);
  Session session = begin(engine);
  ASSERT_TRUE(session.feed(prompt).ok());
  EXPECT_EQ(session.last_prompt().n_restored, 299);
  expect_undisturbed(session);
}

TEST_P(InitStateSessions, AnotherModelsStateIsRefused) {
  const Model other(GetParam() == std::string("rwkv6") ? "rwkv7" : "rwkv6");
  Engine engine = open({}), half = open({.type_r = StateType::kF16}), stranger = other.open();
  const InitState init_state = place_.init_state(engine, states_.safetensors());
  EXPECT_TRUE(plain_.new_session({.init_state = init_state}).ok());
  for (Engine* wrong : {&half, &stranger}) {
    const auto session = wrong->new_session({.init_state = init_state});
    ASSERT_FALSE(session.ok());
    EXPECT_EQ(session.error().code, ErrorCode::kMismatch);
    EXPECT_EQ(wrong
                  ->evaluate(made_up(3, 1), [](Pos, std::span<const float>) { return true; },
                             {.init_state = init_state})
                  .error()
                  .code,
              ErrorCode::kMismatch);
  }
  const std::string path = place_.folder.path("state");
  EXPECT_TRUE(half.read_init_state(path).ok());
  states_.layers[0][0] = 1e6F;  // more than F16 holds
  place_.folder.put("state", states_.safetensors());
  EXPECT_EQ(half.read_init_state(path).error().code, ErrorCode::kNonFinite);
}

}  // namespace
}  // namespace eddy
