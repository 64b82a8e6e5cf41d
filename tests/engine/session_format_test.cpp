#include "engine/session_format.h"

#include <gtest/gtest.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

namespace eddy {
namespace {

const std::vector<std::byte> kState(11, std::byte{0x5a});

SessionRecord sample_record() {
  return {.tokens = {Token(0), Token(70000), Token(255)}, .pending = "\xE2\x82", .state = kState};
}

SessionRecord sample_begun() {
  SessionRecord record = sample_record();
  record.init_state = {.low = 0x0807060504030201, .high = 0x100F0E0D0C0B0A09};
  return record;
}

SessionRecord sample_turns() {
  SessionRecord record = sample_record();
  record.turns = {{0, TurnKind::kPrompt}, {2, TurnKind::kAnswer}, {3, TurnKind::kPrompt}};
  return record;
}

// Makes the checksum right again, to reach the checks behind it.
void seal(std::vector<std::byte>& bytes) {
  const std::uint64_t sum = XXH3_64bits(bytes.data(), bytes.size() - 8);
  std::memcpy(bytes.data() + bytes.size() - 8, &sum, 8);
}

TEST(SessionFormat, ComesBackAsItWas) {
  for (const SessionRecord& record :
       {sample_record(), sample_begun(), sample_turns(), SessionRecord{}}) {
    const auto bytes = encode_session(record);
    const auto back = decode_session(bytes);
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(back->init_state, record.init_state);
    EXPECT_EQ(back->tokens, record.tokens);
    EXPECT_EQ(back->turns, record.turns);
    EXPECT_EQ(back->pending, record.pending);
    EXPECT_TRUE(std::ranges::equal(back->state, record.state));
  }
}

TEST(SessionFormat, HasTheDocumentedBytes) {
  const SessionRecord record = {.tokens = {Token(0x01020304)}, .pending = "\xE2", .state = {}};
  const auto bytes = encode_session(record);
  const unsigned char expected[] = {'E', 'D', 'D', 'Y', 'S', 'E', 'S', 'S', 1, 0, 0,   0, 1,
                                    0,   0,   0,   1,   0,   0,   0,   0,   0, 0, 0,   0, 0,
                                    0,   0,   0,   0,   0,   0,   4,   3,   2, 1, 0xE2};
  ASSERT_EQ(bytes.size(), sizeof(expected) + 8);
  EXPECT_EQ(std::memcmp(bytes.data(), expected, sizeof(expected)), 0);
}

TEST(SessionFormat, AnInitialStateIsNamedBehindTheHeader) {
  const auto bytes = encode_session(sample_begun()), without = encode_session(sample_record());
  ASSERT_EQ(bytes.size(), without.size() + 16);
  EXPECT_EQ(bytes[8], std::byte{2});
  for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(bytes[32 + i], static_cast<std::byte>(i + 1));
  EXPECT_TRUE(std::equal(bytes.begin() + 48, bytes.end() - 8, without.begin() + 32));
  EXPECT_EQ(init_state_text(sample_begun().init_state), "100f0e0d0c0b0a090807060504030201");
  auto zeros = bytes;
  std::fill_n(zeros.begin() + 32, 16, std::byte{0});
  seal(zeros);
  EXPECT_EQ(decode_session(zeros).error().code, ErrorCode::kMalformed);
}

TEST(SessionFormat, TurnsFollowTheTokens) {
  const auto bytes = encode_session(sample_turns()), without = encode_session(sample_record());
  ASSERT_EQ(bytes.size(), without.size() + 16 + 8 + 12);
  EXPECT_EQ(bytes[8], std::byte{3});
  for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(bytes[32 + i], std::byte{0});
  const unsigned char n_turns[8] = {3}, turns[12] = {0, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0};
  EXPECT_EQ(std::memcmp(bytes.data() + 48, n_turns, 8), 0);
  EXPECT_EQ(std::memcmp(bytes.data() + 56, without.data() + 32, 12), 0);
  EXPECT_EQ(std::memcmp(bytes.data() + 68, turns, 12), 0);
  EXPECT_TRUE(std::equal(bytes.begin() + 80, bytes.end() - 8, without.begin() + 44));
  SessionRecord both = sample_turns();
  both.init_state = sample_begun().init_state;
  const auto back = decode_session(encode_session(both));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->init_state, both.init_state);
  EXPECT_EQ(back->turns, both.turns);
}

TEST(SessionFormat, TurnsThatCannotBeAreRefused) {
  const auto with_word = [](std::size_t i, std::uint32_t word) {
    auto bytes = encode_session(sample_turns());
    std::memcpy(bytes.data() + 68 + 4 * i, &word, 4);
    seal(bytes);
    return decode_session(bytes);
  };
  EXPECT_TRUE(with_word(1, 0).ok());
  EXPECT_FALSE(with_word(0, 6).ok());            // after the second
  EXPECT_FALSE(with_word(2, 8).ok());            // behind the tokens
  EXPECT_FALSE(with_word(2, 0xFFFFFFFFu).ok());  // nor is that before them
  auto none = encode_session(sample_turns());
  none[48] = std::byte{0};
  none.erase(none.begin() + 68, none.begin() + 80);
  seal(none);
  EXPECT_EQ(decode_session(none).error().code, ErrorCode::kMalformed);
}

class SessionFormatDamage : public testing::TestWithParam<SessionRecord> {};
INSTANTIATE_TEST_SUITE_P(Versions, SessionFormatDamage,
                         testing::Values(sample_record(), sample_begun(), sample_turns()),
                         [](const auto& info) { return std::to_string(info.index + 1); });

TEST_P(SessionFormatDamage, EveryChangedByteAndEveryCutIsFound) {
  const auto bytes = encode_session(GetParam());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto damaged = bytes;
    damaged[i] ^= std::byte{1};
    EXPECT_FALSE(decode_session(damaged).ok()) << "byte " << i;
    EXPECT_FALSE(decode_session(std::span(bytes).first(i)).ok()) << "first " << i << " bytes";
  }
  auto longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_session(longer).ok());
}

TEST(SessionFormat, LyingCountsAreRefusedBeforeAnythingIsAllocated) {
  for (const std::size_t field : {16U, 24U, 48U}) {
    for (const std::uint64_t lie :
         {std::uint64_t{1} << 40, ~std::uint64_t{0} / 4 + 1, ~std::uint64_t{0} - 40}) {
      auto bytes = encode_session(field == 48 ? sample_turns() : sample_record());
      std::memcpy(bytes.data() + field, &lie, 8);
      seal(bytes);
      const auto result = decode_session(bytes);
      ASSERT_FALSE(result.ok());
      EXPECT_EQ(result.error().code, ErrorCode::kMalformed);
    }
  }
}

TEST(SessionFormat, AnotherVersionIsAMismatch) {
  auto bytes = encode_session(sample_record());
  bytes[8] = std::byte{4};
  seal(bytes);
  EXPECT_EQ(decode_session(bytes).error().code, ErrorCode::kMismatch);
}

}  // namespace
}  // namespace eddy
