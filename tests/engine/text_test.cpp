// Engine::tokenize and detokenize over the vocabulary of a real file.
#include <gtest/gtest.h>

#include "eddy/engine.h"
#include "engine/model_file.h"

namespace eddy {
namespace {

Engine open() {
  const ModelFile file;
  auto engine = Engine::open(file.path(), {.n_threads = 1});
  EXPECT_TRUE(engine.ok()) << engine.error().message;
  return std::move(*engine);
}

std::vector<Token> tokens(std::initializer_list<int> ids) {
  std::vector<Token> all;
  for (const int id : ids) all.push_back(Token(id));
  return all;
}

TEST(EngineText, DetokenizeIsTheInverseForAllBytes) {
  const Engine engine = open();
  std::string bytes;
  for (int i = 0; i < 256 * 20; ++i) bytes += static_cast<char>(i * i / 256 + i);
  for (const std::string& text :
       {std::string(), std::string(1, '\0'), std::string("Once upon a time\n"),
        std::string("<|endoftext|>"), std::string("\xF0\x9F\x8C\x8A a wave \xC3"), bytes}) {
    const auto back = engine.detokenize(engine.tokenize(text));
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(*back, text);
  }
}

TEST(EngineText, SpecialTokensAreParsedOnlyIfAskedForAndLeftOutOfText) {
  const Engine engine = open();
  const std::string text = "a<|endoftext|>a";  // token 0 between two of byte 97
  EXPECT_EQ(engine.tokenize(text, {.special = Special::kParsed}), tokens({98, 0, 98}));
  EXPECT_GT(engine.tokenize(text).size(), 3U);
  const auto back = engine.detokenize(tokens({98, 0, 98}));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, "aa");
}

TEST(EngineText, BeginsATextByTheHabitOfTheModel) {
  EXPECT_EQ(open().tokenize("a", {.begin = true}), tokens({98}));
  make_model::Plan plan = tiny_plan();
  for (make_model::Meta& meta : plan.metadata) {
    if (meta.key == "tokenizer.ggml.add_bos_token") meta.value = true;
  }
  const ModelFile file(plan);
  const auto engine = Engine::open(file.path(), {.n_threads = 1});
  ASSERT_TRUE(engine.ok()) << engine.error().message;
  EXPECT_EQ(engine->tokenize("a", {.begin = true}), tokens({0, 98}));
  EXPECT_EQ(engine->tokenize("a"), tokens({98}));
}

TEST(EngineText, TokensOutsideTheVocabularyAreAnError) {
  const Engine engine = open();
  for (const int id : {-1, 288, 1 << 30}) {
    const auto text = engine.detokenize(tokens({98, id}));
    ASSERT_FALSE(text.ok()) << id;
    EXPECT_EQ(text.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_TRUE(engine.detokenize(tokens({0, 287})).ok());
}

}  // namespace
}  // namespace eddy
