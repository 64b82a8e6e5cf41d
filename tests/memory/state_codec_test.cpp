// Packed states: what goes in comes back, rounded by no more than was said, and no damage gets by.
#include "memory/state_codec.h"

#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "base/half.h"
#include "memory/state_summary.h"
#include "support/allocation_hook.h"
#include "support/memory_fixture.h"
#include "support/state_bytes.h"

namespace eddy::test {
namespace {

using Bytes = std::vector<std::byte>;

constexpr StateCodec kPacking[] = {StateCodec::kZstd, StateCodec::kInt16, StateCodec::kInt8};
constexpr StateCodec kRounding[] = {StateCodec::kInt16, StateCodec::kInt8};

struct Types {
  DType r = DType::kF32;
  DType s = DType::kF32;
  DType kv = DType::kF16;
};

class StateCodecTest : public MemoryFixture {
 protected:
  // A recurrent memory, or a hybrid; rows are no multiples of anything.
  void make_rooms(const Types& types, bool is_hybrid) {
    RecurrentMemoryParams p = params(4, 4);
    p.type_r = types.r;
    p.type_s = types.s;
    p.type_kv = types.kv;
    p.layout.layers = {{.r_elems = 1000, .s_elems = 35}, {.r_elems = 64}, {.s_elems = 7}};
    if (is_hybrid) {
      p.layout.layers.push_back({.k_elems = 32, .v_elems = 64});
      p.layout.layers.push_back({.k_elems = 64, .v_elems = 32, .window = 20});
      p.kv_size = 4 * kKvPage;
    }
    p.layer_devices.assign(p.layout.layers.size(), &device);
    make(std::move(p));
  }

  // A state after 50 tokens, of random numbers.
  Bytes random_state(const Types& types) {
    const auto some = some_tokens(50);
    const BatchPart part = {.seq = SeqId(0), .tokens = some};
    {
      auto context = memory->init_batch(std::span(&part, 1), kUBatchMax);
      EXPECT_TRUE(context.ok() && context->apply().ok());
      EXPECT_FALSE(context->next());
    }
    Bytes state = *memory->state_write(SeqId(0));
    for (const auto& [at, size] : sections(state)) {
      const auto payload =
          std::span(state).subspan(at + kSectionHeadBytes, size - kSectionExtraBytes);
      switch (load_le<std::uint32_t>(state.data() + at)) {
        case kTagRowR: fill(types.r, payload); break;
        case kTagRowS: fill(types.s, payload); break;
        case kTagRowK:
        case kTagRowV: fill(types.kv, payload); break;
        default: break;
      }
    }
    reseal(state);
    return state;
  }

  // As in models, some rows are much larger than others. What is no F32 has a bit of the exponent
  // left out, so that it is finite.
  void fill(DType type, std::span<std::byte> payload) {
    std::normal_distribution<float> normal;
    for (std::size_t i = 0; i < payload.size(); i += type == DType::kF32 ? 4 : 2) {
      const float value = std::ldexp(normal(random_), static_cast<int>(i / 512 % 7) - 3);
      if (type == DType::kF32) {
        store_le(payload.data() + i, std::bit_cast<std::uint32_t>(value));
      } else {
        store_le(payload.data() + i, static_cast<std::uint16_t>(f32_to_bf16(value) & 0xBFFF));
      }
    }
  }

  // Of two layers and a position, small enough to try every bit.
  Bytes small_state() {
    make(4, 4);
    EXPECT_OK(extend(0, tokens({1, 2, 3})));
    return *memory->state_write(SeqId(0));
  }

  std::mt19937 random_{1};
};

Bytes packed(StateCodec codec, const Bytes& state) {
  auto bytes = encode_state(codec, state);
  EXPECT_TRUE(bytes.ok());
  return bytes.ok() ? *bytes : Bytes();
}

Bytes unpacked(const Bytes& bytes) {
  auto state = decode_state(bytes);
  EXPECT_TRUE(state.ok()) << state.error().message;
  return state.ok() ? *state : Bytes();
}

void seal(Bytes& packed) {
  const std::size_t at = packed.size() - 8;
  store_le(packed.data() + at, checksum64(std::span(packed).first(at)));
}

std::vector<float> floats(std::span<const std::byte> bytes) {
  std::vector<float> all;
  for (std::size_t i = 0; i < bytes.size(); i += 4) {
    all.push_back(std::bit_cast<float>(load_le<std::uint32_t>(bytes.data() + i)));
  }
  return all;
}

// Blocks of 64 share a scale, and an element is off by half of it; by a little of itself besides,
// for the arithmetic is that of floats.
void expect_rounded(StateCodec codec, const std::vector<float>& x, const std::vector<float>& y) {
  ASSERT_EQ(x.size(), y.size());
  const double most_whole = codec == StateCodec::kInt16 ? 32767 : 127;
  for (std::size_t first = 0; first < x.size(); first += 64) {
    const std::size_t end = std::min(x.size(), first + 64);
    double most = 0;
    for (std::size_t i = first; i < end; ++i) most = std::max(most, std::abs(double{x[i]}));
    for (std::size_t i = first; i < end; ++i) {
      const double bound = 0.5 * most / most_whole + 4e-7 * most;
      ASSERT_LE(std::abs(double{x[i]} - double{y[i]}), bound) << "element " << i << ": " << x[i];
    }
  }
}

TEST_F(StateCodecTest, ZstdGivesBackEveryBit) {
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const bool is_hybrid : {false, true}) {
      const Types types = {.r = type, .s = type, .kv = type};
      make_rooms(types, is_hybrid);
      const Bytes state = random_state(types);
      const Bytes bytes = packed(StateCodec::kZstd, state);
      EXPECT_LT(bytes.size(), state.size());
      EXPECT_TRUE(unpacked(bytes) == state) << dtype_name(type) << is_hybrid;
      ASSERT_OK(memory->state_read(unpacked(bytes), SeqId(1)));
    }
  }
}

TEST_F(StateCodecTest, NoneIsTheStateItself) {
  make_rooms({}, true);
  const Bytes state = random_state({});
  EXPECT_TRUE(packed(StateCodec::kNone, state) == state);
  EXPECT_TRUE(unpacked(state) == state);
}

// What is R in F32 is near, and everything else the same; the memory takes it.
TEST_F(StateCodecTest, RoundingTouchesTheRecurrentStateInF32Alone) {
  for (const DType type_r : {DType::kF32, DType::kF16, DType::kBF16}) {
    const Types types = {.r = type_r, .kv = DType::kQ8_0};
    make_rooms(types, true);
    const Bytes state = random_state(types);
    const StateSummary before = *summarise_state(state);
    for (const StateCodec codec : kRounding) {
      const Bytes found = unpacked(packed(codec, state));
      ASSERT_OK(memory->state_read(found, SeqId(1)));
      EXPECT_TRUE(*memory->state_write(SeqId(1)) == found);
      const StateSummary after = *summarise_state(found);
      ASSERT_EQ(after.rows.size(), before.rows.size());
      EXPECT_EQ(after.n_tokens, before.n_tokens);
      for (std::size_t i = 0; i < before.rows.size(); ++i) {
        const auto& a = before.rows[i];
        const auto& b = after.rows[i];
        const bool is_rounded = a.kind == StateKind::kR && type_r == DType::kF32;
        EXPECT_EQ(std::ranges::equal(a.elements, b.elements), !is_rounded) << "row " << i;
        if (is_rounded) expect_rounded(codec, floats(a.elements), floats(b.elements));
      }
    }
  }
}

TEST_F(StateCodecTest, FewerBitsAreFewerBytes) {
  make_rooms({}, false);
  const Bytes state = random_state({});
  std::size_t last = state.size();
  for (const StateCodec codec : kPacking) {
    const std::size_t n = packed(codec, state).size();
    EXPECT_LT(n, last);
    last = n;
  }
}

// Elements that a scale, a quotient or a product could overflow or lose.
TEST_F(StateCodecTest, ExtremesStayFiniteAndNear) {
  constexpr float kMost = std::numeric_limits<float>::max();
  constexpr float kLeast = std::numeric_limits<float>::denorm_min();
  const float values[][2] = {{0, 0},           {kMost, -kMost},     {kMost, 1},
                             {kLeast, 0},      {1e-36F, -1e-40F},   {-0.0F, 1},
                             {-kMost, -kMost}, {50000 * kLeast, 0}, {127, 126.5F}};
  make_rooms({}, false);
  const Bytes state = random_state({});
  for (const auto& [one, other] : values) {
    Bytes extreme = state;
    const std::size_t at = sections(state)[1].first + kSectionHeadBytes;
    for (std::size_t i = 0; i < 1000; ++i) {
      store_le(extreme.data() + at + 4 * i, std::bit_cast<std::uint32_t>(i % 3 == 0 ? one : other));
    }
    reseal(extreme);
    for (const StateCodec codec : kRounding) {
      const Bytes found = unpacked(packed(codec, extreme));
      ASSERT_OK(memory->state_read(found, SeqId(1)));
      const auto x = floats(summarise_state(extreme)->rows[0].elements);
      const auto y = floats(summarise_state(found)->rows[0].elements);
      const double most = std::max(std::abs(double{one}), std::abs(double{other}));
      for (std::size_t i = 0; i < x.size(); ++i) {
        // A scale below the normal floats is rounded itself, which costs as many of the least.
        const double bound = most / 127 * 0.51 + 33000 * double{kLeast};
        ASSERT_LE(std::abs(double{x[i]} - double{y[i]}), bound) << one << " " << other;
      }
    }
  }
}

TEST_F(StateCodecTest, EveryFlippedBitCutAndAppendedByteIsRefused) {
  const Bytes state = small_state();
  for (const StateCodec codec :
       {StateCodec::kNone, StateCodec::kZstd, StateCodec::kInt16, StateCodec::kInt8}) {
    const Bytes good = packed(codec, state);
    const auto expect_refused = [](const Bytes& bad, std::size_t at) {
      const auto found = decode_state(bad);
      ASSERT_FALSE(found.ok()) << at;
      EXPECT_TRUE(found.error().code == ErrorCode::kMalformed ||
                  found.error().code == ErrorCode::kUnsupported)
          << found.error().message;
    };
    for (std::size_t i = 0; i < good.size() * 8; ++i) {
      Bytes bad = good;
      bad[i / 8] ^= static_cast<std::byte>(1u << i % 8);
      expect_refused(bad, i);
    }
    for (std::size_t n = 0; n < good.size(); ++n) {
      expect_refused(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n)), n);
    }
    Bytes longer = good;
    longer.push_back(std::byte{0});
    expect_refused(longer, longer.size());
  }
}

// Whoever can make checksums good meets the checks behind them: an error, or bytes that the memory
// checks like any others.
TEST_F(StateCodecTest, AFlippedBitThatIsSealedDoesNoHarm) {
  const Bytes state = small_state();
  for (const StateCodec codec : kPacking) {
    const Bytes good = packed(codec, state);
    for (std::size_t i = 0; i < (good.size() - 8) * 8; ++i) {
      Bytes bad = good;
      bad[i / 8] ^= static_cast<std::byte>(1u << i % 8);
      seal(bad);
      const auto found = decode_state(bad);
      if (found) (void)memory->state_read(*found, SeqId(1)).ok();
      ASSERT_OK(memory->check());
    }
  }
}

// A length is compared with the bytes that are there before room is made for it.
TEST_F(StateCodecTest, LengthsThatCannotBeAreMalformedAndNotOutOfMemory) {
  const Bytes good = packed(StateCodec::kInt8, small_state());
  for (const std::size_t at : {16u, 24u}) {
    for (const std::uint64_t value :
         {std::uint64_t{0}, std::uint64_t{71}, std::uint64_t{1} << 62, ~std::uint64_t{0}}) {
      Bytes bad = good;
      store_le(bad.data() + at, value);
      seal(bad);
      EXPECT_CODE(decode_state(bad), kMalformed);
    }
    Bytes near = good;
    for (const int step : {-1, 1}) {
      store_le(near.data() + at, load_le<std::uint64_t>(good.data() + at) +
                                     static_cast<std::uint64_t>(std::int64_t{step}));
      seal(near);
      EXPECT_CODE(decode_state(near), kMalformed);
    }
  }
}

// Wherever what zstd gives back ends, there is something missing.
TEST_F(StateCodecTest, AStreamThatEndsEarlyOrLateIsRefused) {
  const Bytes state = small_state();
  for (const StateCodec codec : kPacking) {
    const Bytes good = packed(codec, state);
    Bytes stream(load_le<std::uint64_t>(good.data() + 24) + 1);
    ASSERT_EQ(ZSTD_decompress(stream.data(), stream.size(), good.data() + 32, good.size() - 40),
              stream.size() - 1);
    for (std::size_t n = 0; n <= stream.size(); ++n) {
      Bytes forged(32 + ZSTD_compressBound(n) + 8);
      std::ranges::copy(std::span(good).first(32), forged.begin());
      store_le(forged.data() + 24, std::uint64_t{n});
      const std::size_t n_frame =
          ZSTD_compress(forged.data() + 32, forged.size() - 40, stream.data(), n, 1);
      ASSERT_FALSE(ZSTD_isError(n_frame));
      forged.resize(std::min(forged.size(), 40 + n_frame));
      seal(forged);
      const auto found = decode_state(forged);
      ASSERT_EQ(found.ok(), n + 1 == stream.size()) << n;
      if (found.ok()) continue;
      EXPECT_EQ(found.error().code, ErrorCode::kMalformed) << n;
    }
  }
}

TEST_F(StateCodecTest, LaterVersionsAndCodecsAreUnsupported) {
  const Bytes good = packed(StateCodec::kZstd, small_state());
  for (const auto& [at, value] : {std::pair{8u, 2u}, {8u, 0u}, {12u, 0u}, {12u, 4u}}) {
    Bytes bad = good;
    store_le(bad.data() + at, std::uint32_t{value});
    seal(bad);
    EXPECT_CODE(decode_state(bad), kUnsupported);
  }
}

TEST_F(StateCodecTest, WhatIsNoStateIsNotEncoded) {
  const Bytes state = small_state();
  const Bytes all = *memory->state_write(std::nullopt);
  Bytes bad_sum = state, not_a_number = state;
  bad_sum[kHeaderBytes + kSectionHeadBytes + 8] ^= std::byte{1};  // of STAT; the trailer is good
  const Digest128 digest = checksum128(std::span(bad_sum).first(bad_sum.size() - kTrailerBytes));
  store_le(bad_sum.data() + bad_sum.size() - 16, digest.low);
  store_le(bad_sum.data() + bad_sum.size() - 8, digest.high);
  store_le(not_a_number.data() + sections(state)[1].first + kSectionHeadBytes, 0x7FC00000u);
  reseal(not_a_number);
  for (const StateCodec codec : kPacking) {
    EXPECT_CODE(encode_state(codec, {}), kMalformed);
    EXPECT_CODE(encode_state(codec, Bytes(500)), kMalformed);
    EXPECT_CODE(encode_state(codec, all), kUnsupported);
    EXPECT_CODE(encode_state(codec, bad_sum), kMalformed);
  }
  for (const StateCodec codec : kRounding) {
    EXPECT_CODE(encode_state(codec, not_a_number), kNonFinite);
  }
}

TEST_F(StateCodecTest, WhereMemoryEndsThereIsAnError) {
  const Bytes state = small_state();
  const Bytes bytes = packed(StateCodec::kInt16, state);
  for (std::int64_t n = 0;; ++n) {
    Bytes copy = state;
    fail_allocation(n);
    const auto encoded = encode_state(StateCodec::kInt16, std::move(copy));
    const bool has_failed = allocation_has_failed();
    fail_allocation(-1);
    ASSERT_EQ(encoded.ok(), !has_failed);
    if (!has_failed) break;
    EXPECT_CODE(encoded, kOutOfMemory);
  }
  for (std::int64_t n = 0;; ++n) {
    fail_allocation(n);
    const auto decoded = decode_state(bytes);
    const bool has_failed = allocation_has_failed();
    fail_allocation(-1);
    ASSERT_EQ(decoded.ok(), !has_failed);
    if (!has_failed) break;
    EXPECT_CODE(decoded, kOutOfMemory);
  }
}

}  // namespace
}  // namespace eddy::test
