// The references against worked examples whose figures were computed elsewhere, to seven digits.
#include <gtest/gtest.h>

#include <cmath>

#include "reference/blocks.h"
#include "reference/rwkv_blocks.h"
#include "reference/scans.h"

namespace eddy::reference {
namespace {

void expect_near(const Vector& found, const Vector& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-7) << i;
}

double real(std::size_t i) { return static_cast<double>(i); }

TEST(Reference, ShortConv) {
  constexpr std::size_t kTaps = 4, kChannels = 2;
  Tensor weight{.ne = {kTaps, kChannels, 1, 1}, .v = Vector(kTaps * kChannels)};
  Tensor bias{.ne = {kChannels, 1, 1, 1}, .v = {0.05, 0.1}};
  Vector window(kTaps * kChannels);
  for (std::size_t c = 0; c < kChannels; ++c) {
    for (std::size_t k = 0; k < kTaps; ++k) {
      weight.v[c * kTaps + k] = 0.2 * real(k + 1) - 0.3 * real(c);
      if (k > 0) window[k * kChannels + c] = 0.1 * real(c + 1) * real(k);
    }
  }
  const std::vector<Vector> expected = {
      {0.246446, 0.1251031}, {0.509384, 0.1405441}, {1.1128232, 0.3525886}};
  Noise none;
  for (std::size_t t = 0; t < 3; ++t) {
    const Vector x = {0.5 * real(t) + 0.1, 0.5 * real(t) - 0.15};
    expect_near(short_conv(weight, bias, x, window, none), expected[t]);
  }
  expect_near(slice(window, kChannels, 6), {0.1, -0.15, 0.6, 0.35, 1.1, 0.85});
}

TEST(Reference, SelectiveScan) {
  constexpr std::size_t kInner = 2, kState = 3;
  Vector a(kInner * kState), s(kInner * kState);
  for (std::size_t c = 0; c < kInner; ++c) {
    for (std::size_t n = 0; n < kState; ++n) {
      a[c * kState + n] = -real(n + 1) * (1 + 0.5 * real(c));
      s[c * kState + n] = 0.01 * (1 + real(n) + 3 * real(c));
    }
  }
  const std::vector<Vector> expected = {
      {0.0459698, -0.033}, {0.02117, 0.0}, {-0.0630829, 0.0005445}, {-0.2844254, -0.0677897}};
  Noise none;
  for (std::size_t t = 0; t < 4; ++t) {
    const double time = real(t);
    Vector b, c;
    for (std::size_t n = 0; n < kState; ++n) {
      b.push_back(0.1 * real(n + 1) + 0.2 * time);
      c.push_back(0.3 - 0.1 * real(n) + 0.05 * time);
    }
    Vector y = selective_scan({.x = {0.4 - 0.3 * time, 0.6 - 0.3 * time},
                               .dt = {-1.5 + 0.5 * time, -0.2 + 0.5 * time},
                               .b = b,
                               .c = c,
                               .dt_bias = {0.5, -0.5},
                               .a = a,
                               .skip = {1, 1.1}},
                              s, none);
    gate_with(y, {0.2 + 0.1 * time, -0.1 + 0.1 * time}, none);
    expect_near(y, expected[t]);
  }
  expect_near(s, {-0.36208, -0.4003174, -0.4433173, -0.2424519, -0.2808752, -0.3161867});
}

TEST(Reference, SsdScanGateAndGroupedNorm) {
  constexpr std::size_t kHeads = 4, kDim = 2, kGroups = 2, kState = 3;
  Vector a, skip, s(kHeads * kDim * kState), y;
  for (std::size_t h = 0; h < kHeads; ++h) {
    a.push_back(-(0.5 + real(h)));
    skip.push_back(1 + 0.1 * real(h));
    for (std::size_t p = 0; p < kDim; ++p) {
      for (std::size_t n = 0; n < kState; ++n) {
        s[(h * kDim + p) * kState + n] = 0.01 * real(n + 1) + 0.02 * real(p) - 0.03 * real(h);
      }
    }
  }
  Noise none;
  for (std::size_t t = 0; t < 5; ++t) {
    const double time = real(t);
    Vector x, z, dt, b, c;
    for (std::size_t h = 0; h < kHeads; ++h) {
      dt.push_back(-1 + 0.5 * time - 0.4 * real(h));
      for (std::size_t p = 0; p < kDim; ++p) {
        x.push_back(0.3 * std::cos(time + real(h)) + 0.1 * real(p));
        z.push_back(0.2 * real(h) - 0.1 * real(p) + 0.05 * time);
      }
    }
    for (std::size_t g = 0; g < kGroups; ++g) {
      for (std::size_t n = 0; n < kState; ++n) {
        b.push_back(0.1 * real(n + 1) - 0.2 * real(g) + 0.05 * time);
        c.push_back(0.3 - 0.1 * real(n) + 0.15 * real(g) - 0.02 * time);
      }
    }
    y = ssd_scan({.x = x,
                  .dt = dt,
                  .b = b,
                  .c = c,
                  .dt_bias = Vector(kHeads),
                  .a = a,
                  .skip = skip,
                  .n_group = kGroups},
                 s, none);
    gate_with(y, z, none);
  }
  expect_near(slice(s, 18, 6), {0.0139161, 0.028929, 0.0439419, 0.020221, 0.0418184, 0.0634159});
  expect_near(
      y, {-0.0267752, -0.0061827, 0.0240025, 0.0388211, 0.1466743, 0.1590009, 0.173571, 0.2121514});
  expect_near(rms_norm(slice(y, 0, 4), {1, 1.1, 1.2, 1.3}, 1e-5, none),
              {-0.9981405, -0.2535294, 1.0737363, 1.8813541});
  expect_near(rms_norm(slice(y, 4, 4), {1.4, 1.5, 1.6, 1.7}, 1e-5, none),
              {1.1759425, 1.3658238, 1.5903804, 2.0653746});
}

// Head size 2, two tokens, a state that is not zero.
TEST(Reference, RecurrencesOfRwkv) {
  const Vector r[] = {{1, -0.5}, {0.25, 2}}, w[] = {{0.9, 0.5}, {0.8, 0.6}};
  const Vector k[] = {{0.5, 1.5}, {-1, 0.75}}, v[] = {{2, -1}, {0.5, 3}};
  const Vector a[] = {{-0.6, -0.8}, {-0.28, 0.96}}, b[] = {{0.3, 0.2}, {0.14, -0.48}};
  const Vector initial = {0.1, 0.2, 0.3, 0.4}, none = {}, u = {0.3, -0.2};
  const Vector y6[] = {{0.55, -0.3}, {6.385, -3.805}};
  const Vector y_gla[] = {{-0.342947, 0.233345}, {3.268955, 1.503309}};
  const Vector y7[] = {{-0.504, 0.32}, {2.048488, 3.13878}};
  Vector s6 = initial, s_gla = initial, s7 = initial;
  Noise noise;
  const auto near = [](const Vector& found, const Vector& expected) {
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found.at(i), expected[i], 1e-6);
  };
  for (std::size_t t = 0; t < 2; ++t) {
    const Wkv6 in = {.r = r[t], .w = w[t], .k = k[t], .v = v[t], .u = u, .head_size = 2};
    near(wkv6(in, s6, noise), y6[t]);
    const Wkv6 in_gla = {.r = r[t], .w = w[t], .k = k[t], .v = v[t], .u = none, .head_size = 2};
    near(wkv6(in_gla, s_gla, noise), y_gla[t]);
    near(wkv7({.r = r[t], .w = w[t], .k = k[t], .v = v[t], .a = a[t], .b = b[t], .head_size = 2},
              s7, noise),
         y7[t]);
  }
  near(s6, {0.372, -3.256, 2.265, 1.47});
  near(s_gla, s6);
  near(s7, {0.689786, 0.938021, -3.477264, 2.004048});
}

}  // namespace
}  // namespace eddy::reference
