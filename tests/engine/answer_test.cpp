#include <gtest/gtest.h>

#include "eddy/engine.h"
#include "engine/fakes.h"

namespace eddy {
namespace {

using fakes::FakeEngine;
using fakes::tokens_of;

// A session whose model answers with this text, byte by byte, and then ends.
struct Scripted {
  FakeEngine fake;
  Session session = fake.session();

  explicit Scripted(std::string text) {
    EXPECT_TRUE(session.feed("?").ok());
    fake.script->answer = [text = std::move(text), n = std::size_t{0}](Token) mutable {
      return n < text.size() ? Token(static_cast<unsigned char>(text[n++])) : fakes::kEnd;
    };
  }
};

struct Streamed {
  Completion completion;
  std::vector<std::string> pieces;
  std::string text() const {
    std::string all;
    for (const std::string& piece : pieces) all += piece;
    return all;
  }
};

Streamed generate(Session& session, const GenerateParams& params) {
  Streamed streamed;
  auto done = session.generate(params, [&](std::string_view text) {
    EXPECT_FALSE(text.empty());
    streamed.pieces.emplace_back(text);
    return true;
  });
  EXPECT_TRUE(done.ok());
  streamed.completion = *done;
  EXPECT_EQ(streamed.text(), done->text);
  return streamed;
}

TEST(Answer, EndsWhereTheModelEnds) {
  Scripted s("hello");
  const auto streamed = generate(s.session, {});
  EXPECT_EQ(streamed.text(), "hello");
  EXPECT_EQ(streamed.completion.reason, StopReason::kEnd);
  EXPECT_EQ(streamed.completion.n_tokens, 6);
  EXPECT_EQ(s.session.tokens().back(), fakes::kEnd);
}

TEST(Answer, StopStringsCutAcrossTokensAreNeverShown) {
  Scripted s("one two STOP three");
  const auto streamed = generate(s.session, {.stop = {"STOP", "never"}});
  EXPECT_EQ(streamed.text(), "one two ");
  EXPECT_EQ(streamed.completion.reason, StopReason::kStopString);
  EXPECT_EQ(streamed.completion.n_tokens, 12);
}

TEST(Answer, WhatFollowsAStopStringInItsTokenIsForgotten) {
  Scripted s("");
  s.fake.script->answer = [n = 0](Token) mutable {
    const Token tokens[] = {Token('S'), fakes::kMidPiece, Token('x'), fakes::kEnd};
    return tokens[n++];
  };
  EXPECT_EQ(generate(s.session, {.stop = {"SP"}}).text(), "");
  EXPECT_EQ(generate(s.session, {}).text(), "x");
}

TEST(Answer, ABeginningOfAStopStringComesInTheEnd) {
  Scripted s("one STO");
  EXPECT_EQ(generate(s.session, {.stop = {"STOP"}}).text(), "one STO");
}

TEST(Answer, StreamsWholeCodePoints) {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x99\x82";
  Scripted s(text);
  const auto streamed = generate(s.session, {});
  EXPECT_EQ(streamed.pieces,
            (std::vector<std::string>{"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x99\x82"}));
}

TEST(Answer, AnUnfinishedCodePointIsCompletedByTheNextCall) {
  Scripted s("x\xE2\x82\xACy");
  EXPECT_EQ(generate(s.session, {.max_tokens = 3}).text(), "x");
  EXPECT_EQ(generate(s.session, {}).text(), "\xE2\x82\xACy");

  Scripted fed("x\xE2\x82\xACy");
  EXPECT_EQ(generate(fed.session, {.max_tokens = 3}).text(), "x");
  ASSERT_TRUE(fed.session.feed("!").ok());
  EXPECT_EQ(generate(fed.session, {}).text(), "\xEF\xBF\xBDy");
}

TEST(Answer, IllFormedBytesAreReplaced) {
  Scripted s("a\xFF\x62\xE2");
  EXPECT_EQ(generate(s.session, {}).text(), "a\xEF\xBF\xBD\x62\xEF\xBF\xBD");
}

TEST(Answer, TheCallbackEndsIt) {
  Scripted s("abcdef");
  int n = 0;
  const auto done = s.session.generate({}, [&](std::string_view) { return ++n < 3; });
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->text, "abc");
  EXPECT_EQ(done->reason, StopReason::kCallback);
  EXPECT_EQ(generate(s.session, {}).text(), "def");
}

TEST(Answer, TheLengthIsKept) {
  Scripted s("abcdef");
  EXPECT_EQ(generate(s.session, {.max_tokens = 0}).completion.reason, StopReason::kLength);
  EXPECT_EQ(generate(s.session, {.max_tokens = 2}).text(), "ab");
  EXPECT_EQ(generate(s.session, {.max_tokens = 2}).text(), "cd");
}

}  // namespace
}  // namespace eddy
