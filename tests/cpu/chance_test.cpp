// Rounding by chance: of the numbers that a state can keep it takes one of the two around the exact
// one, on average the exact one, and the same for the same seed, position and element.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/half.h"
#include "cpu/cpu_ops.h"
#include "cpu/isa.h"

namespace eddy {
namespace {

constexpr std::int64_t kSize = 16;  // of the head: its state is 16 columns of 16 rows
constexpr std::size_t kElems = kSize * kSize;

using Bits = std::vector<std::uint16_t>;

// A head of WKV-6 whose state is `value` everywhere after each token, rounded: k is 1, v the value.
class Rounder {
 public:
  Rounder(DType type, Isa isa, std::uint32_t chance)
      : type_(type),
        ops_(make_cpu_ops({.n_threads = 1, .isa = std::string(isa_name(isa))}).value()),
        buffer_(host_buffer_type().allocate(4096).value()),
        rows_{.buffer = buffer_.get(),
              .stride = 2048,
              .n_elems = wkv_state_elems(1, kSize),
              .n_rows = 2,
              .type = type,
              .chance = chance} {}

  // The state after tokens whose values these are, the first of them at position pos. With a decay
  // each of them is added to the state times decay.
  Bits round(const std::vector<float>& values, std::uint32_t pos, float decay = 0) {
    const auto n = static_cast<std::int32_t>(values.size());
    const std::vector<float> ones(values.size() * kSize, 1), decays(values.size() * kSize, decay);
    std::vector<float> v, out(values.size() * kSize);
    for (const float value : values) v.insert(v.end(), kSize, value);
    const auto mat = [n](const std::vector<float>& data) {
      return ConstMat{.data = data.data(), .n = kSize, .n_tokens = n, .stride = kSize};
    };
    const Lane lane = {.first_token = 0, .n_tokens = n, .src = kZeroRow, .dst = 1, .pos = pos};
    const Status done = ops_->wkv6({.r = mat(ones),
                                    .w = mat(decays),
                                    .k = mat(ones),
                                    .v = mat(v),
                                    .u = {},
                                    .head_size = kSize,
                                    .lanes = {&lane, 1},
                                    .state = rows_,
                                    .out = {out.data(), kSize, n, kSize}});
    EXPECT_TRUE(done.ok());
    Bits bits(kElems);
    buffer_->read(2048, std::as_writable_bytes(std::span(bits)));
    return bits;
  }

  float value_of(std::uint16_t bits) const {
    return type_ == DType::kF16 ? f16_to_f32(bits) : bf16_to_f32(bits);
  }
  std::uint16_t nearest(float value) const {
    return type_ == DType::kF16 ? f32_to_f16(value) : f32_to_bf16(value);
  }

 private:
  DType type_;
  std::unique_ptr<Ops> ops_;
  std::unique_ptr<Buffer> buffer_;
  StateRows rows_;
};

constexpr DType kTypes[] = {DType::kF16, DType::kBF16};
constexpr std::uint32_t kSeed = 12345;

// Of every size: normal and subnormal numbers of each type, and close to the next power of two.
std::vector<float> values_of_all_sizes() {
  std::vector<float> values;
  for (int e = -26; e <= 14; ++e) {
    for (const float m : {1.0001f, 1.3f, 1.7071f, 1.9999f}) {
      values.push_back(std::ldexp(m, e));
      values.push_back(std::ldexp(-m, e));
    }
  }
  return values;
}

TEST(Chance, TakesOneOfTheNeighboursAndIsRightOnAverage) {
  for (const DType type : kTypes) {
    Rounder rounder(type, available_isas().back(), kSeed);
    for (const float value : values_of_all_sizes()) {
      SCOPED_TRACE(testing::Message() << dtype_name(type) << " " << value);
      const std::uint16_t near = rounder.nearest(value);
      const bool is_above = std::abs(rounder.value_of(near)) > std::abs(value);
      const auto low = static_cast<std::uint16_t>(is_above ? near - 1 : near);
      const auto high = static_cast<std::uint16_t>(low + 1);
      const double from = rounder.value_of(low), step = rounder.value_of(high) - from;
      const double share = (value - from) / step;
      double n_high = 0, n = 0;
      for (std::uint32_t pos = 0; pos < 40; ++pos) {
        for (const std::uint16_t bits : rounder.round({value}, pos)) {
          ASSERT_TRUE(bits == low || bits == high) << rounder.value_of(bits);
          n_high += bits == high ? 1 : 0;
          ++n;
        }
      }
      EXPECT_NEAR(n_high / n, share, 5 * std::sqrt(share * (1 - share) / n) + 2e-4);
    }
  }
}

TEST(Chance, LeavesWhatTheTypeHas) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const Isa isa : available_isas()) {
    for (const DType type : kTypes) {
      Rounder rounder(type, isa, kSeed);
      for (const float value : values_of_all_sizes()) {
        for (const float kept : {rounder.value_of(rounder.nearest(value)), 0.0f, 1.0f, -2.0f}) {
          const Bits expected(kElems, rounder.nearest(kept + 0.0f));  // the op makes 0 of -0
          ASSERT_EQ(rounder.round({kept}, 7), expected) << isa_name(isa) << " " << kept;
        }
      }
      EXPECT_EQ(rounder.round({kInfinity}, 7), Bits(kElems, rounder.nearest(kInfinity)));
      const float most = type == DType::kF16 ? 70000.0f : std::numeric_limits<float>::max();
      const Bits beyond = rounder.round({most}, 7);
      EXPECT_GT(std::ranges::count(beyond, rounder.nearest(kInfinity)), 200) << isa_name(isa);
      const float broken = std::bit_cast<float>(0x7fffffff);  // a carry would make it -0
      for (const std::uint16_t bits : rounder.round({broken}, 7)) {
        ASSERT_TRUE(std::isnan(rounder.value_of(bits))) << isa_name(isa);
      }
    }
  }
}

TEST(Chance, IsThatOfSeedPositionAndElement) {
  for (const DType type : kTypes) {
    Rounder one(type, available_isas().front(), kSeed);
    const Bits expected = one.round({1.3001f}, 9);
    for (const Isa isa : available_isas()) {
      Rounder other(type, isa, kSeed);
      EXPECT_EQ(other.round({1.3001f}, 9), expected) << isa_name(isa);
      EXPECT_EQ(other.round({5, 0.1f, 1.3001f}, 7), expected) << "the third token is at 9";
      EXPECT_NE(other.round({1.3001f}, 10), expected);
      EXPECT_NE(Rounder(type, isa, kSeed + 1000).round({1.3001f}, 9), expected);
    }
    std::size_t n_pairs = 0;  // of neighbouring elements that differ: about as many as not
    for (std::size_t i = 1; i < expected.size(); ++i) n_pairs += expected[i] != expected[i - 1];
    EXPECT_GT(n_pairs, 50u);
  }
}

// A state that loses a thousandth at each token stands still when it is rounded to the nearest.
TEST(Chance, LetsSlowStatesMove) {
  constexpr float kDecay = 0.9995f;
  constexpr int kTokens = 2000;
  std::vector<float> values(kTokens, 0.0f);
  values[0] = 1.5f;
  const double expected = 1.5 * std::pow(kDecay, kTokens - 1);
  for (const DType type : kTypes) {
    const auto mean_after = [&](std::uint32_t chance) {
      Rounder rounder(type, available_isas().back(), chance);
      double sum = 0;
      for (const std::uint16_t bits : rounder.round(values, 0, kDecay)) {
        sum += rounder.value_of(bits);
      }
      return sum / kElems;
    };
    EXPECT_NEAR(mean_after(kSeed), expected, 0.05 * expected) << dtype_name(type);
    if (type == DType::kBF16) {
      EXPECT_EQ(mean_after(0), 1.5);
    }
  }
}

}  // namespace
}  // namespace eddy
