// Serialised states: what goes out comes back, and nothing else gets in.
#include "support/state_bytes.h"

#include <cstring>
#include <limits>

#include "memory/finite.h"
#include "memory/state_summary.h"
#include "memory/state_view.h"
#include "support/memory_fixture.h"

namespace eddy::test {
namespace {

using Bytes = std::vector<std::byte>;

class StateBytesTest : public MemoryFixture {
 protected:
  void SetUp() override {
    make(4, 4);
    ASSERT_OK(extend(0, tokens({1, 2, 3})));
    ASSERT_OK(extend(1, tokens({7})));
    ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(3), -1, -1));
    all_ = write(std::nullopt);
    one_ = write(SeqId(0));
  }

  Bytes write(std::optional<SeqId> seq) const {
    auto bytes = memory->state_write(seq);
    EXPECT_TRUE(bytes.ok());
    return bytes.ok() ? *bytes : Bytes();
  }

  // Refused, and everything is as it was.
  void expect_refused(const Bytes& bytes, std::optional<SeqId> seq, const std::string& what,
                      Checksums checksums = Checksums::kVerify) {
    const Status read = memory->state_read(bytes, seq, checksums);
    EXPECT_FALSE(read.ok()) << what;
    EXPECT_EQ(write(std::nullopt), all_) << what;
    ASSERT_OK(memory->check());
    if (read.ok()) (void)memory->state_read(all_, std::nullopt).ok();  // for the next case
  }

  Bytes with(const Bytes& bytes, std::size_t at, std::uint64_t value, std::size_t n_bytes) const {
    Bytes out = bytes;
    for (std::size_t i = 0; i < n_bytes; ++i) out[at + i] = static_cast<std::byte>(value >> 8 * i);
    reseal(out);
    return out;
  }

  Bytes all_, one_;
};

TEST_F(StateBytesTest, OneStateComesBack) {
  ASSERT_OK(memory->state_read(one_, SeqId(2)));
  expect_tokens(2, tokens({1, 2, 3}));
  EXPECT_EQ(write(SeqId(2)), one_);
  ASSERT_OK(extend(2, tokens({4})));
  expect_tokens(2, tokens({1, 2, 3, 4}));
  expect_tokens(0, tokens({1, 2, 3}));
}

TEST_F(StateBytesTest, OneStateReplacesWhatIsThere) {
  ASSERT_OK(memory->state_read(one_, SeqId(1)));
  expect_tokens(1, tokens({1, 2, 3}));
  ASSERT_OK(memory->state_read(one_, SeqId(0)));  // shared with 3: gets its own cell
  ASSERT_OK(extend(0, tokens({9})));
  expect_tokens(3, tokens({1, 2, 3}));
}

// Its own cell, which nobody else has, takes the new state: there need be no other.
TEST_F(StateBytesTest, OneStateTakesThePlaceOfThePrivateOne) {
  const std::uint32_t n_free = memory->n_free_cells();
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK(memory->state_read(one_, SeqId(1)));
    EXPECT_EQ(memory->n_free_cells(), n_free);
    EXPECT_OK(memory->check());
    EXPECT_OK(memory->check_free_rows());
    EXPECT_EQ(write(SeqId(1)), one_);
  }
  ASSERT_OK(extend(1, tokens({4})));
  expect_tokens(1, tokens({1, 2, 3, 4}));
}

TEST_F(StateBytesTest, IsWrittenBehindItsOwnersBytesAndSummedUp) {
  const Bytes front = {std::byte{1}, std::byte{2}, std::byte{3}};
  for (const std::size_t n_room : {std::size_t{0}, one_.size() - 7, 3 * one_.size()}) {
    Checksum sum;
    const auto bytes = memory->state_write(
        SeqId(0),
        {.front = front, .n_back = 5, .sum = &sum, .room = Bytes(n_room, std::byte{0xEE})});
    ASSERT_OK(bytes);
    EXPECT_GE(bytes->capacity(), bytes->size() + 5);
    EXPECT_TRUE(std::ranges::equal(std::span(*bytes).first(3), front));
    EXPECT_TRUE(std::ranges::equal(std::span(*bytes).subspan(3), one_));
    EXPECT_EQ(sum.sum64(), checksum64(one_));
    EXPECT_EQ(memory->n_state_bytes(SeqId(0)), one_.size());
  }
}

TEST_F(StateBytesTest, WithoutSumsIsForThoseWhoIgnoreThem) {
  const auto bytes = memory->state_write(SeqId(0), {.checksums = Checksums::kIgnore});
  ASSERT_OK(bytes);
  EXPECT_CODE(memory->state_read(*bytes, SeqId(1)), kMalformed);
  ASSERT_OK(memory->state_read(*bytes, SeqId(1), Checksums::kIgnore));
  EXPECT_EQ(write(SeqId(1)), one_);
}

TEST_F(StateBytesTest, AllComeBackAndSharingIsKept) {
  EXPECT_EQ(memory->n_free_cells(), 2u);
  ASSERT_OK(memory->clear(true));
  ASSERT_OK(extend(2, tokens({99})));  // in place of all that are there
  ASSERT_OK(memory->state_read(all_, std::nullopt));
  EXPECT_EQ(pos(2), -1);
  expect_tokens(0, tokens({1, 2, 3}));
  expect_tokens(1, tokens({7}));
  expect_tokens(3, tokens({1, 2, 3}));
  EXPECT_EQ(memory->n_free_cells(), 2u);
  EXPECT_EQ(write(std::nullopt), all_);
}

TEST_F(StateBytesTest, AllFitWhereSequencesHadTakenEveryCell) {
  ASSERT_OK(extend(2, tokens({5})));
  ASSERT_OK(extend(3, tokens({5})));
  ASSERT_EQ(memory->n_free_cells(), 0u);
  ASSERT_OK(memory->state_read(all_, std::nullopt));
  EXPECT_EQ(write(std::nullopt), all_);
}

TEST_F(StateBytesTest, AllEvictCheckpointsOfLeastWorth) {
  ASSERT_OK(memory->clear(false));
  std::vector<Checkpoint> pins;
  for (int i = 0; i < 4; ++i) {
    ASSERT_OK(extend(0, tokens({i})));
    pins.push_back(std::move(*memory->checkpoint(SeqId(0), i)));
    ASSERT_OK(memory->seq_rm(SeqId(0), -1, -1));
  }
  ASSERT_OK(memory->state_read(all_, std::nullopt));
  EXPECT_TRUE(!pins[0].is_kept() && !pins[1].is_kept() && pins[2].is_kept() && pins[3].is_kept());
  EXPECT_EQ(write(std::nullopt), all_);
}

TEST_F(StateBytesTest, NothingIsNotAState) {
  EXPECT_CODE(memory->state_write(SeqId(2)), kNotFound);
  EXPECT_CODE(memory->state_write(SeqId(4)), kInvalidArgument);
  ASSERT_OK(memory->clear(false));
  EXPECT_CODE(memory->state_write(std::nullopt), kNotFound);
  ASSERT_OK(memory->state_read(all_, std::nullopt));
}

TEST_F(StateBytesTest, ANewSpellingOfTheFormatIsANewVersion) {
  // The head of the bytes, field by field as the format says: others read it too.
  const char head[] = "EDDYSTAT\1\0\0\0\1\0\0\0";
  ASSERT_GE(one_.size(), 24u);
  EXPECT_EQ(std::memcmp(one_.data(), head, 16), 0);
  EXPECT_EQ(load_le<std::uint64_t>(one_.data() + 16), one_.size());
  EXPECT_EQ(std::to_integer<int>(one_[24]), 7);  // identity
  EXPECT_EQ(std::memcmp(one_.data() + 72, "STAT\0\0\0\0\10\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0", 24), 0);
  EXPECT_EQ(std::memcmp(one_.data() + 104, "ROWR\0\0\0\0\14\0\0\0\0\0\0\0", 16), 0);
  EXPECT_EQ(one_.size(), 72u + 32 + 4 * 36 + 16);
  EXPECT_EQ(std::memcmp(all_.data() + 72, "SEQS\0\0\0\0\40\0\0\0\0\0\0\0\2\0\0\0\3\0\0\0", 24), 0);
}

// --- Damage -------------------------------------------------------------------------------------

TEST_F(StateBytesTest, EveryFlippedBitIsFound) {
  for (std::size_t i = 0; i < all_.size() * 8; ++i) {
    Bytes bad = all_;
    bad[i / 8] ^= static_cast<std::byte>(1u << i % 8);
    expect_refused(bad, std::nullopt, "bit " + std::to_string(i));
  }
  for (std::size_t i = 0; i < one_.size() * 8; ++i) {
    Bytes bad = one_;
    bad[i / 8] ^= static_cast<std::byte>(1u << i % 8);
    expect_refused(bad, SeqId(1), "bit " + std::to_string(i));
  }
}

TEST_F(StateBytesTest, EveryCutAndEveryAppendedByteIsFound) {
  for (std::size_t n = 0; n < all_.size(); ++n) {
    for (const Checksums checksums : {Checksums::kVerify, Checksums::kIgnore}) {
      Bytes cut(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(n));
      expect_refused(cut, std::nullopt, "cut at " + std::to_string(n), checksums);
      if (n < kSizeAt + 8) continue;
      store_le(cut.data() + kSizeAt, std::uint64_t{n});  // a liar who knows the format
      reseal(cut);
      expect_refused(cut, std::nullopt, "sealed, cut at " + std::to_string(n), checksums);
    }
  }
  Bytes longer = all_;
  longer.push_back(std::byte{0});
  expect_refused(longer, std::nullopt, "appended");
  store_le(longer.data() + kSizeAt, std::uint64_t{longer.size()});
  reseal(longer);
  expect_refused(longer, std::nullopt, "appended and sealed");
}

TEST_F(StateBytesTest, SwappedAndRepeatedSectionsAreFoundWithoutChecksums) {
  const auto parts = sections(all_);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    for (std::size_t j = i + 1; j < parts.size(); ++j) {
      if (parts[i].second != parts[j].second) continue;
      const auto ci = static_cast<std::ptrdiff_t>(parts[i].first);
      const auto cj = static_cast<std::ptrdiff_t>(parts[j].first);
      const auto n = static_cast<std::ptrdiff_t>(parts[i].second);
      const bool same_name =
          std::equal(all_.begin() + ci, all_.begin() + ci + 16, all_.begin() + cj);
      Bytes swapped = all_;
      std::swap_ranges(swapped.begin() + ci, swapped.begin() + ci + n, swapped.begin() + cj);
      // Rows of the same layer in two states have one name: only the seal of the whole knows.
      expect_refused(swapped, std::nullopt, "swapped");
      if (same_name) continue;
      reseal(swapped);
      expect_refused(swapped, std::nullopt, "swapped and sealed");
    }
  }
}

// Every 32-bit and 64-bit field at every offset, set to the values that break arithmetic: refused,
// or installed and written back the same.
TEST_F(StateBytesTest, NoFieldBreaksArithmetic) {
  const std::uint64_t values[] = {0,          1,          2,          0x7FFFFFFF,
                                  0x80000000, 0xFFFFFFFF, 1ull << 32, 1ull << 62,
                                  1ull << 63, ~0ull,      ~0ull - 71};
  for (std::size_t at = kVersionAt; at + 8 <= all_.size(); ++at) {
    for (const std::uint64_t value : values) {
      for (const std::size_t n_bytes : {4u, 8u}) {
        const Bytes forged = with(all_, at, value, n_bytes);
        const Status read = memory->state_read(forged, std::nullopt);
        if (read.ok()) {
          ASSERT_EQ(write(std::nullopt), forged) << at << " " << value;
        }
        ASSERT_OK(memory->check());
        Bytes unsealed = all_;
        std::copy_n(forged.begin() + static_cast<std::ptrdiff_t>(at), n_bytes,
                    unsealed.begin() + static_cast<std::ptrdiff_t>(at));
        (void)memory->state_read(unsealed, std::nullopt, Checksums::kIgnore).ok();
        ASSERT_OK(memory->check());
      }
    }
    ASSERT_OK(memory->state_read(all_, std::nullopt));
  }
}

TEST_F(StateBytesTest, SequencesThatCannotBeAreRefused) {
  constexpr std::size_t kEntries = kHeaderBytes + kSectionHeadBytes + 8;
  const std::size_t id0 = kEntries, state0 = kEntries + 4, id1 = kEntries + 8,
                    state1 = kEntries + 12, id2 = kEntries + 16, state2 = kEntries + 20;
  // As written: 0 has state 0, 1 has state 1, 3 has state 0.
  for (const auto& [at, value] :
       std::vector<std::pair<std::size_t, std::uint64_t>>{{id0, 1},
                                                          {id0, 0xFFFFFFFF},
                                                          {id1, 0},
                                                          {id1, 3},
                                                          {id2, 1},
                                                          {id2, 4},
                                                          {id2, 0x7FFFFFFF},
                                                          {state0, 1},
                                                          {state1, 2},
                                                          {state1, 0},
                                                          {state2, 2},
                                                          {kEntries - 8, 1},
                                                          {kEntries - 8, 3},
                                                          {kEntries - 4, 2},
                                                          {kEntries - 4, 4}}) {
    expect_refused(with(all_, at, value, 4), std::nullopt, std::to_string(at));
  }
}

TEST_F(StateBytesTest, MoreStatesThanCellsAreRefused) {
  auto small = RecurrentMemory::create(params(1, 4));
  ASSERT_TRUE(small.ok());
  EXPECT_CODE((*small)->state_read(all_, std::nullopt), kFull);
  EXPECT_OK((*small)->state_read(one_, SeqId(3)));
  auto narrow = RecurrentMemory::create(params(4, 3));
  ASSERT_TRUE(narrow.ok());
  EXPECT_CODE((*narrow)->state_read(all_, std::nullopt), kInvalidArgument);
  EXPECT_EQ((*narrow)->n_free_cells(), 4u);
}

TEST_F(StateBytesTest, TokensAreCounted) {
  const std::size_t at = kHeaderBytes + kSectionHeadBytes;
  expect_refused(with(one_, at, 1ull << 63, 8), SeqId(1), "negative");
  // The largest count can be read, and not extended.
  ASSERT_OK(memory->state_read(with(one_, at, (1ull << 63) - 1, 8), SeqId(1)));
  EXPECT_CODE(extend(1, tokens({1})), kInvalidArgument);
}

// --- Origin -------------------------------------------------------------------------------------

TEST_F(StateBytesTest, AnotherModelsStateIsRefused) {
  const auto refuses = [&](const RecurrentMemoryParams& p) {
    auto other = RecurrentMemory::create(p);
    ASSERT_TRUE(other.ok());
    EXPECT_CODE((*other)->state_read(all_, std::nullopt), kMismatch);
    EXPECT_CODE((*other)->state_read(one_, SeqId(0)), kMismatch);
    EXPECT_EQ((*other)->n_free_cells(), 4u);
  };
  auto p = params(4, 4);
  p.identity = test_identity(8);
  refuses(p);
  p = params(4, 4);
  p.type_s = DType::kF16;
  refuses(p);
  p = params(4, 4);
  p.layout.layers[1].s_elems += 1;
  refuses(p);
  p = params(4, 4);
  p.filter = [](LayerId il) { return il == LayerId(0); };
  refuses(p);
  p = params(4, 4);
  p.layout.layers = {p.layout.layers[0], {}, p.layout.layers[1]};
  p.layer_devices.resize(3, &device);
  refuses(p);
}

// Of F32 nothing is rounded.
TEST_F(StateBytesTest, HowElementsWereRoundedIsPartOfTheOrigin) {
  const auto some = some_tokens(5);
  const BatchPart part = {.seq = SeqId(0), .tokens = some};
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
    auto p = params(4, 4);
    p.type_r = type;
    const auto nearest = std::move(*RecurrentMemory::create(p));
    p.rounding_r = Rounding::kByChance;
    const auto by_chance = std::move(*RecurrentMemory::create(p));
    {
      auto context = by_chance->init_batch(std::span(&part, 1), kUBatchMax);
      ASSERT_TRUE(context.ok() && context->apply().ok());
      EXPECT_FALSE(context->next());
    }
    const Bytes state = *by_chance->state_write(SeqId(0));
    ASSERT_OK(by_chance->state_read(state, SeqId(1)));
    const auto summary = summarise_state(state);
    ASSERT_TRUE(summary.ok());
    EXPECT_EQ(summary->types.r, type);
    if (type == DType::kF32) {
      ASSERT_OK(nearest->state_read(state, SeqId(1)));
      EXPECT_EQ(summary->types.rounding_r, Rounding::kNearest);
    } else {
      EXPECT_CODE(nearest->state_read(state, SeqId(1)), kMismatch);
      EXPECT_EQ(summary->types.rounding_r, Rounding::kByChance);
    }
  }
}

TEST_F(StateBytesTest, OneIsNotAllAndAllIsNotOne) {
  EXPECT_CODE(memory->state_read(one_, std::nullopt), kMismatch);
  EXPECT_CODE(memory->state_read(all_, SeqId(0)), kMismatch);
  for (const int id : {-1, -2, 4, std::numeric_limits<int>::max()}) {
    EXPECT_CODE(memory->state_read(one_, SeqId(id)), kInvalidArgument);
  }
  EXPECT_EQ(write(std::nullopt), all_);
}

TEST_F(StateBytesTest, AnotherVersionIsRefused) {
  EXPECT_CODE(memory->state_read(with(one_, kVersionAt, 2, 4), SeqId(0)), kUnsupported);
  EXPECT_CODE(memory->state_read(with(one_, kVersionAt, 0, 4), SeqId(0)), kUnsupported);
}

// --- Finite numbers -----------------------------------------------------------------------------

TEST_F(StateBytesTest, NonFiniteStatesAreNeitherReadNorWritten) {
  const std::size_t last_row = one_.size() - kTrailerBytes - kSumBytes - 4;
  for (const std::uint64_t bits : {0x7F800000u, 0xFF800000u, 0x7FC00000u, 0x7F800001u}) {
    const Bytes bad = with(one_, last_row, bits, 4);
    EXPECT_CODE(memory->state_read(bad, SeqId(1)), kNonFinite);
    EXPECT_CODE(memory->state_read(bad, SeqId(1), Checksums::kIgnore), kNonFinite);
  }
  EXPECT_EQ(write(std::nullopt), all_);
}

TEST(Finite, KnowsEveryExponent) {
  const auto first = [](DType type, std::uint32_t bits) {
    std::byte three[12] = {};
    const std::size_t n = dtype_info(type).block_bytes;
    std::memcpy(three + n, &bits, n);
    return first_non_finite(type, std::span(three).first(3 * n));
  };
  EXPECT_EQ(first(DType::kF32, 0x7F7FFFFF), std::nullopt);
  EXPECT_EQ(first(DType::kF32, 0x7F800000), 1u);
  EXPECT_EQ(first(DType::kF32, 0xFFFFFFFF), 1u);
  EXPECT_EQ(first(DType::kF16, 0x7BFF), std::nullopt);
  EXPECT_EQ(first(DType::kF16, 0x7C00), 1u);
  EXPECT_EQ(first(DType::kF16, 0xFE00), 1u);
  EXPECT_EQ(first(DType::kBF16, 0x7F7F), std::nullopt);
  EXPECT_EQ(first(DType::kBF16, 0x7F80), 1u);
  EXPECT_EQ(first(DType::kBF16, 0xFFC0), 1u);
}

}  // namespace
}  // namespace eddy::test
