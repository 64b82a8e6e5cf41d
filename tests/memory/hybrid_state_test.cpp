// Serialised states with keys and values: what goes out comes back, and nothing else gets in.
#include <limits>

#include "support/hybrid_fixture.h"
#include "support/state_bytes.h"

namespace eddy::test {
namespace {

class HybridStateTest : public HybridFixture {};

TEST_F(HybridStateTest, AStateComesBackIntoAMemoryWithOtherPages) {
  make(hybrid(6, 20));
  const auto a = read(0, 70, 1);
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  const auto b = read(1, 3, 500);
  const auto one = *memory->state_write(SeqId(1));
  const auto all = *memory->state_write(std::nullopt);
  make(hybrid(9, 30));
  read(3, 33, 900);  // other pages are free
  ASSERT_OK(memory->state_read(one, SeqId(2)));
  expect_content(2, a + b);
  EXPECT_EQ(*memory->state_write(SeqId(2)), one);
  const auto c = read(2, 40, 800);
  expect_content(2, a + b + c);
  ASSERT_OK(memory->state_read(all, std::nullopt));
  expect_content(0, a);
  expect_content(1, a + b);
  expect_content(2, {});
  EXPECT_EQ(*memory->state_write(std::nullopt), all);
}

TEST_F(HybridStateTest, BytesDoNotTellHowTheStateCameToBe) {
  make(hybrid(6, 20));
  const auto a = read(0, 50, 1), b = read(0, 30, 500);
  for (const Token token : a + b) ASSERT_OK(extend(1, {token}));
  EXPECT_EQ(*memory->state_write(SeqId(0)), *memory->state_write(SeqId(1)));
}

TEST_F(HybridStateTest, WhatDoesNotFitIsRefusedAndNothingChanges) {
  make(hybrid(6, 8));
  const auto a = read(0, 2 * kP, 1);
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  read(1, 1, 1);
  const auto all = *memory->state_write(std::nullopt);  // five pages, of which two are shared
  make(hybrid(6, 4));
  const auto b = read(0, 5, 70);
  EXPECT_CODE(memory->state_read(all, std::nullopt), kFull);
  expect_content(0, b);
  make(hybrid(6, 5));
  ASSERT_OK(memory->state_read(all, std::nullopt));
  expect_content(0, a);
}

TEST_F(HybridStateTest, EveryFlippedBitIsFound) {
  make(hybrid(4, 20, 5));
  read(0, 9, 1);
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  read(1, 2, 50);
  for (const auto seq : {std::optional(SeqId(0)), std::optional<SeqId>()}) {
    const auto sound = *memory->state_write(seq);
    for (std::size_t bit = 0; bit < 8 * sound.size(); ++bit) {
      auto bytes = sound;
      bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
      ASSERT_FALSE(memory->state_read(bytes, seq).ok()) << "bit " << bit;
    }
    for (std::size_t n = 0; n < sound.size(); ++n) {
      ASSERT_FALSE(memory->state_read(std::span(sound).first(n), seq).ok()) << n << " bytes";
    }
    EXPECT_EQ(*memory->state_write(seq), sound);
  }
}

TEST_F(HybridStateTest, ForgedCountsAreFoundWithoutChecksums) {
  make(hybrid(4, 20, 5));
  const auto a = read(0, 9, 1);
  const auto sound = *memory->state_write(SeqId(0));
  for (const std::uint64_t count :
       {std::uint64_t{0}, std::uint64_t{8}, std::uint64_t{10}, std::uint64_t{1} << 31,
        std::numeric_limits<std::uint64_t>::max(), std::uint64_t{1} << 62}) {
    auto bytes = sound;
    store_le(bytes.data() + kHeaderBytes + kSectionHeadBytes, count);
    EXPECT_FALSE(memory->state_read(bytes, SeqId(0), Checksums::kIgnore).ok()) << count;
  }
  for (const auto& [at, n] : sections(sound)) {
    auto bytes = sound;
    store_le(bytes.data() + at + 8, std::numeric_limits<std::uint64_t>::max() - 8);
    EXPECT_FALSE(memory->state_read(bytes, SeqId(0), Checksums::kIgnore).ok());
  }
  expect_content(0, a);
}

TEST_F(HybridStateTest, StatesOfOtherWindowsAndTypesAreForeign) {
  make(hybrid(4, 20));
  read(0, 9, 1);
  const auto bytes = *memory->state_write(SeqId(0));
  make(hybrid(4, 20, 41));
  EXPECT_CODE(memory->state_read(bytes, SeqId(0)), kMismatch);
  auto p = hybrid(4, 20);
  p.layout.layers[1].v_elems = 4;
  make(p);
  EXPECT_CODE(memory->state_read(bytes, SeqId(0)), kMismatch);
  p = hybrid(4, 20);
  p.type_kv = DType::kF16;
  make(p);
  EXPECT_CODE(memory->state_read(bytes, SeqId(0)), kMismatch);
  make(with_layout(params(4, 8), hybrid_layout(1, {}), 0));
  EXPECT_CODE(memory->state_read(bytes, SeqId(0)), kMismatch);
}

TEST_F(HybridStateTest, NonFiniteKeysAndValuesAreNeitherWrittenNorRead) {
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
    auto p = with_layout(params(2, 2), hybrid_layout(0, {0}), 4);
    p.layout.layers[0] = {.k_elems = 64, .v_elems = 32};
    p.type_kv = type;
    make(p);
    n_layers = 0;  // the pages stay zero
    const auto t = some_tokens(3);
    ASSERT_OK(extend(0, t));
    auto bytes = *memory->state_write(SeqId(0));
    const auto [at, n] = sections(bytes)[1];
    EXPECT_EQ(load_le<std::uint64_t>(bytes.data() + at + 8), 3 * *row_bytes(type, 64));
    const std::size_t k = at + kSectionHeadBytes + 2 * *row_bytes(type, 64);
    const std::size_t infinity = type == DType::kF32 ? k + 2 : k;
    const std::uint16_t bits = type == DType::kF16 || type == DType::kQ8_0 ? 0x7C00 : 0x7F80;
    store_le(bytes.data() + infinity, bits);
    reseal(bytes);
    const Status refused = memory->state_read(bytes, SeqId(1));
    EXPECT_CODE(refused, kNonFinite);
    EXPECT_NE(refused.error().message.find("ROWK 0: element 128"), std::string::npos)
        << refused.error().message;
    const KvPages pages = memory->kv().pages(LayerId(0));
    const std::byte nan[2] = {std::byte{0xFF}, std::byte{0x7F}};
    const std::int32_t page = memory->kv().lists(0).pages(memory->ledger()[SeqId(0)].tail)[0];
    pages.buffer->write(pages.offset + static_cast<std::uint64_t>(page) * pages.stride +
                            kP * pages.k_bytes + pages.v_bytes + (type == DType::kF32 ? 2 : 0),
                        nan);
    EXPECT_CODE(memory->state_write(SeqId(0)), kNonFinite);
    ASSERT_OK(memory->clear(true));
  }
}

// Positions of attention are 32 bits: a state just below is read, and refuses more.
TEST_F(HybridStateTest, PositionsEndAtThirtyOneBits) {
  make(with_layout(params(2, 2), hybrid_layout(1, {5}), 20));
  read(0, 9, 1);
  auto bytes = *memory->state_write(SeqId(0));
  const auto set_count = [&](std::uint64_t count) {
    store_le(bytes.data() + kHeaderBytes + kSectionHeadBytes, count);
    reseal(bytes);
  };
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  set_count(kMost + 1);
  EXPECT_CODE(memory->state_read(bytes, SeqId(0)), kMalformed);
  set_count(kMost - 1);
  ASSERT_OK(memory->state_read(bytes, SeqId(0)));
  EXPECT_CODE(extend(0, some_tokens(2)), kInvalidArgument);
  EXPECT_OK(extend(0, some_tokens(1)));
  EXPECT_EQ(pos(0), kMost - 1);
  ASSERT_OK(memory->clear(true));
}

}  // namespace
}  // namespace eddy::test
